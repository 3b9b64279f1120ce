-- What a socket uses is written while it is open: as parts, which carry tokens, money and bytes and count no call. The call
-- is counted when it ends.
ALTER TABLE usage_events ADD COLUMN is_part boolean NOT NULL DEFAULT false;

CREATE OR REPLACE FUNCTION sum_usage_hours() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO usage_hours AS known
    SELECT account_id, app_id, proxy_id, date_trunc('hour', occurred_at, 'UTC') AS began,
        CASE WHEN status < 400 THEN model END AS answered_by, plan_id,
        count(*) FILTER (WHERE NOT is_part),
        count(*) FILTER (WHERE NOT is_part AND (status >= 400 OR outcome = 'upstream_failed')),
        count(*) FILTER (WHERE NOT is_part AND outcome = 'completed'),
        count(*) FILTER (WHERE NOT is_part AND outcome = 'rejected'),
        count(*) FILTER (WHERE NOT is_part AND outcome = 'upstream_failed'),
        count(*) FILTER (WHERE NOT is_part AND outcome = 'client_aborted'),
        count(*) FILTER (WHERE NOT is_part AND app_check = 'passed'),
        count(*) FILTER (WHERE NOT is_part AND app_check = 'failed'),
        count(*) FILTER (WHERE NOT is_part AND app_check = 'missing'),
        count(*) FILTER (WHERE NOT is_part AND estimated),
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
        count(*) FILTER (WHERE NOT is_part),
        count(*) FILTER (WHERE NOT is_part AND (status >= 400 OR outcome = 'upstream_failed')),
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
