-- What was said to be gone for good is: a proxy's figures go with it, and with its app and account.
DELETE FROM usage_events WHERE NOT EXISTS (SELECT 1 FROM proxies WHERE proxies.id = usage_events.proxy_id);
ALTER TABLE usage_events ADD CONSTRAINT usage_events_proxy FOREIGN KEY (proxy_id) REFERENCES proxies ON DELETE CASCADE;
