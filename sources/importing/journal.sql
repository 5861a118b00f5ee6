CREATE TABLE IF NOT EXISTS sent (
    destination TEXT NOT NULL,
    fact BLOB NOT NULL,     -- whose, what, on which day: what a later record replaces
    time INTEGER NOT NULL,  -- when it was recorded, microseconds since 1970
    content BLOB NOT NULL,
    PRIMARY KEY (destination, fact, time, content)
) WITHOUT ROWID;
