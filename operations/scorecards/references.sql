-- What is in force: the latest record of each fact and day, as in figures.
CREATE TABLE claim AS
SELECT * FROM (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY fact, entity, day
            ORDER BY
                time DESC, source DESC, id DESC, iif(retracted, 'null', attributes) DESC,
                topic, partition, "offset"
        ) AS place
    FROM accepted
)
WHERE place = 1 AND NOT retracted;

CREATE TABLE reference (
    kind TEXT NOT NULL,
    field TEXT NOT NULL,
    fact TEXT NOT NULL,
    checked INTEGER NOT NULL     -- it is known what there is of the kind
) STRICT;

CREATE TABLE known (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

CREATE VIEW naming AS
SELECT kind, producer, fact, field, attributes ->> field AS value, checked, topic, partition, "offset"
FROM claim JOIN reference USING (fact);

-- Facts that name what is not known, and records that were refused for what they name, each line
-- with its first record.
CREATE VIEW dangling AS
SELECT * FROM (
    SELECT
        *,
        count(*) OVER line AS count,
        row_number() OVER (line ORDER BY topic, partition, "offset") AS place
    FROM (
        SELECT kind, producer, fact, field, value, topic, partition, "offset"
        FROM naming
        WHERE checked AND NOT EXISTS (
            SELECT 1 FROM known WHERE known.kind = naming.kind AND known.value = naming.value
        )
        UNION ALL
        SELECT kind, producer, NULL, named.field, value, topic, partition, "offset"
        FROM refused
        JOIN (SELECT DISTINCT kind, field FROM reference) AS named
            ON refused.field = 'data.' || named.field
    )
    WINDOW line AS (PARTITION BY kind, producer, fact, field, value)
)
WHERE place = 1
ORDER BY producer, count DESC, coalesce(fact, ''), field, coalesce(value, '');
