CREATE TABLE jwt_trusts (
    account_id {text} NOT NULL,
    identifier {text} NOT NULL,
    document {text} NOT NULL,
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, identifier)
);
CREATE TABLE jwt_replays (
    account_id {text} NOT NULL,
    trust_id {text} NOT NULL,
    token_key {bytes} NOT NULL,
    expires_at {int} NOT NULL,
    PRIMARY KEY (account_id, trust_id, token_key)
);
CREATE INDEX jwt_replays_by_end ON jwt_replays (account_id, expires_at);
CREATE TABLE jwt_refusals (
    account_id {text} NOT NULL,
    trust_id {text} NOT NULL,
    at {int} NOT NULL,
    refusal_id {text} NOT NULL,
    document {text} NOT NULL,
    PRIMARY KEY (account_id, trust_id, at, refusal_id)
);
