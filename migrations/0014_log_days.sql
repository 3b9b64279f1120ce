-- A tier that was larger until then: what it keeps of single requests stays some days longer (keyward_domain::log_days).
ALTER TABLE accounts
    ADD COLUMN fell_from text CHECK (fell_from IN ('free', 'pro', 'scale')),
    ADD COLUMN fell_at timestamptz,
    ADD CONSTRAINT accounts_fall CHECK ((fell_from IS NULL) = (fell_at IS NULL));

-- Since when developers pay here: what was kept before that is not cut at once either. No row where they pay nothing.
CREATE TABLE billing_began (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    began_at timestamptz NOT NULL
);
