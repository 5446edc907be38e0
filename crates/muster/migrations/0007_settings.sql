CREATE TABLE settings (
    account_id {text} NOT NULL,
    org_id {text} NOT NULL,
    project_id {text} NOT NULL,
    identifier {text} NOT NULL,
    value {text},
    allow_overrides {bool} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, org_id, project_id, identifier)
);
