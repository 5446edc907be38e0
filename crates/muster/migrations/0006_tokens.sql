CREATE TABLE api_keys (
    account_id {text} NOT NULL,
    org_id {text} NOT NULL,
    project_id {text} NOT NULL,
    kind {text} NOT NULL,
    parent_id {text} NOT NULL,
    identifier_key {text} NOT NULL,
    identifier {text} NOT NULL,
    name {text} NOT NULL,
    description {text},
    tags {text} NOT NULL,
    default_ttl_ms {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, org_id, project_id, kind, parent_id, identifier_key)
);

CREATE INDEX api_keys_by_parent ON api_keys (account_id, parent_id);

CREATE TABLE tokens (
    account_id {text} NOT NULL,
    token_id {text} NOT NULL,
    org_id {text} NOT NULL,
    project_id {text} NOT NULL,
    kind {text} NOT NULL,
    parent_id {text} NOT NULL,
    api_key_id {text} NOT NULL,
    identifier_key {text} NOT NULL,
    identifier {text} NOT NULL,
    name {text} NOT NULL,
    description {text},
    tags {text} NOT NULL,
    secret_sha256 {bytes} NOT NULL,
    valid_from {int} NOT NULL,
    valid_to {int},
    scheduled_expire_at {int},
    last_used_at {int},
    last_used_from {text},
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, token_id)
);

CREATE UNIQUE INDEX tokens_by_name ON tokens
    (account_id, org_id, project_id, kind, parent_id, api_key_id, identifier_key);
