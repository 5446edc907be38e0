-- When the service account was made that the trust was stored for: one that is made under its identifier
-- after it was deleted is not the one that was meant.
ALTER TABLE jwt_trusts ADD COLUMN service_account_made {int};
