CREATE TABLE accepted (
    producer TEXT NOT NULL,
    source TEXT NOT NULL,
    id TEXT NOT NULL,
    time INTEGER NOT NULL,       -- when it was recorded, microseconds since 1970 UTC
    fact TEXT NOT NULL,
    entity TEXT NOT NULL,
    day INTEGER NOT NULL,        -- effective day, proleptic ordinal
    late INTEGER NOT NULL,       -- days from the effective day to the recording
    attributes TEXT NOT NULL,    -- canonical JSON
    retracted INTEGER NOT NULL,
    replayed INTEGER NOT NULL,   -- the monitor sent it again after a refusal
    misplaced INTEGER NOT NULL,  -- not on the partition of its entity
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" INTEGER NOT NULL
) STRICT;

CREATE TABLE refused (
    producer TEXT NOT NULL,
    reason TEXT NOT NULL,
    field TEXT NOT NULL,
    value TEXT,                  -- where it may be shown
    owner TEXT,                  -- of the fact, where it was refused as another producer's
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" INTEGER NOT NULL
) STRICT;

-- The records by their source and id. What the producer sent counts before what the monitor sent
-- again, and of two recordings the later one, in any order of reading.
CREATE VIEW event AS
SELECT
    producer,
    count(*) FILTER (WHERE NOT replayed) AS sent,
    count(DISTINCT time || ' ' || fact || ' ' || day || ' ' || retracted || attributes)
        FILTER (WHERE NOT replayed) AS contents,
    sum(misplaced AND NOT replayed) AS misplaced,
    coalesce(max(late) FILTER (WHERE NOT replayed), max(late)) AS late,
    max(time) AS time
FROM accepted
GROUP BY producer, source, id;

CREATE VIEW card AS
SELECT
    producer,
    count(*) AS accepted,
    sum(sent = 0) AS replayed,
    sum(sent - contents) AS duplicates,
    sum(max(contents - 1, 0)) AS reused_ids,
    sum(misplaced) AS misplaced,
    -- Nearest rank: the smallest number of days that holds for the share.
    min(late) FILTER (WHERE 10 * place >= 5 * events) AS median,
    min(late) FILTER (WHERE 10 * place >= 9 * events) AS ninth_decile,
    max(late) AS most,
    max(time) AS last_event
FROM (
    SELECT
        *,
        row_number() OVER (PARTITION BY producer ORDER BY late) AS place,
        count(*) OVER (PARTITION BY producer) AS events
    FROM event
)
GROUP BY producer;

-- Each kind of refusal with its first record.
CREATE VIEW refusal AS
SELECT * FROM (
    SELECT
        *,
        count(*) OVER kind AS count,
        row_number() OVER (kind ORDER BY topic, partition, "offset") AS place
    FROM refused
    WINDOW kind AS (PARTITION BY producer, reason, field)
)
WHERE place = 1
ORDER BY count DESC, reason, field;
