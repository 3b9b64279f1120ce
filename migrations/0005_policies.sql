-- What a developer decides for an App, a Plan and a Proxy (keyward_domain::policy), one document each.
ALTER TABLE apps ADD COLUMN policy jsonb NOT NULL DEFAULT '{}';
ALTER TABLE plans ADD COLUMN policy jsonb NOT NULL DEFAULT '{}';
ALTER TABLE proxies ADD COLUMN policy jsonb NOT NULL DEFAULT '{}';

UPDATE proxies SET policy = jsonb_build_object('limits', jsonb_build_array(jsonb_build_object(
    'measure', 'requests', 'window', rate_limit->>'window', 'per', 'user', 'amount', (rate_limit->>'requests')::bigint)))
WHERE rate_limit IS NOT NULL;
ALTER TABLE proxies DROP COLUMN rate_limit;

-- Anonymous users: refused, as others, or in a plan of their own (keyward_domain::policy::AnonymousPolicy).
ALTER TABLE issuers
    ADD COLUMN anonymous_policy jsonb NOT NULL DEFAULT '{"kind": "deny"}',
    ADD COLUMN anonymous_plan_id uuid GENERATED ALWAYS AS ((anonymous_policy->>'plan')::uuid) STORED
        CONSTRAINT issuers_anonymous_plan REFERENCES plans;
UPDATE issuers SET anonymous_policy = '{"kind": "as_others"}' WHERE allow_anonymous;
DROP TRIGGER issuers_config ON issuers;
ALTER TABLE issuers DROP COLUMN allow_anonymous;
CREATE TRIGGER issuers_config AFTER INSERT OR DELETE OR UPDATE OF config, sealed_secret, anonymous_policy ON issuers
    FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();

-- Who may no longer call, or only with a token that was issued later.
ALTER TABLE app_users
    ADD COLUMN blocked_at timestamptz,
    ADD COLUMN tokens_not_before timestamptz;
CREATE INDEX app_users_revoked ON app_users (app_id) WHERE blocked_at IS NOT NULL OR tokens_not_before IS NOT NULL;
-- New users are no change of the configuration: a block is always an UPDATE of its own.
CREATE TRIGGER app_users_config AFTER UPDATE OF blocked_at, tokens_not_before ON app_users
    FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();

-- Several keys for a proxy, of which each takes its share.
ALTER TABLE sealed_keys DROP CONSTRAINT sealed_keys_one_per_proxy;
ALTER TABLE sealed_keys
    ADD COLUMN label text NOT NULL DEFAULT '',
    ADD COLUMN weight integer NOT NULL DEFAULT 1 CHECK (weight BETWEEN 0 AND 1000);
CREATE INDEX sealed_keys_proxy ON sealed_keys (proxy_id);

-- App users' own provider keys, sealed under the server's key and a share that only the user has.
CREATE TABLE byok_keys (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    app_id       uuid NOT NULL REFERENCES apps ON DELETE CASCADE,
    proxy_id     uuid NOT NULL REFERENCES proxies ON DELETE CASCADE,
    issuer_id    uuid NOT NULL REFERENCES issuers ON DELETE CASCADE,
    sub          text NOT NULL,
    version      integer NOT NULL,                -- part of what the seal is bound to
    share_hash   bytea NOT NULL,                  -- SHA-256; the share itself is nowhere
    sealed       bytea NOT NULL,
    hint         text NOT NULL,                   -- last four characters of the key
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX byok_keys_owner ON byok_keys (proxy_id, issuer_id, sub);

ALTER TABLE usage_events
    ADD COLUMN plan_id uuid,
    ADD COLUMN byok_key_id uuid,
    ADD COLUMN app_check text,                    -- keyward_domain::usage::AppCheckOutcome; NULL where it is off
    ADD COLUMN estimated boolean NOT NULL DEFAULT false;
CREATE INDEX usage_events_byok ON usage_events (byok_key_id, occurred_at) WHERE byok_key_id IS NOT NULL;

-- What an edge without Redis has counted, for its next start. Keys and values are keyward_domain::limits'.
CREATE TABLE limit_counters (
    app_id     uuid NOT NULL REFERENCES apps ON DELETE CASCADE,
    key        text NOT NULL,
    counter    jsonb NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (app_id, key)
);
CREATE INDEX limit_counters_expiry ON limit_counters (expires_at);
