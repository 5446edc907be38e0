-- The place that a user has in the order last sent. It goes with the membership: who comes back is a newcomer.
ALTER TABLE group_members ADD COLUMN place {int};

-- Orders of before, ids of 36 characters with a space between them. `user_order` is not read any more; servers of
-- the release before may still write it while they are replaced.
WITH RECURSIVE placed (account_id, group_id, member_id, place, rest) AS (
    SELECT account_id, group_id, substr(user_order, 1, 36), 0, substr(user_order, 38) FROM user_groups
        WHERE user_order IS NOT NULL
    UNION ALL
    SELECT account_id, group_id, substr(rest, 1, 36), place + 1, substr(rest, 38) FROM placed WHERE rest <> ''
)
UPDATE group_members SET place = placed.place FROM placed
    WHERE group_members.account_id = placed.account_id AND group_members.group_id = placed.group_id
    AND group_members.member_id = placed.member_id;
