-- How long the log beside the database was, in bytes, when it was last weighed whether the last word on each thing is enough of
-- it; 0: never.
ALTER TABLE journal ADD COLUMN weighed INTEGER NOT NULL DEFAULT 0;
