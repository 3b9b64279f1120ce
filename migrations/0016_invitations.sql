-- People of an account: since when they belong to it, and who was invited by mail.
ALTER TABLE account_members ADD COLUMN joined_at timestamptz NOT NULL DEFAULT now();
UPDATE account_members SET joined_at = members.created_at FROM members WHERE members.id = member_id;

-- Only the SHA-256 of the link's token is here; it is consumed by one UPDATE.
CREATE TABLE invitations (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    email        text NOT NULL,                  -- lower case
    role         text NOT NULL CHECK (role IN ('owner', 'admin', 'viewer')),
    token_sha256 bytea NOT NULL CONSTRAINT invitations_token UNIQUE,
    invited_by   uuid NOT NULL REFERENCES members ON DELETE CASCADE,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz
);
CREATE UNIQUE INDEX invitations_open ON invitations (account_id, email) WHERE used_at IS NULL;
CREATE INDEX invitations_invited_by ON invitations (invited_by);
CREATE INDEX invitations_age ON invitations (expires_at);
