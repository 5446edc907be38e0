-- Until when a deleted account can be had back.
ALTER TABLE accounts ADD COLUMN status {text} NOT NULL DEFAULT 'ACTIVE';
ALTER TABLE accounts ADD COLUMN erase_at {int};
