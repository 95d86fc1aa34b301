-- Keys that read a calendar of what expires, and nothing else. What a calendar program presents isn't kept, only its keyed
-- digest.
CREATE TABLE feeds (
    id           BLOB PRIMARY KEY,       -- a UUIDv7, which may be shown
    digest       BLOB NOT NULL UNIQUE,
    user         BLOB NOT NULL REFERENCES users (id),
    organization BLOB REFERENCES organizations (id), -- all tokens in it; NULL for the user's own, wherever
    created_at   INTEGER NOT NULL,
    seal         BLOB NOT NULL,
    seal_pepper  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX feeds_by_user ON feeds (user, id);
