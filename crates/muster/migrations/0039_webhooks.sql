-- Receivers of events. `seq` is the last number that one has acknowledged or was not meant for, `batch_end` that
-- of the batch which is under way, `due_at` when there is something to do, and nothing for one that has all; an
-- attempt has `claim` until then.
CREATE TABLE webhooks (
    account_id {text} NOT NULL,
    identifier {text} NOT NULL,
    name {text} NOT NULL,
    description {text},
    url {text} NOT NULL,
    types {text} NOT NULL,
    enabled {bool} NOT NULL,
    secret {text} NOT NULL,
    former_secret {text},
    former_until {int},
    seq {int} NOT NULL,
    batch_end {int},
    due_at {int},
    claim {text},
    failures {int} NOT NULL,
    failing_since {int},
    last_attempt_at {int},
    last_status {int},
    last_error {text},
    disabled_reason {text},
    version {int} NOT NULL,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    PRIMARY KEY (account_id, identifier)
);

CREATE INDEX webhooks_by_due ON webhooks (due_at);

-- How many an account has: who writes events of one without any does not look for them.
ALTER TABLE accounts ADD COLUMN webhooks {int} NOT NULL DEFAULT 0;
