-- Where the record of events begins since somebody had its oldest part removed: after this event, whose link the next one
-- goes on from. No row while nothing was.
CREATE TABLE pruned (
    one         INTEGER PRIMARY KEY CHECK (one = 1),
    sequence    INTEGER NOT NULL,        -- the last event that is gone
    link        BLOB NOT NULL,           -- its link
    at          INTEGER NOT NULL,        -- when it was removed
    actor       TEXT NOT NULL,           -- by whom, as in events
    actor_user  BLOB,
    actor_token BLOB,
    seal        BLOB NOT NULL,
    seal_pepper INTEGER NOT NULL
) STRICT;
