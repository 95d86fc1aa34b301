-- jeton's schema, version 1. Times are integer milliseconds since 1970-01-01T00:00:00Z. Ids are 16-byte UUIDv7.
-- Lists of words (privileges, modules) are sorted and parted by single spaces. An optional text that isn't there is ''.
-- A `seal` is an HMAC under a key derived from the pepper `seal_pepper` over everything in the row that a decision
-- reads: a row edited by anything but jeton is refused.

-- This database, once.
CREATE TABLE instance (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    id         BLOB NOT NULL,            -- 16 random bytes: a pepper's check value is bound to it
    created_at INTEGER NOT NULL
) STRICT;

-- The peppers that this database has been used with. The keys are in pepper.key, outside.
CREATE TABLE peppers (
    id          INTEGER PRIMARY KEY,     -- the id of its line in the file
    check_value BLOB NOT NULL,           -- an HMAC over instance.id: tells the right key from another
    created_at  INTEGER NOT NULL
) STRICT;

-- The largest time ever seen, apart from `instance` because every commit moves it.
CREATE TABLE clock (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    seen_at INTEGER NOT NULL
) STRICT;

-- The last place given in each kind's sequence of numbers.
CREATE TABLE sequences (
    kind TEXT PRIMARY KEY,               -- 'token', 'organization', 'module'
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE organizations (
    id               BLOB PRIMARY KEY,
    place            INTEGER NOT NULL UNIQUE,  -- in the sequence of ACC- numbers
    slug             TEXT NOT NULL UNIQUE,
    name             TEXT NOT NULL,
    description      TEXT NOT NULL,
    image            TEXT NOT NULL,
    owner            BLOB REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED,
    enabled          INTEGER NOT NULL,
    privileges       TEXT NOT NULL,            -- that exist in it
    api_access       INTEGER NOT NULL,
    issuers          TEXT NOT NULL,            -- 'admins' or 'members'
    max_lifetime     INTEGER NOT NULL,         -- milliseconds
    default_lifetime INTEGER NOT NULL,         -- milliseconds
    allow_never      INTEGER NOT NULL,
    quota            INTEGER NOT NULL,         -- live tokens a user
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    change_sequence  INTEGER NOT NULL,
    seal             BLOB NOT NULL,
    seal_pepper      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    id              BLOB PRIMARY KEY,
    username        TEXT NOT NULL UNIQUE,
    email           TEXT NOT NULL,
    first_name      TEXT NOT NULL,
    last_name       TEXT NOT NULL,
    title           TEXT NOT NULL,
    image           TEXT NOT NULL,
    active          INTEGER NOT NULL,
    operator        INTEGER NOT NULL,
    home            BLOB NOT NULL REFERENCES organizations (id),
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    change_sequence INTEGER NOT NULL,
    seal            BLOB NOT NULL,
    seal_pepper     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Apart from `users`, so that no list and no check ever reads a hash.
CREATE TABLE passwords (
    user        BLOB PRIMARY KEY REFERENCES users (id),
    hash        TEXT NOT NULL,           -- argon2id in PHC form
    set_at      INTEGER NOT NULL,
    seal        BLOB NOT NULL,
    seal_pepper INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE memberships (
    user         BLOB NOT NULL REFERENCES users (id),
    organization BLOB NOT NULL REFERENCES organizations (id),
    role         TEXT NOT NULL,          -- 'administrator' or 'member'
    may_issue    INTEGER,                -- NULL leaves it to the organization's policy
    privileges   TEXT NOT NULL,          -- granted to the member
    kept_tokens  INTEGER NOT NULL,       -- tokens that aren't deleted: the quota's quick answer; not sealed
    created_at   INTEGER NOT NULL,
    seal         BLOB NOT NULL,
    seal_pepper  INTEGER NOT NULL,
    PRIMARY KEY (user, organization)
) STRICT, WITHOUT ROWID;

CREATE INDEX memberships_by_organization ON memberships (organization, user);

CREATE TABLE modules (
    id           BLOB PRIMARY KEY,
    organization BLOB NOT NULL REFERENCES organizations (id),
    number       TEXT NOT NULL,          -- MOD-dddd or MOD-dddd-dddd
    name         TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    UNIQUE (organization, number)
) STRICT, WITHOUT ROWID;

-- The secret is nowhere: `digest` is HMAC-SHA256 over the id and the secret under a key derived from a pepper.
-- Deleted rows stay, digest and all, so that a revoked token can be told from an unknown one.
CREATE TABLE tokens (
    id              BLOB PRIMARY KEY,
    place           INTEGER NOT NULL UNIQUE,   -- in the sequence of TKN- numbers
    digest          BLOB NOT NULL,
    pepper          INTEGER NOT NULL,          -- that the digest was made with
    owner           BLOB NOT NULL REFERENCES users (id),
    organization    BLOB NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    icon            TEXT NOT NULL,
    privileges      TEXT NOT NULL,
    modules         TEXT NOT NULL,             -- numbers, which are unique in the organization
    limits          TEXT NOT NULL,             -- '' for none
    restricted      INTEGER NOT NULL,
    minted_by       TEXT NOT NULL,             -- 'password', 'session', 'local' or 'token'
    minted_by_token BLOB,                      -- the token that minted it, where one did
    status          TEXT NOT NULL,             -- 'active', 'disabled' or 'deleted'; expired is derived
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,          -- use doesn't count
    expires_at      INTEGER,                   -- the first millisecond at which it is dead; NULL for never
    change_sequence INTEGER NOT NULL,          -- use doesn't raise it
    seal            BLOB NOT NULL,
    seal_pepper     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A user's own tokens, newest first, without the tombstones; and the exact count behind a quota.
CREATE INDEX tokens_kept_by_owner ON tokens (owner, id, organization, expires_at) WHERE status <> 'deleted';

-- What a token has minted.
CREATE INDEX tokens_by_minter ON tokens (minted_by_token) WHERE minted_by_token IS NOT NULL;

-- Use has a table of its own: it changes often, is written in batches, and isn't sealed.
CREATE TABLE token_uses (
    token   BLOB PRIMARY KEY,
    last_at INTEGER NOT NULL,
    address TEXT,                        -- of the peer; NULL over a Unix socket
    agent   TEXT,                        -- its User-Agent, cut short
    count   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Every mutation, in the transaction that made it. `link` is an HMAC over this row and the link before it.
CREATE TABLE events (
    sequence    INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    actor       TEXT NOT NULL,           -- 'local', 'password' or 'token'
    actor_user  BLOB,
    actor_token BLOB,
    address     TEXT,                    -- of the peer; NULL over a Unix socket and in-process
    deed        TEXT NOT NULL,           -- 'token.created', ...
    object_kind TEXT NOT NULL,           -- 'token', 'user' or 'organization'
    object      BLOB NOT NULL,
    organization BLOB,
    detail      TEXT NOT NULL,           -- names of the fields that changed
    link        BLOB NOT NULL,
    link_pepper INTEGER NOT NULL
) STRICT;
