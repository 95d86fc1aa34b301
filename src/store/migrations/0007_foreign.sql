-- Tokens that were made elsewhere: by the digest that each's row of `tokens` has, an HMAC over a plain digest of its text.
-- That row is sealed: an edited one here finds nothing.
CREATE TABLE foreign_tokens (
    digest BLOB PRIMARY KEY,
    token  BLOB NOT NULL UNIQUE REFERENCES tokens (id)
) STRICT, WITHOUT ROWID;
