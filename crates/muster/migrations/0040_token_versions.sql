-- What a change of a key or token is held against.
ALTER TABLE api_keys ADD COLUMN version {int} NOT NULL DEFAULT 1;
ALTER TABLE tokens ADD COLUMN version {int} NOT NULL DEFAULT 1;
