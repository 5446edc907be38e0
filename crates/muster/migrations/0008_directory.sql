CREATE TABLE users (
    account_id {text} NOT NULL,
    user_id {text} NOT NULL,
    user_name {text} NOT NULL,
    user_name_key {text} NOT NULL,
    external_id {text},
    email {text} NOT NULL,
    name {text} NOT NULL,
    active {bool} NOT NULL,
    externally_managed {bool} NOT NULL,
    doc {text} NOT NULL,
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, user_id)
);

CREATE UNIQUE INDEX users_by_user_name ON users (account_id, user_name_key);

CREATE INDEX users_by_external_id ON users (account_id, external_id);

CREATE TABLE user_groups (
    account_id {text} NOT NULL,
    group_id {text} NOT NULL,
    org_id {text} NOT NULL,
    project_id {text} NOT NULL,
    identifier {text} NOT NULL,
    name {text} NOT NULL,
    name_key {text} NOT NULL,
    external_id {text},
    externally_managed {bool} NOT NULL,
    description {text},
    tags {text} NOT NULL,
    member_count {int} NOT NULL,
    doc {text} NOT NULL,
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, group_id)
);

CREATE UNIQUE INDEX user_groups_by_identifier ON user_groups (account_id, org_id, project_id, identifier);

CREATE INDEX user_groups_by_name ON user_groups (account_id, name_key);

CREATE INDEX user_groups_by_external_id ON user_groups (account_id, external_id);

CREATE TABLE group_members (
    account_id {text} NOT NULL,
    group_id {text} NOT NULL,
    member_id {text} NOT NULL,
    member_kind {text} NOT NULL,
    added_at {int} NOT NULL,
    PRIMARY KEY (account_id, group_id, member_id)
) {narrow};

CREATE INDEX group_members_by_member ON group_members (account_id, member_id, group_id);

CREATE TABLE directory_index (
    account_id {text} NOT NULL,
    attr {text} NOT NULL,
    value_key {text} NOT NULL,
    resource_id {text} NOT NULL,
    qualifier {text} NOT NULL,
    PRIMARY KEY (account_id, attr, value_key, resource_id, qualifier)
) {narrow};
