-- Whether a receiver took long the last time: those have few of the places that deliveries have.
ALTER TABLE webhooks ADD COLUMN slow {bool} NOT NULL DEFAULT FALSE;
