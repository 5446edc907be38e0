CREATE TABLE roles (
    account_id {text} NOT NULL,
    org_id {text} NOT NULL,
    project_id {text} NOT NULL,
    identifier {text} NOT NULL,
    name {text} NOT NULL,
    description {text},
    tags {text} NOT NULL,
    permissions {text} NOT NULL,
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, org_id, project_id, identifier)
);

CREATE TABLE resource_groups (
    account_id {text} NOT NULL,
    org_id {text} NOT NULL,
    project_id {text} NOT NULL,
    identifier {text} NOT NULL,
    name {text} NOT NULL,
    color {text} NOT NULL,
    description {text},
    tags {text} NOT NULL,
    included_scopes {text} NOT NULL,
    resource_filter {text} NOT NULL,
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, org_id, project_id, identifier)
);

CREATE TABLE role_assignments (
    account_id {text} NOT NULL,
    org_id {text} NOT NULL,
    project_id {text} NOT NULL,
    identifier {text} NOT NULL,
    role_id {text} NOT NULL,
    resource_group_id {text} NOT NULL,
    principal_kind {text} NOT NULL,
    principal_id {text} NOT NULL,
    principal_level {text} NOT NULL,
    disabled {bool} NOT NULL,
    managed {bool} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, org_id, project_id, identifier)
);

CREATE UNIQUE INDEX role_assignments_once ON role_assignments
    (account_id, principal_kind, principal_id, principal_level, org_id, project_id, role_id, resource_group_id);
