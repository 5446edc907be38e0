CREATE TABLE accounts (
    account_id {text} NOT NULL PRIMARY KEY,
    name {text} NOT NULL,
    version {int} NOT NULL,
    seq {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL
);

CREATE TABLE organizations (
    account_id {text} NOT NULL,
    identifier {text} NOT NULL,
    name {text} NOT NULL,
    description {text},
    tags {text} NOT NULL,
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, identifier)
);

CREATE TABLE projects (
    account_id {text} NOT NULL,
    org_id {text} NOT NULL,
    identifier {text} NOT NULL,
    name {text} NOT NULL,
    color {text},
    description {text},
    modules {text} NOT NULL,
    tags {text} NOT NULL,
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, org_id, identifier)
);
