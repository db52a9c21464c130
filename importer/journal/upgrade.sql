-- From version 1 (records without zones, nothing unresolved, no findings) to version 2.
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
