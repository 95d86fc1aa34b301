-- The life of a token: rotation, ties, idleness, leaks; what it was used from and for; replies that can be given again.

ALTER TABLE tokens ADD COLUMN tied INTEGER NOT NULL DEFAULT 0;   -- good only while its minter is
ALTER TABLE tokens ADD COLUMN max_idle INTEGER;                  -- milliseconds; NULL leaves it to the policy
ALTER TABLE tokens ADD COLUMN replaces BLOB;                     -- the token that it replaces, or is to replace
ALTER TABLE tokens ADD COLUMN line BLOB;                         -- the first of those that took each other's places;
                                                                 -- NULL: it is the first itself
ALTER TABLE tokens ADD COLUMN waits_until INTEGER;               -- for its first use; NULL: it waits for nothing
ALTER TABLE tokens ADD COLUMN linger INTEGER;                    -- milliseconds that the other lives on after that
ALTER TABLE tokens ADD COLUMN superseded_by BLOB;
ALTER TABLE tokens ADD COLUMN superseded_at INTEGER;
ALTER TABLE tokens ADD COLUMN cause TEXT NOT NULL DEFAULT '';    -- of the status: '', 'idle', 'leak' or 'undone'
ALTER TABLE tokens ADD COLUMN status_at INTEGER;                 -- since when it has it; NULL: not kept then
CREATE INDEX tokens_by_replaced ON tokens (replaces) WHERE replaces IS NOT NULL;
CREATE INDEX tokens_by_line ON tokens (line, id) WHERE line IS NOT NULL;
CREATE INDEX tokens_current ON tokens (line)
    WHERE line IS NOT NULL AND superseded_by IS NULL AND waits_until IS NULL;
CREATE INDEX tokens_waiting ON tokens (waits_until) WHERE waits_until IS NOT NULL AND status <> 'deleted';
CREATE INDEX tokens_kept_by_idleness ON tokens (max_idle, id) WHERE max_idle IS NOT NULL AND status <> 'deleted';

ALTER TABLE organizations ADD COLUMN max_idle INTEGER;           -- milliseconds; NULL: a token may lie idle
ALTER TABLE organizations ADD COLUMN on_leak TEXT NOT NULL DEFAULT 'record';   -- or 'disable' or 'delete'

-- What is announced to tokens that nobody uses; and the time that processes have lived through, which it is done by.
CREATE TABLE idle_notices (
    token        BLOB PRIMARY KEY,
    action       TEXT NOT NULL,          -- 'disable' or 'delete'
    announced_at INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    ripe_at      INTEGER NOT NULL,       -- as idle_clock.lived counts
    seal         BLOB NOT NULL,
    seal_pepper  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idle_notices_by_ripeness ON idle_notices (ripe_at, token);
CREATE TABLE idle_clock (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    lived       INTEGER NOT NULL,        -- milliseconds
    held_until  INTEGER NOT NULL,        -- as `lived` counts: until then nothing is done
    gaps        TEXT NOT NULL,           -- what the clock jumped over: 'from-to' each, parted by single spaces
    seal        BLOB NOT NULL,
    seal_pepper INTEGER NOT NULL
) STRICT;
CREATE INDEX organizations_by_idleness ON organizations (max_idle, id) WHERE max_idle IS NOT NULL;
-- Where tokens were found that others can read. Told, not believed: nothing is decided by these rows.
CREATE TABLE token_leaks (
    id INTEGER PRIMARY KEY,
    token BLOB NOT NULL REFERENCES tokens (id),
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,                 -- whoever reported it calls such a token so
    url TEXT NOT NULL,
    source TEXT NOT NULL,
    address TEXT                        -- the reporter's; NULL where it is unknown or was blanked
) STRICT;
CREATE INDEX leaks_by_token ON token_leaks (token, at);
-- What tokens were used from and for, in the last month. Nothing is decided by these rows.
CREATE TABLE token_sources (
    token       BLOB NOT NULL,
    address     TEXT NOT NULL,           -- '' for none; 'others' for all that aren't told apart
    agent       TEXT NOT NULL,           -- '' for none
    first_at    INTEGER NOT NULL,
    last_at     INTEGER NOT NULL,
    count       INTEGER NOT NULL,
    successor   BLOB,                    -- what was to take the token's place at the last use, or had taken it
    since_count INTEGER NOT NULL,        -- of `count`, since that one was made
    PRIMARY KEY (token, address, agent)
) STRICT, WITHOUT ROWID;
CREATE TABLE token_demands (
    token     BLOB NOT NULL,
    privilege TEXT NOT NULL,             -- '' where it was asked about and not said for what
    last_at   INTEGER NOT NULL,
    PRIMARY KEY (token, privilege)
) STRICT, WITHOUT ROWID;
CREATE TABLE recording (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    began_at    INTEGER NOT NULL,        -- from then on both were kept
    looked_at   INTEGER NOT NULL,        -- when it was last looked for rows that are too old
    prunes_from INTEGER NOT NULL         -- until then none is taken away: the clock may have jumped
) STRICT;

-- Whom a revocation of many is about.
CREATE INDEX token_uses_kept_by_address ON token_uses (address, token) WHERE kept = 1;
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
