-- What makes a journal of each version out of one of the version before.

-- name: 2
-- Version 1 has records without zones, nothing unresolved, no findings.
BEGIN IMMEDIATE;
ALTER TABLE record ADD COLUMN zone TEXT NOT NULL DEFAULT '';
ALTER TABLE record ADD COLUMN was TEXT NOT NULL DEFAULT '';
ALTER TABLE sheet ADD COLUMN header_row INTEGER NOT NULL DEFAULT 1;
CREATE TABLE finding (
    row      INTEGER NOT NULL REFERENCES row (id),
    severity TEXT NOT NULL,
    topic    TEXT NOT NULL,
    message  TEXT NOT NULL,
    hint     TEXT NOT NULL,
    field    TEXT NOT NULL,
    cell     TEXT NOT NULL
);
PRAGMA user_version = 2;
COMMIT;

-- name: 3
-- Version 2 knows no groups into which records belong, and not what the requests came to.
BEGIN IMMEDIATE;
CREATE TABLE binding (
    record   INTEGER NOT NULL,
    group_id TEXT NOT NULL,
    state    TEXT NOT NULL,
    PRIMARY KEY (record, group_id)
) WITHOUT ROWID;
CREATE TABLE traffic (
    target    TEXT NOT NULL,
    second    INTEGER NOT NULL,
    requests  INTEGER NOT NULL,
    limited   INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    slowest   REAL NOT NULL,
    latencies BLOB NOT NULL
);
PRAGMA user_version = 3;
COMMIT;
