DROP TABLE provisioning_log;

-- Entries of one account and time, packed together. What is asked of all blocks stands in the key, so that the index
-- alone tells it.
CREATE TABLE provisioning_log (
    account_id {text} NOT NULL,
    last_id {text} NOT NULL,
    first_id {text} NOT NULL,
    entries {int} NOT NULL,
    size {int} NOT NULL,
    packed {bytes} NOT NULL,
    PRIMARY KEY (account_id, last_id, first_id, entries, size)
);
