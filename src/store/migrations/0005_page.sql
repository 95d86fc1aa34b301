-- The page: who is signed in, and how many checks there were in each hour.

-- Who is signed in at the page. What a browser presents isn't kept, only its keyed digest.
CREATE TABLE sessions (
    id           BLOB PRIMARY KEY,       -- a UUIDv7, which may be shown
    digest       BLOB NOT NULL UNIQUE,
    user         BLOB NOT NULL REFERENCES users (id),
    created_at   INTEGER NOT NULL,       -- when the password was given
    seen_at      INTEGER NOT NULL,       -- when it was used last, to the minute or so
    address      TEXT,                   -- where it was made from; NULL over a Unix socket
    agent        TEXT,
    seal         BLOB NOT NULL,
    seal_pepper  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user, id);
CREATE INDEX sessions_by_age ON sessions (created_at);
CREATE INDEX sessions_by_use ON sessions (seen_at);

-- How many checks there were in an hour, by what came of them: of the instance, of each organization, of each token. Only
-- hours in which there were any have a row. Nothing is decided by them, so they aren't sealed.
CREATE TABLE checks (
    id        BLOB NOT NULL,             -- the organization's or the token's; 16 zero bytes for the instance
    hour      INTEGER NOT NULL,          -- hours since 1970
    kind      INTEGER NOT NULL,          -- 0 the instance, 1 an organization, 2 a token
    admitted  INTEGER NOT NULL,
    dead      INTEGER NOT NULL,
    forbidden INTEGER NOT NULL,
    limited   INTEGER NOT NULL,
    unknown   INTEGER NOT NULL,          -- of the instance alone
    PRIMARY KEY (id, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX checks_by_age ON checks (kind, hour);

-- When tokens that are active expire: of all, of an organization's, of a user's in an organization. `status` is
-- in it so that no row has to be looked at.
CREATE INDEX tokens_active_by_expiry ON tokens (organization, owner, expires_at, status) WHERE status = 'active';
