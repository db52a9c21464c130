-- The run's memory. `record.state` is a journal.State: planned, sending, in_doubt and unbound while the run goes on, then a statuses.Status.

CREATE TABLE fact (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE source (
    id     INTEGER PRIMARY KEY,
    name   TEXT NOT NULL,  -- as the user gave it
    path   TEXT NOT NULL,  -- absolute; empty for standard input
    sha256 TEXT NOT NULL   -- of the bytes that were read
);

CREATE TABLE sheet (
    id        INTEGER PRIMARY KEY,  -- 0, 1, 2 ... in the order of reading
    source    TEXT NOT NULL,
    name      TEXT NOT NULL,
    header    BLOB NOT NULL,  -- JSON array of text
    positions BLOB NOT NULL,  -- JSON array of 0-based columns
    not_used  BLOB NOT NULL,  -- JSON array of the headers that are none of ours
    header_row INTEGER NOT NULL DEFAULT 1,  -- 0: there is no header
    origin    TEXT NOT NULL DEFAULT '', -- of a report read again: the source that its rows come from
    place     TEXT NOT NULL DEFAULT ''  -- of a report read again: the table of `source` in which they stand
);

CREATE TABLE row (
    id     INTEGER PRIMARY KEY,  -- in the order of the source
    sheet  INTEGER NOT NULL REFERENCES sheet (id),
    number INTEGER NOT NULL,
    line   INTEGER NOT NULL,
    cells  BLOB NOT NULL  -- JSON array of text, as it stands in the source
);

-- What was found wrong while a row was read, and does not show in its cells any more: a rerun finds it here.
CREATE TABLE flaw (
    row      INTEGER PRIMARY KEY REFERENCES row (id),
    problems BLOB NOT NULL  -- JSON array of records.Problem, each an array
);

CREATE TABLE record (
    id          INTEGER PRIMARY KEY,  -- in the order of the source: 1024 * row + the number of the part, from 0
    row         INTEGER NOT NULL REFERENCES row (id),
    part        TEXT NOT NULL,
    kind        TEXT,            -- NULL where the row does not say
    target      TEXT,            -- NULL where the kind is
    scope       TEXT,            -- what one question to the target covers: a Rootly schedule, all of Opal
    key         TEXT,            -- JSON array: the whole record, and what makes two records the same
    state       TEXT NOT NULL,
    first       INTEGER,         -- of a duplicate: the record it is the same as
    returned_id TEXT NOT NULL DEFAULT '',
    http_status INTEGER NOT NULL DEFAULT 0,
    error       TEXT NOT NULL DEFAULT '',
    cell        TEXT NOT NULL DEFAULT '',
    hint        TEXT NOT NULL DEFAULT '',
    attempts    INTEGER NOT NULL DEFAULT 0,
    finished_at TEXT NOT NULL DEFAULT '',
    run         TEXT NOT NULL DEFAULT '',
    zone        TEXT NOT NULL DEFAULT '',  -- the IANA zone that a shadow's times were written in; empty where none was
    replaces    TEXT NOT NULL DEFAULT '',  -- what the target deletes for it: ids, with a comma between them
    was         TEXT NOT NULL DEFAULT ''   -- while unresolved: the state that an earlier run left, empty where none did;
                                           -- while not in all of its groups: created or exists;
                                           -- while in doubt: duplicate, if only the first one with its key was sent;
                                           -- of an undo, while still in some: what it becomes afterwards
);

-- The groups that a record belongs to; the state of each pair is a journal.BindingState.
CREATE TABLE binding (
    record   INTEGER NOT NULL,
    group_id TEXT NOT NULL,
    state    TEXT NOT NULL,
    PRIMARY KEY (record, group_id)
) WITHOUT ROWID;

-- The names of ids: from the target's lists, or from a row.
CREATE TABLE known (
    what  TEXT NOT NULL,  -- user, schedule, group; of a schedule in another system that system's name
    id    TEXT NOT NULL,
    name  TEXT NOT NULL,
    email TEXT NOT NULL,  -- of a user; else empty
    PRIMARY KEY (what, id)
) WITHOUT ROWID;

-- What findings of one kind share. Every row can have one, so they are stored compactly.
CREATE TABLE finding_kind (
    id       INTEGER PRIMARY KEY,
    severity TEXT NOT NULL,  -- a records.Severity
    topic    TEXT NOT NULL,
    hint     TEXT NOT NULL,
    field    TEXT NOT NULL   -- the column of ours; empty where the row as a whole is meant
);

CREATE TABLE found (
    id      INTEGER PRIMARY KEY,
    row     INTEGER NOT NULL REFERENCES row (id),
    kind    INTEGER NOT NULL REFERENCES finding_kind (id),
    message TEXT NOT NULL,
    cell    TEXT NOT NULL
);

CREATE VIEW finding AS
SELECT found.id, found.row, severity, topic, message, hint, field, cell
FROM found JOIN finding_kind ON finding_kind.id = found.kind;

CREATE TABLE notice (
    id    INTEGER PRIMARY KEY,
    level TEXT NOT NULL,  -- a records.NoticeLevel
    text  TEXT NOT NULL
);

CREATE TABLE traffic (
    target    TEXT NOT NULL,
    second    INTEGER NOT NULL,  -- epoch; one can have several lines
    requests  INTEGER NOT NULL,  -- that ended in it
    limited   INTEGER NOT NULL,  -- of those, answered 429
    failed    INTEGER NOT NULL,  -- of those, refused otherwise, or without a usable answer
    slowest   REAL NOT NULL,     -- seconds
    latencies BLOB NOT NULL      -- JSON object: answers by bucket (importer.journal.states)
);
