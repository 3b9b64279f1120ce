-- A session lives while its epoch is its member's; a new password begins another. So a sign-in that checked the old
-- password can't leave a session behind that was written after the others were ended.
ALTER TABLE members ADD COLUMN session_epoch integer NOT NULL DEFAULT 0;

-- Empty for a session without a member. Sessions from before this migration have none, and so end with it.
ALTER TABLE sessions ADD COLUMN session_epoch integer;
