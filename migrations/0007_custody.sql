-- What the provider last said of a key, for the dashboard; the edge writes it, seldom. Not a change of the configuration.
ALTER TABLE sealed_keys
    ADD COLUMN last_refused_at timestamptz,
    ADD COLUMN last_refused_status integer;
DROP TRIGGER sealed_keys_config ON sealed_keys;
CREATE TRIGGER sealed_keys_config AFTER INSERT OR DELETE OR UPDATE OF id, proxy_id, account_id, version, sealed, weight
    ON sealed_keys FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();

-- Our half of what opens an app user's key: random for each, sealed under the account's data key. The other half is the
-- user's share, so that re-wrapping the data key needs no share.
ALTER TABLE byok_keys ADD COLUMN server_part bytea NOT NULL;
CREATE INDEX byok_keys_app ON byok_keys (app_id);

-- A deleted app user's keys go with them.
CREATE FUNCTION delete_byok_keys_of_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM byok_keys WHERE app_id = OLD.app_id AND issuer_id = OLD.issuer_id AND sub = OLD.sub;
    RETURN NULL;
END $$;
CREATE TRIGGER app_users_byok AFTER DELETE ON app_users FOR EACH ROW EXECUTE FUNCTION delete_byok_keys_of_user();
