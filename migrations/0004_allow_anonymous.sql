-- Whether an issuer's anonymous users (Firebase and Supabase give a token to anyone who asks) may call the app's proxies.

ALTER TABLE issuers ADD COLUMN allow_anonymous boolean NOT NULL DEFAULT false;

DROP TRIGGER issuers_config ON issuers;
CREATE TRIGGER issuers_config AFTER INSERT OR DELETE OR UPDATE OF config, sealed_secret, allow_anonymous ON issuers
    FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();
