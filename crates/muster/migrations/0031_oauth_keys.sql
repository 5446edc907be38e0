CREATE TABLE oauth_keys (
    account_id {text} NOT NULL PRIMARY KEY,
    secret {bytes} NOT NULL,
    created_at {int} NOT NULL
);
