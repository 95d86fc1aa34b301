-- Management and lists. What a list can be ordered or narrowed by has an index; what it counts has a total.

-- A number of its own, which the index of words needs; a deleted user's row stays, without what was personal in it.
ALTER TABLE users ADD COLUMN place INTEGER;
ALTER TABLE users ADD COLUMN deleted_at INTEGER;     -- NULL: not deleted
ALTER TABLE users ADD COLUMN erased_at INTEGER;      -- when nothing personal was left in any table
UPDATE users SET place = (SELECT count(*) FROM users AS earlier WHERE earlier.id <= users.id);
INSERT INTO sequences SELECT 'user', count(*) FROM users;
CREATE UNIQUE INDEX users_by_place ON users (place);
CREATE INDEX users_kept ON users (id) WHERE deleted_at IS NULL;
CREATE INDEX users_kept_by_username ON users (username, id) WHERE deleted_at IS NULL;
CREATE INDEX users_operators ON users (id, active) WHERE operator = 1 AND deleted_at IS NULL;
CREATE INDEX users_disabled ON users (id) WHERE active = 0 AND deleted_at IS NULL;
CREATE INDEX users_to_erase ON users (id) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;

-- A module's number is never given again in its organization: a token may still name it.
ALTER TABLE modules ADD COLUMN deleted_at INTEGER;   -- NULL: not removed

CREATE INDEX memberships_by_age ON memberships (organization, created_at, user);
CREATE INDEX memberships_of_administrators ON memberships (organization, user) WHERE role = 'administrator';

-- Every token has a row of use from its making on, so that "never" (0) can be asked for and ordered like any time.
-- Those of deleted tokens are in nobody's way.
INSERT OR IGNORE INTO token_uses (token, last_at, address, agent, count) SELECT id, 0, NULL, NULL, 0 FROM tokens;
ALTER TABLE token_uses ADD COLUMN kept INTEGER NOT NULL DEFAULT 1;
UPDATE token_uses SET kept = 0 WHERE token IN (SELECT id FROM tokens WHERE status = 'deleted');
CREATE INDEX token_uses_kept_by_last ON token_uses (last_at, token) WHERE kept = 1;

DROP INDEX tokens_kept_by_owner;
CREATE INDEX tokens_kept_by_owner ON tokens (owner, id) WHERE status <> 'deleted';
-- The exact count behind a quota, too.
CREATE INDEX tokens_kept_by_account ON tokens (owner, organization, id, expires_at) WHERE status <> 'deleted';
CREATE INDEX tokens_kept ON tokens (id) WHERE status <> 'deleted';
CREATE INDEX tokens_kept_by_organization ON tokens (organization, id) WHERE status <> 'deleted';
CREATE INDEX tokens_kept_by_name ON tokens (name COLLATE NOCASE, id) WHERE status <> 'deleted';
-- 9223372036854775807 stands for never, which comes last.
ALTER TABLE tokens ADD COLUMN dies_at INTEGER NOT NULL
    GENERATED ALWAYS AS (ifnull(expires_at, 9223372036854775807)) VIRTUAL;
CREATE INDEX tokens_kept_by_expiry ON tokens (dies_at, id) WHERE status <> 'deleted';
CREATE INDEX tokens_disabled ON tokens (id) WHERE status = 'disabled';
CREATE INDEX tokens_deleted ON tokens (id) WHERE status = 'deleted';
CREATE INDEX tokens_deleted_by_owner ON tokens (owner, id) WHERE status = 'deleted';
CREATE INDEX tokens_deleted_by_organization ON tokens (organization, id) WHERE status = 'deleted';

-- Substrings of names, by trigrams. The rowid is the row's place. Nothing of what was taken out stays in their pages.
CREATE VIRTUAL TABLE token_words USING fts5 (name, content = '', tokenize = 'trigram', detail = 'none');
INSERT INTO token_words (token_words, rank) VALUES ('secure-delete', 1);
INSERT INTO token_words (rowid, name) SELECT place, name FROM tokens WHERE status <> 'deleted';
CREATE VIRTUAL TABLE user_words
    USING fts5 (username, email, first_name, last_name, content = '', tokenize = 'trigram', detail = 'none');
INSERT INTO user_words (user_words, rank) VALUES ('secure-delete', 1);
INSERT INTO user_words (rowid, username, email, first_name, last_name)
    SELECT place, username, email, first_name, last_name FROM users;

-- How many rows a list has, counted along: 'tokens' and 'users' that aren't deleted, 'members', 'events'.
CREATE TABLE totals (
    list  TEXT NOT NULL,
    scope BLOB NOT NULL,                 -- an organization's id, a user's, or 16 zero bytes for the instance
    count INTEGER NOT NULL,
    PRIMARY KEY (list, scope)
) STRICT, WITHOUT ROWID;
INSERT INTO totals SELECT 'tokens', zeroblob(16), count(*) FROM tokens WHERE status <> 'deleted';
INSERT INTO totals SELECT 'tokens', organization, count(*) FROM tokens WHERE status <> 'deleted' GROUP BY 2;
INSERT INTO totals SELECT 'tokens', owner, count(*) FROM tokens WHERE status <> 'deleted' GROUP BY 2;
INSERT INTO totals SELECT 'users', zeroblob(16), count(*) FROM users;
INSERT INTO totals SELECT 'members', organization, count(*) FROM memberships GROUP BY 2;
INSERT INTO totals SELECT 'events', zeroblob(16), count(*) FROM events;
INSERT INTO totals SELECT 'events', organization, count(*) FROM events WHERE organization IS NOT NULL GROUP BY 2;

-- An event's link covers the digest, so that the address can be taken out of an old event without breaking the chain.
ALTER TABLE events ADD COLUMN address_digest BLOB;   -- NULL: no address, or one that the link covers as it stands
CREATE INDEX events_by_organization ON events (organization) WHERE organization IS NOT NULL;
CREATE INDEX events_by_actor ON events (actor_user) WHERE actor_user IS NOT NULL;
CREATE INDEX events_by_token ON events (actor_token) WHERE actor_token IS NOT NULL;
CREATE INDEX events_by_object ON events (object);
CREATE INDEX events_by_deed ON events (deed);

-- Where the chain of events ends, sealed: events cut off its end are missed.
CREATE TABLE chain_end (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    sequence    INTEGER NOT NULL,
    link        BLOB NOT NULL,
    seal        BLOB NOT NULL,
    seal_pepper INTEGER NOT NULL
) STRICT;
