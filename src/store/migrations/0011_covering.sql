-- A list that steps over an index of tokens reads no row for that: `status`, which each such statement names, is in it. And
-- a token's end is in its index as it is in its row, since whatever is made up for an index has each row read.
DROP INDEX tokens_kept;
DROP INDEX tokens_kept_by_owner;
DROP INDEX tokens_kept_by_account;
DROP INDEX tokens_kept_by_organization;
DROP INDEX tokens_kept_by_name;
DROP INDEX tokens_kept_by_expiry;
ALTER TABLE tokens DROP COLUMN dies_at;
CREATE INDEX tokens_kept ON tokens (id, status) WHERE status <> 'deleted';
CREATE INDEX tokens_kept_by_owner ON tokens (owner, id, status) WHERE status <> 'deleted';
CREATE INDEX tokens_kept_by_account ON tokens (owner, organization, id, expires_at, status) WHERE status <> 'deleted';
CREATE INDEX tokens_kept_by_organization ON tokens (organization, id, status) WHERE status <> 'deleted';
CREATE INDEX tokens_kept_by_name ON tokens (name COLLATE NOCASE, id, status) WHERE status <> 'deleted';
-- Those that never end come first in it.
CREATE INDEX tokens_kept_by_expiry ON tokens (expires_at, id, status) WHERE status <> 'deleted';
