-- What an account's owners are told by mail (keyward_domain::notices): once per account, month, tier and kind. Written in the
-- transaction that decides it; who gets it is decided then, and each mail is sent at least once.
CREATE TABLE account_notices (
    id         uuid PRIMARY KEY,
    account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    month      date NOT NULL,
    tier       text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('near', 'over', 'stopped', 'payment_failed')),
    notice     jsonb NOT NULL,                   -- keyward_domain::notices::AccountNotice, as things were then
    decided_at timestamptz NOT NULL,
    CONSTRAINT account_notices_once UNIQUE (account_id, month, tier, kind)
);
CREATE INDEX account_notices_age ON account_notices (decided_at);

CREATE TABLE account_notice_mails (
    notice_id   uuid NOT NULL REFERENCES account_notices ON DELETE CASCADE,
    account_id  uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
    member_id   uuid NOT NULL REFERENCES members ON DELETE CASCADE,
    failures    integer NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL,            -- while one is sending it: when another may
    sent_at     timestamptz,
    PRIMARY KEY (notice_id, member_id)
);
CREATE INDEX account_notice_mails_due ON account_notice_mails (next_try_at) WHERE sent_at IS NULL;
