-- A list in JSON, as clients sent it; nothing for none.
ALTER TABLE user_groups ADD COLUMN notification_configs {text};
