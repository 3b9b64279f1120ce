-- Plans have an order of the developer's.
ALTER TABLE plans ADD COLUMN position integer NOT NULL DEFAULT 0;
UPDATE plans SET position = ranked.place FROM (
    SELECT id, row_number() OVER (PARTITION BY app_id ORDER BY is_default DESC, created_at, id) AS place FROM plans
) AS ranked WHERE ranked.id = plans.id;

-- Where an App's users buy: Stripe, RevenueCat.
CREATE TABLE purchase_sources (
    app_id       uuid NOT NULL REFERENCES apps ON DELETE CASCADE,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    source       text NOT NULL CHECK (source IN ('stripe', 'revenue_cat')),
    sealed_key   bytea NOT NULL,                  -- with which we read the seller's records
    key_hint     text NOT NULL,                   -- last four characters
    live         boolean NOT NULL,                -- real money, or the seller's test mode
    connected_at timestamptz NOT NULL,
    checked_at   timestamptz NOT NULL,            -- when the seller last took the key
    next_run_at  timestamptz NOT NULL,            -- of the reconciler
    last_run_at  timestamptz,
    last_run_ok  boolean,
    last_run_note text,
    run_failures integer NOT NULL DEFAULT 0,
    heard_until  timestamptz,                     -- events up to then were looked through by the reconciler
    compared_at  timestamptz,                     -- when everything bought was last compared with what we have
    PRIMARY KEY (app_id, source)
);

-- What a seller signs its webhooks with; several while one replaces another.
CREATE TABLE webhook_secrets (
    id         uuid PRIMARY KEY,
    app_id     uuid NOT NULL,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    source     text NOT NULL,
    sealed     bytea NOT NULL,
    hint       text NOT NULL,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz,                     -- when it last verified a webhook
    FOREIGN KEY (app_id, source) REFERENCES purchase_sources ON DELETE CASCADE
);
CREATE INDEX webhook_secrets_source ON webhook_secrets (app_id, source);

-- Webhooks that were taken: one that comes again changes nothing. Thrown away after 30 days.
CREATE TABLE purchase_events (
    app_id      uuid NOT NULL,
    source      text NOT NULL,
    event_id    text NOT NULL,
    kind        text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (app_id, source, event_id),
    FOREIGN KEY (app_id, source) REFERENCES purchase_sources ON DELETE CASCADE
);
CREATE INDEX purchase_events_age ON purchase_events (received_at);

-- A seller's customer: who that is, and what it has bought, as the seller said when it was last read.
-- `wanted` and `read` are numbers of `purchase_reads`: whoever reads takes a number before it begins, and a reading is
-- written only over one that began before it. `wanted > read` is one that is still to be read.
CREATE SEQUENCE purchase_reads;
CREATE TABLE purchasers (
    id           uuid PRIMARY KEY,
    app_id       uuid NOT NULL,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    source       text NOT NULL,
    customer_id  text NOT NULL,
    issuer_id    uuid REFERENCES issuers ON DELETE SET NULL,
    sub          text,
    linked_by    text,                            -- keyward_domain::plans::LinkKind
    named_user   text,                            -- whom the seller's records name, found or not
    email        text,                            -- lower case
    entitlements jsonb NOT NULL DEFAULT '[]',     -- [keyward_domain::plans::Entitlement]
    wanted       bigint NOT NULL,
    read         bigint NOT NULL DEFAULT 0,
    read_at      timestamptz,
    next_try_at  timestamptz NOT NULL,
    failures     integer NOT NULL DEFAULT 0,
    last_error   text,
    revision     bigint NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL,
    CONSTRAINT purchasers_customer_unique UNIQUE (app_id, source, customer_id),
    FOREIGN KEY (app_id, source) REFERENCES purchase_sources ON DELETE CASCADE
);
CREATE INDEX purchasers_due ON purchasers (next_try_at) WHERE wanted > read;
CREATE INDEX purchasers_subject ON purchasers (app_id, issuer_id, sub);
CREATE INDEX purchasers_revision ON purchasers (revision);

-- A user's plan set by hand; none where it was taken back, which the edge has to hear of too.
CREATE TABLE plan_overrides (
    app_id     uuid NOT NULL REFERENCES apps ON DELETE CASCADE,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    issuer_id  uuid NOT NULL REFERENCES issuers ON DELETE CASCADE,
    sub        text NOT NULL,
    plan_id    uuid REFERENCES plans ON DELETE SET NULL,
    until      timestamptz,
    set_at     timestamptz NOT NULL,
    revision   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (issuer_id, sub)
);
CREATE INDEX plan_overrides_app ON plan_overrides (app_id);
CREATE INDEX plan_overrides_revision ON plan_overrides (revision);

-- The edge reads what is newer than it knows. A number is taken under a lock that is held until the commit, so that
-- nobody sees a number before all smaller ones.
CREATE TABLE plan_feed (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    revision bigint NOT NULL
);
INSERT INTO plan_feed (revision) VALUES (0);

CREATE FUNCTION number_in_plan_feed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE plan_feed SET revision = plan_feed.revision + 1 RETURNING plan_feed.revision INTO NEW.revision;
    PERFORM pg_notify('keyward_plans', '');
    RETURN NEW;
END $$;

CREATE TRIGGER purchasers_feed_new BEFORE INSERT ON purchasers
    FOR EACH ROW WHEN (NEW.entitlements <> '[]') EXECUTE FUNCTION number_in_plan_feed();
CREATE TRIGGER purchasers_feed BEFORE UPDATE ON purchasers FOR EACH ROW
    WHEN ((OLD.entitlements, OLD.issuer_id, OLD.sub, OLD.email) IS DISTINCT FROM (NEW.entitlements, NEW.issuer_id, NEW.sub, NEW.email))
    EXECUTE FUNCTION number_in_plan_feed();
CREATE TRIGGER plan_overrides_feed BEFORE INSERT OR UPDATE ON plan_overrides
    FOR EACH ROW EXECUTE FUNCTION number_in_plan_feed();

-- Rows that are gone leave no number: the configuration says which sellers an App has, and of others nothing counts.
CREATE TRIGGER purchase_sources_config AFTER INSERT OR DELETE ON purchase_sources
    FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();
