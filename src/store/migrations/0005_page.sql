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
