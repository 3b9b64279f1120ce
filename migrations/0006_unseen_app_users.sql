-- A user may be blocked who never called; there is no time at which such a user was seen.
ALTER TABLE app_users
    ALTER COLUMN first_seen_at DROP NOT NULL,
    ALTER COLUMN last_seen_at DROP NOT NULL;
-- The dashboard's list: last seen first, the never seen at the end.
CREATE INDEX app_users_list ON app_users (app_id, (coalesce(last_seen_at, to_timestamp(0))) DESC, id DESC);
