-- version: 2
-- Records get zones, rows can be unresolved, findings are kept.
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

-- version: 3
BEGIN IMMEDIATE;
-- Records belong into groups.
CREATE TABLE binding (
    record   INTEGER NOT NULL,
    group_id TEXT NOT NULL,
    state    TEXT NOT NULL,
    PRIMARY KEY (record, group_id)
) WITHOUT ROWID;
PRAGMA user_version = 3;
COMMIT;
