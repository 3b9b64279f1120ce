-- Usage events in partitions by UTC day, which the dashboard makes ahead and drops; what no day takes is in the default one.
-- Sums by hour are kept as events come in, and outlive them.
ALTER TABLE usage_events RENAME TO usage_events_before;
ALTER TABLE usage_events_before RENAME CONSTRAINT usage_events_pkey TO usage_events_before_pkey;
ALTER TABLE usage_events_before RENAME CONSTRAINT usage_events_proxy TO usage_events_before_proxy;
ALTER INDEX usage_events_proxy_time RENAME TO usage_events_before_proxy_time;
ALTER INDEX usage_events_account_time RENAME TO usage_events_before_account_time;
ALTER INDEX usage_events_byok RENAME TO usage_events_before_byok;

CREATE TABLE usage_events (
    LIKE usage_events_before INCLUDING DEFAULTS,
    -- The edge makes both once and for all, so that an event sent twice counts once.
    CONSTRAINT usage_events_pkey PRIMARY KEY (id, occurred_at),
    CONSTRAINT usage_events_proxy FOREIGN KEY (proxy_id) REFERENCES proxies ON DELETE CASCADE
) PARTITION BY RANGE (occurred_at);
CREATE INDEX usage_events_proxy_time ON usage_events (proxy_id, occurred_at);
CREATE INDEX usage_events_account_time ON usage_events (account_id, occurred_at);
CREATE TABLE usage_events_default PARTITION OF usage_events DEFAULT;

-- By proxy, model and plan.
CREATE TABLE usage_hours (
    account_id       uuid NOT NULL,
    app_id           uuid NOT NULL,
    proxy_id         uuid NOT NULL CONSTRAINT usage_hours_proxy REFERENCES proxies ON DELETE CASCADE,
    hour             timestamptz NOT NULL,         -- its beginning, in UTC
    model            text,                         -- of replies only: what was refused may name anything
    plan_id          uuid,
    requests         bigint NOT NULL,
    errors           bigint NOT NULL,              -- what the client saw as one, and replies that broke off
    completed        bigint NOT NULL,
    rejected         bigint NOT NULL,
    upstream_failed  bigint NOT NULL,
    client_aborted   bigint NOT NULL,
    check_passed     bigint NOT NULL,              -- App Check
    check_failed     bigint NOT NULL,
    check_missing    bigint NOT NULL,
    estimated        bigint NOT NULL,              -- calls whose tokens are not the provider's own figures
    input_tokens     bigint NOT NULL,
    cached_tokens    bigint NOT NULL,
    output_tokens    bigint NOT NULL,
    cost_micro_usd   bigint NOT NULL,
    request_bytes    bigint NOT NULL,
    response_bytes   bigint NOT NULL,
    CONSTRAINT usage_hours_one UNIQUE NULLS NOT DISTINCT (proxy_id, hour, account_id, app_id, model, plan_id)
);
CREATE INDEX usage_hours_account ON usage_hours (account_id, hour);

-- By proxy, user and the user's own key.
CREATE TABLE usage_user_hours (
    account_id       uuid NOT NULL,
    app_id           uuid NOT NULL,
    proxy_id         uuid NOT NULL CONSTRAINT usage_user_hours_proxy REFERENCES proxies ON DELETE CASCADE,
    hour             timestamptz NOT NULL,
    issuer_id        uuid,
    sub              text NOT NULL,
    byok_key_id      uuid,
    requests         bigint NOT NULL,
    errors           bigint NOT NULL,
    input_tokens     bigint NOT NULL,
    output_tokens    bigint NOT NULL,
    cost_micro_usd   bigint NOT NULL,
    CONSTRAINT usage_user_hours_one UNIQUE NULLS NOT DISTINCT (proxy_id, hour, issuer_id, sub, byok_key_id, account_id, app_id)
);
CREATE INDEX usage_user_hours_account ON usage_user_hours (account_id, hour);
CREATE INDEX usage_user_hours_byok ON usage_user_hours (byok_key_id, hour) WHERE byok_key_id IS NOT NULL;

-- Adds what a statement really inserted: a duplicate is not among it. In a fixed order, so that two edges can't lock each other out.
CREATE FUNCTION sum_usage_hours() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO usage_hours AS known
    SELECT account_id, app_id, proxy_id, date_trunc('hour', occurred_at, 'UTC') AS began,
        CASE WHEN status < 400 THEN model END AS answered_by, plan_id,
        count(*), count(*) FILTER (WHERE status >= 400 OR outcome = 'upstream_failed'),
        count(*) FILTER (WHERE outcome = 'completed'), count(*) FILTER (WHERE outcome = 'rejected'),
        count(*) FILTER (WHERE outcome = 'upstream_failed'), count(*) FILTER (WHERE outcome = 'client_aborted'),
        count(*) FILTER (WHERE app_check = 'passed'), count(*) FILTER (WHERE app_check = 'failed'),
        count(*) FILTER (WHERE app_check = 'missing'), count(*) FILTER (WHERE estimated),
        coalesce(sum(input_tokens), 0), coalesce(sum(cached_tokens), 0), coalesce(sum(output_tokens), 0),
        coalesce(sum(cost_micro_usd), 0), sum(request_bytes), sum(response_bytes)
    FROM finished
    GROUP BY proxy_id, began, account_id, app_id, answered_by, plan_id
    ORDER BY proxy_id, began, account_id, app_id, answered_by, plan_id
    ON CONFLICT ON CONSTRAINT usage_hours_one DO UPDATE SET
        requests = known.requests + excluded.requests,
        errors = known.errors + excluded.errors,
        completed = known.completed + excluded.completed,
        rejected = known.rejected + excluded.rejected,
        upstream_failed = known.upstream_failed + excluded.upstream_failed,
        client_aborted = known.client_aborted + excluded.client_aborted,
        check_passed = known.check_passed + excluded.check_passed,
        check_failed = known.check_failed + excluded.check_failed,
        check_missing = known.check_missing + excluded.check_missing,
        estimated = known.estimated + excluded.estimated,
        input_tokens = known.input_tokens + excluded.input_tokens,
        cached_tokens = known.cached_tokens + excluded.cached_tokens,
        output_tokens = known.output_tokens + excluded.output_tokens,
        cost_micro_usd = known.cost_micro_usd + excluded.cost_micro_usd,
        request_bytes = known.request_bytes + excluded.request_bytes,
        response_bytes = known.response_bytes + excluded.response_bytes;

    INSERT INTO usage_user_hours AS known
    SELECT account_id, app_id, proxy_id, date_trunc('hour', occurred_at, 'UTC') AS began, issuer_id, sub, byok_key_id,
        count(*), count(*) FILTER (WHERE status >= 400 OR outcome = 'upstream_failed'),
        coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cost_micro_usd), 0)
    FROM finished WHERE sub IS NOT NULL
    GROUP BY proxy_id, began, issuer_id, sub, byok_key_id, account_id, app_id
    ORDER BY proxy_id, began, issuer_id, sub, byok_key_id, account_id, app_id
    ON CONFLICT ON CONSTRAINT usage_user_hours_one DO UPDATE SET
        requests = known.requests + excluded.requests,
        errors = known.errors + excluded.errors,
        input_tokens = known.input_tokens + excluded.input_tokens,
        output_tokens = known.output_tokens + excluded.output_tokens,
        cost_micro_usd = known.cost_micro_usd + excluded.cost_micro_usd;
    RETURN NULL;
END $$;
CREATE TRIGGER usage_events_hours AFTER INSERT ON usage_events REFERENCING NEW TABLE AS finished
    FOR EACH STATEMENT EXECUTE FUNCTION sum_usage_hours();

-- What there is already is summed on its way.
INSERT INTO usage_events SELECT * FROM usage_events_before;
DROP TABLE usage_events_before;

-- For how long single events are kept.
ALTER TABLE apps ADD COLUMN usage_retention_days integer NOT NULL DEFAULT 90
    CONSTRAINT apps_usage_retention CHECK (usage_retention_days BETWEEN 1 AND 400);
