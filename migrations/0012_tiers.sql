-- What an account has of us (keyward_domain::tiers), where the installation takes money.
ALTER TABLE accounts
    ADD COLUMN tier text NOT NULL DEFAULT 'free' CHECK (tier IN ('free', 'pro', 'scale')),
    ADD COLUMN stripe_customer text CONSTRAINT accounts_stripe_customer UNIQUE,
    ADD COLUMN subscription jsonb,                -- keyward_domain::plans::Entitlement that pays for the tier
    ADD COLUMN billing_read bigint NOT NULL DEFAULT 0,   -- of `billing_reads`: a reading is written over an older one only
    ADD COLUMN billing_read_at timestamptz,
    ADD COLUMN over_since timestamptz,            -- when this month's requests were first seen to be used up
    ADD COLUMN stopped boolean NOT NULL DEFAULT false;
CREATE SEQUENCE billing_reads;

CREATE TABLE billing_events (
    event_id    text PRIMARY KEY,
    kind        text NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX billing_events_age ON billing_events (received_at);

-- Requests that reached a provider, by calendar month of UTC. What is deleted with a proxy has been used all the same.
CREATE TABLE account_months (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    month      date NOT NULL,
    requests   bigint NOT NULL,
    PRIMARY KEY (account_id, month)
);
CREATE INDEX account_months_most ON account_months (month, requests);

CREATE FUNCTION count_account_months() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO account_months AS known (account_id, month, requests)
    SELECT account_id, date_trunc('month', occurred_at AT TIME ZONE 'UTC')::date AS month, count(*)
    FROM finished WHERE NOT is_part AND outcome <> 'rejected' AND account_id IN (SELECT id FROM accounts)
    GROUP BY account_id, month ORDER BY account_id, month
    ON CONFLICT (account_id, month) DO UPDATE SET requests = known.requests + excluded.requests;
    RETURN NULL;
END $$;
CREATE TRIGGER usage_events_account_months AFTER INSERT ON usage_events REFERENCING NEW TABLE AS finished
    FOR EACH STATEMENT EXECUTE FUNCTION count_account_months();

INSERT INTO account_months (account_id, month, requests)
SELECT account_id, date_trunc('month', hour AT TIME ZONE 'UTC')::date, sum(requests - rejected)
FROM usage_hours WHERE account_id IN (SELECT id FROM accounts) GROUP BY 1, 2;

DROP TRIGGER accounts_config ON accounts;
CREATE TRIGGER accounts_config AFTER UPDATE OF wrapped_data_key, stopped ON accounts
    FOR EACH ROW EXECUTE FUNCTION config_account_changed();
