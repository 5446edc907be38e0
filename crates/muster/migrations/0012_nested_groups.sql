-- Which groups a group is in: asked with every read of a person, and mostly none.
CREATE INDEX group_members_nested ON group_members (account_id, member_id, group_id)
    WHERE member_kind = 'Group';
