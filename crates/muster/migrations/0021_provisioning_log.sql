CREATE TABLE provisioning_log (
    account_id {text} NOT NULL,
    id {text} NOT NULL,
    size {int} NOT NULL,
    at {int} NOT NULL,
    status {int} NOT NULL,
    method {text} NOT NULL,
    path {text} NOT NULL,
    client {text} NOT NULL,
    principal_id {text} NOT NULL,
    principal_label {text} NOT NULL,
    request_id {text} NOT NULL,
    resource_id {text},
    dry_run {bool} NOT NULL,
    detail {text} NOT NULL,
    request {text},
    response {text},
    PRIMARY KEY (account_id, id, size)
);

CREATE TABLE provisioning_log_lost (
    account_id {text} NOT NULL PRIMARY KEY,
    entries {int} NOT NULL,
    last_at {int} NOT NULL
);
