-- How often tokens whose uses are counted were used. Such a token has a row from its making on: one without was robbed
-- of it, and isn't good any more.
CREATE TABLE token_meters (
    token       BLOB PRIMARY KEY,
    used        INTEGER NOT NULL,        -- in all
    began_at    INTEGER NOT NULL,        -- of the period that its rate is counted in
    began_used  INTEGER NOT NULL,        -- since then
    seal        BLOB NOT NULL,
    seal_pepper INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
