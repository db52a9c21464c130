-- Tables that came after schema.sql; they are added to a state that was made without them.

CREATE TABLE IF NOT EXISTS rootly_overrides (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    schedule_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);

CREATE INDEX IF NOT EXISTS rootly_overrides_of_schedule ON rootly_overrides (schedule_id);

-- For faults; instants are epoch seconds.
-- Objects that cannot be seen before a time: not applied until then, or applied and only missing in lists.
CREATE TABLE IF NOT EXISTS late (
    id TEXT PRIMARY KEY,
    due REAL NOT NULL,
    is_applied INTEGER NOT NULL
) WITHOUT ROWID;

-- One row for each request, in the order they were decided; written only where the sandbox was told to.
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    arrived_at REAL NOT NULL,
    monotonic REAL NOT NULL,
    target TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    key TEXT NOT NULL,
    fault TEXT NOT NULL,
    status INTEGER NOT NULL,
    id TEXT NOT NULL
);
