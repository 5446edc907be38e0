CREATE TABLE setup_codes (
    account_id {text} NOT NULL PRIMARY KEY,
    sha256 {bytes} NOT NULL,
    created_at {int} NOT NULL
);
