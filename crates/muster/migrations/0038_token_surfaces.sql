-- Where a token may be presented: names of surfaces with a space between.
ALTER TABLE tokens ADD COLUMN surfaces {text} NOT NULL DEFAULT 'scim platform';
