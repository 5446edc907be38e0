CREATE TABLE service_accounts (
    account_id {text} NOT NULL,
    org_id {text} NOT NULL,
    project_id {text} NOT NULL,
    identifier {text} NOT NULL,
    name {text} NOT NULL,
    email {text} NOT NULL,
    description {text},
    tags {text} NOT NULL,
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, org_id, project_id, identifier)
);
