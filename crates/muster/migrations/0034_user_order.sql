ALTER TABLE user_groups ADD COLUMN user_order {text};
