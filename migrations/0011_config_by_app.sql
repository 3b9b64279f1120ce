-- The edge reads anew only the apps that have changed: each has the version at which it last did. Numbers are taken under a
-- lock that is held until the commit, so that none is seen before a smaller one. An app is locked before the number is
-- taken, as everywhere.
ALTER TABLE apps ADD COLUMN config_version bigint NOT NULL DEFAULT 0;
CREATE INDEX apps_config_version ON apps (config_version);
CREATE INDEX plans_app ON plans (app_id);

-- An edge that did not look for a while has to hear of these too.
CREATE TABLE deleted_apps (
    app_id         uuid PRIMARY KEY,
    config_version bigint NOT NULL
);
CREATE INDEX deleted_apps_config_version ON deleted_apps (config_version);

DROP TRIGGER accounts_config ON accounts;
DROP TRIGGER apps_config ON apps;
DROP TRIGGER plans_config ON plans;
DROP TRIGGER issuers_config ON issuers;
DROP TRIGGER proxies_config ON proxies;
DROP TRIGGER sealed_keys_config ON sealed_keys;
DROP TRIGGER app_users_config ON app_users;
DROP TRIGGER purchase_sources_config ON purchase_sources;
DROP FUNCTION bump_config_version();

CREATE FUNCTION change_config_of(changed_apps uuid[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE number bigint;
BEGIN
    IF cardinality(changed_apps) = 0 THEN RETURN NULL; END IF;
    PERFORM FROM apps WHERE id = ANY (changed_apps) ORDER BY id FOR NO KEY UPDATE;
    UPDATE config_version SET version = version + 1 RETURNING version INTO number;
    UPDATE apps SET config_version = number WHERE id = ANY (changed_apps);
    PERFORM pg_notify('keyward_config', '');
    RETURN number;
END $$;

-- Of a statement on a table that names the app.
CREATE FUNCTION config_rows_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM change_config_of(ARRAY(SELECT DISTINCT app_id FROM changed));
    RETURN NULL;
END $$;

CREATE FUNCTION config_keys_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM change_config_of(ARRAY(SELECT DISTINCT app_id FROM proxies WHERE id IN (SELECT proxy_id FROM changed)));
    RETURN NULL;
END $$;

CREATE FUNCTION config_apps_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE number bigint;
BEGIN
    number := change_config_of(ARRAY(SELECT id FROM changed));
    IF TG_OP = 'DELETE' THEN
        INSERT INTO deleted_apps (app_id, config_version) SELECT id, number FROM changed;
    END IF;
    RETURN NULL;
END $$;

-- Of a row, where only some of its columns are the edge's concern.
CREATE FUNCTION config_row_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM change_config_of(ARRAY[NEW.app_id]);
    RETURN NULL;
END $$;

CREATE FUNCTION config_key_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM change_config_of(ARRAY(SELECT app_id FROM proxies WHERE id IN (OLD.proxy_id, NEW.proxy_id)));
    RETURN NULL;
END $$;

CREATE FUNCTION config_app_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM change_config_of(ARRAY[NEW.id]);
    RETURN NULL;
END $$;

CREATE FUNCTION config_account_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM change_config_of(ARRAY(SELECT id FROM apps WHERE account_id = NEW.id));
    RETURN NULL;
END $$;

CREATE TRIGGER accounts_config AFTER UPDATE OF wrapped_data_key ON accounts
    FOR EACH ROW EXECUTE FUNCTION config_account_changed();

CREATE TRIGGER apps_config_new AFTER INSERT ON apps REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION config_apps_changed();
CREATE TRIGGER apps_config_gone AFTER DELETE ON apps REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION config_apps_changed();
CREATE TRIGGER apps_config AFTER UPDATE OF id, account_id, policy ON apps
    FOR EACH ROW EXECUTE FUNCTION config_app_changed();

CREATE TRIGGER plans_config_new AFTER INSERT ON plans REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION config_rows_changed();
CREATE TRIGGER plans_config_gone AFTER DELETE ON plans REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION config_rows_changed();
CREATE TRIGGER plans_config AFTER UPDATE ON plans REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION config_rows_changed();

CREATE TRIGGER issuers_config_new AFTER INSERT ON issuers REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION config_rows_changed();
CREATE TRIGGER issuers_config_gone AFTER DELETE ON issuers REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION config_rows_changed();
CREATE TRIGGER issuers_config AFTER UPDATE OF id, app_id, account_id, config, sealed_secret, anonymous_policy ON issuers
    FOR EACH ROW EXECUTE FUNCTION config_row_changed();

CREATE TRIGGER proxies_config_new AFTER INSERT ON proxies REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION config_rows_changed();
CREATE TRIGGER proxies_config_gone AFTER DELETE ON proxies REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION config_rows_changed();
CREATE TRIGGER proxies_config AFTER UPDATE ON proxies REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION config_rows_changed();

CREATE TRIGGER sealed_keys_config_new AFTER INSERT ON sealed_keys REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION config_keys_changed();
CREATE TRIGGER sealed_keys_config_gone AFTER DELETE ON sealed_keys REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION config_keys_changed();
CREATE TRIGGER sealed_keys_config AFTER UPDATE OF id, proxy_id, account_id, version, sealed, weight ON sealed_keys
    FOR EACH ROW EXECUTE FUNCTION config_key_changed();

-- New users are no change of the configuration: a block is always an UPDATE of its own. Their deletion with an issuer is
-- the issuer's change.
CREATE TRIGGER app_users_config AFTER UPDATE OF blocked_at, tokens_not_before ON app_users
    FOR EACH ROW EXECUTE FUNCTION config_row_changed();

CREATE TRIGGER purchase_sources_config_new AFTER INSERT ON purchase_sources REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION config_rows_changed();
CREATE TRIGGER purchase_sources_config_gone AFTER DELETE ON purchase_sources REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION config_rows_changed();
