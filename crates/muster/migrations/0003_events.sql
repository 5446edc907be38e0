CREATE TABLE events (
    account_id {text} NOT NULL,
    seq {int} NOT NULL,
    at {int} NOT NULL,
    kind {text} NOT NULL,
    resource_type {text} NOT NULL,
    resource_id {text} NOT NULL,
    data {text} NOT NULL,
    PRIMARY KEY (account_id, seq)
) {narrow};
