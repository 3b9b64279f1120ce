-- The first schema. Times are timestamptz in UTC; money is whole micro-USD; secrets are sealed (see docs/SECURITY.md).
-- Every table that holds a developer's data carries account_id, so that every query can name it.

CREATE TABLE accounts (
    id               uuid PRIMARY KEY,
    name             text NOT NULL,
    wrapped_data_key bytea NOT NULL,               -- the account's data key, sealed under the key-encryption key
    created_at       timestamptz NOT NULL
);

CREATE TABLE members (
    id            uuid PRIMARY KEY,
    email         text NOT NULL CONSTRAINT members_email_unique UNIQUE,   -- lower case
    password_hash text NOT NULL,
    verified_at   timestamptz,
    created_at    timestamptz NOT NULL
);

CREATE TABLE account_members (
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    member_id  uuid NOT NULL REFERENCES members ON DELETE CASCADE,
    role       text NOT NULL CHECK (role IN ('owner', 'admin', 'viewer')),
    PRIMARY KEY (account_id, member_id)
);
CREATE INDEX account_members_member ON account_members (member_id);

-- Links sent by e-mail: only the SHA-256 of the token is here; it is consumed by one UPDATE.
CREATE TABLE email_tokens (
    token_sha256 bytea PRIMARY KEY,
    member_id    uuid NOT NULL REFERENCES members ON DELETE CASCADE,
    purpose      text NOT NULL CHECK (purpose IN ('verify', 'reset')),
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz
);

-- The session id in the cookie is stored as its SHA-256.
CREATE TABLE sessions (
    id_sha256    bytea PRIMARY KEY,
    data         bytea NOT NULL,
    member_id    uuid REFERENCES members ON DELETE CASCADE,
    public_id    uuid NOT NULL UNIQUE,             -- names the session in the list, where the id must not appear
    user_agent   text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL
);
CREATE INDEX sessions_member ON sessions (member_id);

-- Exponential back-off; the subject is 'account:<sha256 of address>' or 'ip:<address>'.
CREATE TABLE attempt_backoffs (
    subject       text PRIMARY KEY,
    failures      integer NOT NULL,
    blocked_until timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL
);

-- Messages kept instead of sent: development only.
CREATE TABLE dev_mails (
    id         uuid PRIMARY KEY,
    recipient  text NOT NULL,
    subject    text NOT NULL,
    body       text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE apps (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name       text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT apps_name_unique UNIQUE (account_id, name)
);

CREATE TABLE plans (
    id         uuid PRIMARY KEY,
    app_id     uuid NOT NULL REFERENCES apps ON DELETE CASCADE,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name       text NOT NULL,
    is_default boolean NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX plans_one_default ON plans (app_id) WHERE is_default;

CREATE TABLE issuers (
    id               uuid PRIMARY KEY,
    app_id           uuid NOT NULL REFERENCES apps ON DELETE CASCADE,
    account_id       uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    config           jsonb NOT NULL,               -- keyward_domain::issuer::IssuerConfig
    sealed_secret    bytea,                        -- legacy HS256 secret, where the config calls for one
    last_check_at    timestamptz,
    last_check_ok    boolean,
    last_check_note  text,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL
);
CREATE INDEX issuers_app ON issuers (app_id);

CREATE TABLE proxies (
    id              uuid PRIMARY KEY,
    app_id          uuid NOT NULL REFERENCES apps ON DELETE CASCADE,
    account_id      uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    slug            text NOT NULL CONSTRAINT proxies_slug_unique UNIQUE,
    name            text NOT NULL,
    provider        text NOT NULL,                 -- a name from the catalogue, or 'custom'
    base_url        text NOT NULL,
    key_placement   jsonb NOT NULL,                -- keyward_domain::provider::KeyPlacement
    enabled         boolean NOT NULL,
    rules           jsonb NOT NULL,                -- [keyward_domain::rules::EndpointRule]
    rate_limit      jsonb,                         -- keyward_domain::limits::RateLimit
    allowed_origins text[] NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL
);
CREATE INDEX proxies_app ON proxies (app_id);

-- One row is the key in use; `version` is part of what the seal is bound to.
CREATE TABLE sealed_keys (
    id         uuid PRIMARY KEY,
    proxy_id   uuid NOT NULL CONSTRAINT sealed_keys_one_per_proxy UNIQUE REFERENCES proxies ON DELETE CASCADE,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    version    integer NOT NULL,
    sealed     bytea NOT NULL,
    hint       text NOT NULL,                      -- last four characters
    created_at timestamptz NOT NULL
);

CREATE TABLE app_users (
    id            uuid PRIMARY KEY,
    app_id        uuid NOT NULL REFERENCES apps ON DELETE CASCADE,
    account_id    uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    issuer_id     uuid NOT NULL REFERENCES issuers ON DELETE CASCADE,
    sub           text NOT NULL,
    first_seen_at timestamptz NOT NULL,
    last_seen_at  timestamptz NOT NULL,
    CONSTRAINT app_users_subject_unique UNIQUE (issuer_id, sub)
);

-- Who created an object at the provider. Kept when an issuer is deleted: ownership must never become free.
CREATE TABLE resource_owners (
    proxy_id    uuid NOT NULL REFERENCES proxies ON DELETE CASCADE,
    kind        text NOT NULL,
    resource_id text NOT NULL,
    issuer_id   uuid NOT NULL,
    sub         text NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (proxy_id, kind, resource_id)
);
CREATE INDEX resource_owners_subject ON resource_owners (proxy_id, kind, issuer_id, sub);

CREATE TABLE usage_events (
    id              uuid PRIMARY KEY,              -- made by the edge, so that a batch sent twice counts once
    account_id      uuid NOT NULL,
    app_id          uuid NOT NULL,
    proxy_id        uuid NOT NULL,
    issuer_id       uuid,
    sub             text,
    occurred_at     timestamptz NOT NULL,
    method          text NOT NULL,
    endpoint        text,                          -- the rule's template, never the raw path
    status          integer NOT NULL,              -- what the client was sent
    outcome         text NOT NULL,                 -- keyward_domain::usage::Outcome
    code            text,                          -- the Rejection's stable code
    model           text,
    input_tokens    bigint,
    cached_tokens   bigint,
    output_tokens   bigint,
    cost_micro_usd  bigint,
    request_bytes   bigint NOT NULL,
    response_bytes  bigint NOT NULL,
    first_byte_ms   integer,
    duration_ms     integer NOT NULL
);
CREATE INDEX usage_events_proxy_time ON usage_events (proxy_id, occurred_at);
CREATE INDEX usage_events_account_time ON usage_events (account_id, occurred_at);

-- What the edge serves from has a version; any change bumps it and says so at once.
CREATE TABLE config_version (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version  bigint NOT NULL
);
INSERT INTO config_version (version) VALUES (1);

CREATE FUNCTION bump_config_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE config_version SET version = version + 1;
    PERFORM pg_notify('keyward_config', '');
    RETURN NULL;
END $$;

CREATE TRIGGER accounts_config AFTER UPDATE OF wrapped_data_key ON accounts FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();
CREATE TRIGGER apps_config AFTER INSERT OR UPDATE OR DELETE ON apps FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();
CREATE TRIGGER plans_config AFTER INSERT OR UPDATE OR DELETE ON plans FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();
CREATE TRIGGER issuers_config AFTER INSERT OR DELETE OR UPDATE OF config, sealed_secret ON issuers FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();
CREATE TRIGGER proxies_config AFTER INSERT OR UPDATE OR DELETE ON proxies FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();
CREATE TRIGGER sealed_keys_config AFTER INSERT OR UPDATE OR DELETE ON sealed_keys FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();

-- Which key-encryption key this database belongs to, so that starting with another one is refused at once.
CREATE TABLE key_ring (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    fingerprint bytea NOT NULL
);
