-- The log beside the database of what took away or gave back: which one it is, and how much of it this database has seen.
CREATE TABLE journal (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    log         BLOB,                    -- the HMAC of its first line; NULL: none was begun yet
    sequence    INTEGER NOT NULL,        -- of the last record that this database knows
    key         BLOB NOT NULL,           -- of its HMACs, encrypted under the pepper `key_pepper`
    key_pepper  INTEGER NOT NULL,
    seal        BLOB NOT NULL,
    seal_pepper INTEGER NOT NULL
) STRICT;
