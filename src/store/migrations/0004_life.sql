-- The life of a token: rotation, ties, idleness, leaks; what it was used from and for; replies that can be given again.

ALTER TABLE tokens ADD COLUMN tied INTEGER NOT NULL DEFAULT 0;   -- good only while its minter is
ALTER TABLE tokens ADD COLUMN max_idle INTEGER;                  -- milliseconds; NULL leaves it to the policy
ALTER TABLE tokens ADD COLUMN replaces BLOB;                     -- the token that it replaces, or is to replace
ALTER TABLE tokens ADD COLUMN waits_until INTEGER;               -- for its first use; NULL: it waits for nothing
ALTER TABLE tokens ADD COLUMN linger INTEGER;                    -- milliseconds that the other lives on after that
ALTER TABLE tokens ADD COLUMN superseded_by BLOB;
ALTER TABLE tokens ADD COLUMN superseded_at INTEGER;
ALTER TABLE tokens ADD COLUMN cause TEXT NOT NULL DEFAULT '';    -- of the status: '', 'idle', 'leak' or 'undone'
ALTER TABLE tokens ADD COLUMN status_at INTEGER;                 -- since when it has it; NULL: not kept then
CREATE INDEX tokens_by_replaced ON tokens (replaces) WHERE replaces IS NOT NULL;
CREATE INDEX tokens_waiting ON tokens (waits_until) WHERE waits_until IS NOT NULL AND status <> 'deleted';
CREATE INDEX tokens_kept_by_idleness ON tokens (id) WHERE max_idle IS NOT NULL AND status <> 'deleted';

ALTER TABLE organizations ADD COLUMN max_idle INTEGER;           -- milliseconds; NULL: a token may lie idle
ALTER TABLE organizations ADD COLUMN on_leak TEXT NOT NULL DEFAULT 'record';   -- or 'disable' or 'delete'

-- The reply to a request that came with an Idempotency-Key and made a token: for ten minutes, encrypted under a key that
-- takes both the pepper and the idempotency key, so that it can be given again and read by nobody else.
CREATE TABLE replies (
    key         BLOB PRIMARY KEY,        -- a keyed digest of the idempotency key
    request     BLOB NOT NULL,           -- a keyed digest of what came with it
    caller      TEXT NOT NULL,           -- 'local', 'password' or 'token'
    caller_id   BLOB,                    -- the user or the token
    token       BLOB NOT NULL UNIQUE,
    reply       BLOB,                    -- ciphertext; NULL once the token was used
    until       INTEGER NOT NULL,
    seal        BLOB NOT NULL,
    seal_pepper INTEGER NOT NULL
) STRICT;
