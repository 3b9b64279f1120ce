-- Subscriptions that an account pays for beside the one of its tier: keyward_domain::plans::Entitlement, to be canceled by hand.
ALTER TABLE accounts ADD COLUMN subscriptions_beside jsonb NOT NULL DEFAULT '[]';
