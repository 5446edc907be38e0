ALTER TABLE provisioning_log ADD COLUMN packed {bytes};
