-- name: insert_source
INSERT INTO source (name, path, sha256) VALUES (?, ?, ?);

-- name: insert_sheet
INSERT INTO sheet (id, source, name, header, positions, not_used, header_row) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: insert_row
INSERT INTO row (id, sheet, number, line, cells) VALUES (?, ?, ?, ?, ?);

-- name: insert_record
INSERT INTO record (id, row, part, kind, target, scope, key, state,
                    returned_id, http_status, error, cell, hint, attempts, finished_at, run, zone, was)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_planned
-- The same for a record of which nothing is known yet: nearly every one of a new run.
INSERT INTO record (id, row, part, kind, target, scope, key, state, zone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_finding
INSERT INTO finding (row, severity, topic, message, hint, field, cell) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: unresolved
SELECT record.id, row.sheet, row.number, row.line, row.cells, record.part, record.kind, record.key, record.was,
       record.returned_id, record.http_status, record.error, record.cell, record.hint, record.attempts, record.finished_at, record.run
FROM record JOIN row ON row.id = record.row
WHERE record.state = 'unresolved' AND record.id > ? ORDER BY record.id LIMIT ?;

-- name: drop_record
DELETE FROM record WHERE id = ?;

-- name: explain_unresolved
UPDATE record SET error = ?, hint = ? WHERE state = 'unresolved';

-- name: rows
SELECT sheet, number, line, cells FROM row ORDER BY id;

-- name: findings
SELECT finding.severity, row.sheet, row.number, row.line, row.cells,
       finding.message, finding.hint, finding.field, finding.cell, finding.topic
FROM finding JOIN row ON row.id = finding.row
ORDER BY finding.row, finding.rowid;

-- name: topics
SELECT severity, topic, count(*) FROM finding GROUP BY severity, topic ORDER BY min(rowid);

-- name: shadow_spans
-- Who shadows when, by person and time; key is schedule, type, shadowed, user, start, end (records.ShadowRecord.key).
SELECT json_extract(key, '$[3]'), json_extract(key, '$[4]'), json_extract(key, '$[5]'), id FROM record
WHERE kind = 'shadow' AND key IS NOT NULL AND state IN ('planned', 'sending', 'in_doubt', 'created', 'exists')
ORDER BY 1, 2, 3;

-- name: row_of_record
SELECT row.sheet, row.number, row.line, row.cells FROM record JOIN row ON row.id = record.row WHERE record.id = ?;

-- name: is_planned
SELECT state = 'planned' FROM record WHERE id = ?;

-- name: refuse_planned
UPDATE record SET state = 'invalid', error = ?, cell = ?, hint = ?, run = ? WHERE id = ? AND state = 'planned';

-- name: shadow_times
-- The key of an invalid record with an id is what was created once, not what its row says now.
SELECT row.sheet, row.number, record.part, record.key, record.zone
FROM record JOIN row ON row.id = record.row
WHERE record.kind = 'shadow' AND record.key IS NOT NULL AND NOT (record.state = 'invalid' AND record.returned_id <> '')
ORDER BY record.id;

-- name: index_planned
CREATE INDEX IF NOT EXISTS record_planned ON record (target, id) WHERE state = 'planned';

-- name: index_open
CREATE INDEX IF NOT EXISTS record_in_doubt ON record (target, id) WHERE state IN ('sending', 'in_doubt');

-- name: index_key
CREATE INDEX IF NOT EXISTS record_key ON record (key) WHERE key IS NOT NULL;

-- name: refuse_copies
-- Lines with one id that are different records: somebody copied a line that succeeded and changed its cells.
UPDATE record SET state = 'invalid',
    error = 'another row has the id ' || returned_id || ' as well, and is a different record; nothing was sent',
    hint = 'empty import_status and import_id in the row that is new', returned_id = ''
WHERE state IN ('created', 'exists') AND (target, returned_id) IN (
    SELECT target, returned_id FROM record WHERE state IN ('created', 'exists') AND returned_id <> ''
    GROUP BY target, returned_id HAVING count(*) > 1 AND count(DISTINCT coalesce(key, '')) > 1
);

-- name: pass_on_doubt
-- What may have been sent for a duplicate may have been sent for the first of its kind.
UPDATE record SET state = 'in_doubt'
WHERE state = 'planned' AND key IN (SELECT key FROM record WHERE key IS NOT NULL AND state IN ('sending', 'in_doubt'));

-- name: mark_duplicates
-- Of the records with one key, the first that succeeded is the real one, else the first.
-- So no two records with the same key can ever be open at the same time.
UPDATE record SET state = 'duplicate', first = same.first
FROM (
    SELECT id, first_value(id) OVER (PARTITION BY key ORDER BY state NOT IN ('created', 'exists'), id) AS first
    FROM record
    WHERE state IN ('planned', 'sending', 'in_doubt', 'created', 'exists') AND key IN (
        SELECT key FROM record WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1
    )
) AS same
WHERE record.id = same.id AND same.first <> same.id AND record.state IN ('planned', 'sending', 'in_doubt');

-- name: sent
-- A record that is invalid and has an id was created, and its row says something else since: the key is what was created.
SELECT sheet.name, row.number, record.part, record.key, row.cells
FROM record JOIN row ON row.id = record.row JOIN sheet ON sheet.id = row.sheet
WHERE record.key IS NOT NULL AND (record.state IN ('sending', 'in_doubt', 'unknown', 'created', 'exists')
                                  OR record.state = 'invalid' AND record.returned_id <> '');

-- name: set_fact
INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: facts
SELECT name, value FROM fact;

-- name: sources
SELECT name, path, sha256 FROM source ORDER BY id;

-- name: sheets
SELECT source, name, header, positions, not_used, header_row FROM sheet ORDER BY id;

-- name: counts
SELECT coalesce(target, ''), state, count(*) FROM record GROUP BY target, state;

-- name: count_rows
SELECT count(*) FROM row;

-- name: open_targets
SELECT target, count(*) FROM record
WHERE target IS NOT NULL AND state IN ('planned', 'sending', 'in_doubt') GROUP BY target ORDER BY target;

-- name: scopes
SELECT DISTINCT scope FROM record
WHERE target = ? AND state IN ('planned', 'sending', 'in_doubt') ORDER BY scope;

-- name: claim
UPDATE record SET state = 'sending'
WHERE id IN (SELECT id FROM record WHERE target = ? AND state = 'planned' AND id > ? ORDER BY id LIMIT ?)
RETURNING id, key, scope, attempts;

-- name: in_doubt
SELECT id, key, scope, attempts FROM record WHERE target = ? AND state IN ('sending', 'in_doubt') ORDER BY id;

-- name: owner_of_key
SELECT id FROM record WHERE key = ? LIMIT 1;

-- name: change
UPDATE record SET state = ?, returned_id = ?, http_status = ?, error = ?, cell = ?, hint = ?, attempts = ?,
                  finished_at = ?, run = ?
WHERE id = ?;

-- name: find_planned
-- The target had it before this run sent anything.
UPDATE record SET state = ?, returned_id = ?, error = ?, hint = ?, finished_at = ?, run = ?
WHERE key = ? AND state = 'planned';

-- name: find_in_doubt
-- Sent by an earlier run whose answer was lost, and found: the target took it.
UPDATE record SET state = 'created', returned_id = ?, error = '', hint = '', finished_at = ?, run = ?
WHERE key = ? AND state IN ('sending', 'in_doubt');

-- name: close_scope
UPDATE record SET state = ?, http_status = ?, error = ?, hint = ?, finished_at = ?, run = ?
WHERE target = ? AND scope = ? AND state = 'planned';

-- name: explain_planned
UPDATE record SET error = ?, hint = ? WHERE target = ? AND state = 'planned' AND error = '';

-- name: lines
-- All of them, or those that need attention; a limit of -1 is none.
SELECT row.sheet, row.number, record.part, record.kind, row.cells, record.state,
       coalesce(first.returned_id, record.returned_id), record.http_status, record.error, record.cell, record.hint,
       record.attempts, record.finished_at, record.run, first_row.number, first_row.sheet, row.line
FROM record
JOIN row ON row.id = record.row
LEFT JOIN record AS first ON first.id = record.first
LEFT JOIN row AS first_row ON first_row.id = first.row
WHERE ?1 OR record.state IN ('invalid', 'rejected', 'failed', 'unknown', 'sending', 'in_doubt')
ORDER BY record.id LIMIT ?2;

-- name: lines_of
-- The lines behind a record that have one of the states, as `lines` gives them.
SELECT record.id, row.sheet, row.number, record.part, record.kind, row.cells, record.state,
       coalesce(first.returned_id, record.returned_id), record.http_status, record.error, record.cell, record.hint,
       record.attempts, record.finished_at, record.run, first_row.number, first_row.sheet, row.line
FROM record
JOIN row ON row.id = record.row
LEFT JOIN record AS first ON first.id = record.first
LEFT JOIN row AS first_row ON first_row.id = first.row
WHERE record.id > ?1 AND record.state IN (SELECT value FROM json_each(?2))
ORDER BY record.id LIMIT ?3;

-- name: lines_by_id
-- The lines of some records, as `lines` gives them.
SELECT row.sheet, row.number, record.part, record.kind, row.cells, record.state,
       coalesce(first.returned_id, record.returned_id), record.http_status, record.error, record.cell, record.hint,
       record.attempts, record.finished_at, record.run, first_row.number, first_row.sheet, row.line
FROM record
JOIN row ON row.id = record.row
LEFT JOIN record AS first ON first.id = record.first
LEFT JOIN row AS first_row ON first_row.id = first.row
WHERE record.id IN (SELECT value FROM json_each(?1))
ORDER BY record.id;

-- name: entries
SELECT row.sheet, row.number, row.line, row.cells, record.part, record.kind, record.target, record.scope, record.key,
       record.state, record.zone, record.was, record.returned_id, record.http_status, record.error, record.cell, record.hint,
       record.attempts, record.finished_at, record.run
FROM record JOIN row ON row.id = record.row
ORDER BY record.id;
