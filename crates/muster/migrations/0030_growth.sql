-- When users came and when they last changed. With the id, so that an index alone says who.
CREATE INDEX users_by_created ON users (account_id, created_at, user_id);

CREATE INDEX users_by_updated ON users (account_id, updated_at, user_id);

-- Mostly few are inactive, and an active user costs nothing here.
CREATE INDEX users_inactive ON users (account_id, user_id) WHERE active = FALSE;

-- Users of the account, so that a list need not count them. Changes with the events of their coming and going.
ALTER TABLE accounts ADD COLUMN user_count {int} NOT NULL DEFAULT 0;

UPDATE accounts SET user_count = (SELECT count(*) FROM users WHERE users.account_id = accounts.account_id);

-- What SQLite's planner believes: a large account among others, whatever the size is now. Gathered statistics of
-- a young account let it go through whole tables for as long as the server runs, and without any it takes an
-- account for ten rows. Each line is rows of the index, then rows with the same first column, first two, and so on.
{sqlite} ANALYZE sqlite_schema;

{sqlite} DELETE FROM sqlite_stat1;

{sqlite} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'sqlite_autoindex_users_1', '1000000 100000 1');

{sqlite} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_by_user_name', '1000000 100000 1');

{sqlite} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_by_external_id', '1000000 100000 1');

{sqlite} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_by_created', '1000000 100000 1 1');

{sqlite} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_by_updated', '1000000 100000 1 1');

{sqlite} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('users', 'users_inactive', '20000 2000 1');

{sqlite} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('user_groups', 'sqlite_autoindex_user_groups_1', '1000000 100000 1');

{sqlite} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('user_groups', 'user_groups_by_identifier', '1000000 100000 100000 100000 1');

{sqlite} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('user_groups', 'user_groups_by_name', '1000000 100000 2');

{sqlite} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('user_groups', 'user_groups_by_external_id', '1000000 100000 2');

{sqlite} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('group_members', 'group_members', '5000000 500000 100 1');

{sqlite} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('group_members', 'group_members_by_member', '5000000 500000 10 1');

{sqlite} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('group_members', 'group_members_nested', '500 500 2 1');

{sqlite} INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('directory_index', 'directory_index', '10000000 1000000 100000 4 1 1');
