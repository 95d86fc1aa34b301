-- What was gathered of tokens' uses and checks and isn't in the tables yet: where many tokens are used, appending it here and
-- merging it later, many uses of a token at a time, costs a fraction of changing a row of each table for each.

-- The tokens are parted by their ids, so that what is merged together lies together in the tables. No row: nothing is
-- spilled, and the parts are chosen anew.
CREATE TABLE spill_parts (
    first BLOB PRIMARY KEY,              -- its tokens' ids aren't before this, and before the next part's
    part  INTEGER NOT NULL,              -- 0 and up
    bytes INTEGER NOT NULL               -- spilled and not merged yet
) STRICT, WITHOUT ROWID;

CREATE TABLE spill (
    place INTEGER PRIMARY KEY,           -- part * 2^32 + a number that ascends
    what  BLOB NOT NULL                  -- some tokens with what was gathered of each, packed
) STRICT;
