-- Extensions of users and groups (SCHEMA) and resource types (TYPE) that an account defines.
CREATE TABLE scim_definitions (
    account_id {text} NOT NULL,
    kind {text} NOT NULL,
    name_key {text} NOT NULL,
    name {text} NOT NULL,
    doc {text} NOT NULL,
    pending {bool} NOT NULL,
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, kind, name_key)
);

-- Goes up with each change of a definition: a write that was read by older ones is not carried out.
CREATE TABLE scim_generations (
    account_id {text} NOT NULL PRIMARY KEY,
    generation {int} NOT NULL
);

-- Resources of the account's own types.
CREATE TABLE objects (
    account_id {text} NOT NULL,
    object_id {text} NOT NULL,
    type_key {text} NOT NULL,
    external_id {text},
    doc {text} NOT NULL,
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, object_id)
);

CREATE INDEX objects_by_type ON objects (account_id, type_key, object_id);

CREATE INDEX objects_by_external_id ON objects (account_id, external_id);
