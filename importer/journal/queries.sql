-- name: insert_source
INSERT INTO source (name, path, sha256) VALUES (?, ?, ?);

-- name: insert_sheet
INSERT INTO sheet (id, source, name, header, positions, not_used, header_row, origin, place)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_row
INSERT INTO row (id, sheet, number, line, cells) VALUES (?, ?, ?, ?, ?);

-- name: insert_flaw
INSERT INTO flaw (row, problems) VALUES (?, ?);

-- name: insert_record
INSERT INTO record (id, row, part, kind, target, scope, key, state,
                    returned_id, http_status, error, cell, hint, attempts, finished_at, run, zone, was)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_planned
-- The same for a record about which nothing is known yet, as nearly all records of a new run.
INSERT INTO record (id, row, part, kind, target, scope, key, state, zone) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_known
INSERT INTO known (what, id, name, email) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (what, id) DO UPDATE
SET name = excluded.name, email = excluded.email WHERE ?5;

-- name: known
SELECT what, id, name, email FROM known ORDER BY what, name, id;

-- name: insert_finding_kind
INSERT INTO finding_kind (severity, topic, hint, field) VALUES (?, ?, ?, ?);

-- name: insert_found
INSERT INTO found (row, kind, message, cell) VALUES (?, ?, ?, ?);

-- name: unresolved
SELECT record.id, row.sheet, row.number, row.line, row.cells, (SELECT problems FROM flaw WHERE flaw.row = row.id),
       record.part, record.kind, record.key, record.was,
       record.returned_id, record.http_status, record.error, record.cell, record.hint, record.attempts, record.finished_at, record.run
FROM record JOIN row ON row.id = record.row
WHERE record.state = 'unresolved' AND record.id > ? AND record.target = ? ORDER BY record.id LIMIT ?;

-- name: count_unresolved
SELECT target, count(*) FROM record WHERE state = 'unresolved' GROUP BY target;

-- name: drop_record
DELETE FROM record WHERE id = ?;

-- name: explain_unresolved
UPDATE record SET error = ?, hint = ? WHERE state = 'unresolved' AND target = ?;

-- name: rows
SELECT sheet, number, line, cells FROM row ORDER BY id;

-- name: findings
SELECT finding.severity, row.sheet, row.number, row.line, row.cells,
       finding.message, finding.hint, finding.field, finding.cell, finding.topic
FROM finding JOIN row ON row.id = finding.row
ORDER BY finding.row, finding.id;

-- name: examples
-- The first finding of each severity and topic, which can have several kinds.
WITH example AS (
    SELECT found.id, row_number() OVER (PARTITION BY severity, topic ORDER BY found.row, found.id) AS place
    FROM finding_kind JOIN found ON found.id IN (
        SELECT first.id FROM found AS first WHERE first.kind = finding_kind.id ORDER BY first.row, first.id LIMIT ?1
    )
)
SELECT finding.severity, row.sheet, row.number, row.line, row.cells,
       finding.message, finding.hint, finding.field, finding.cell, finding.topic
FROM example JOIN finding ON finding.id = example.id JOIN row ON row.id = finding.row
WHERE example.place <= ?1
ORDER BY finding.row, finding.id;

-- name: topics
SELECT severity, topic, sum(number)
FROM (SELECT kind, count(*) AS number, min(id) AS first FROM found GROUP BY kind)
JOIN finding_kind ON finding_kind.id = kind
GROUP BY severity, topic ORDER BY min(first);

-- name: spans
-- The valid records of a kind: person, begin and end, by their places in the key.
SELECT json_extract(key, ?2), json_extract(key, ?3), json_extract(key, ?4), id, state = 'planned' FROM record
WHERE kind = ?1 AND key IS NOT NULL
  AND state IN ('planned', 'sending', 'in_doubt', 'reported', 'created', 'exists')
ORDER BY 1, 2, 3;

-- name: planned_in
SELECT id, key, replaces FROM record WHERE kind = ? AND scope = ? AND state = 'planned' ORDER BY id;

-- name: insert_found_once
INSERT INTO found (row, kind, message, cell)
SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS (SELECT 1 FROM found WHERE row = ?1 AND message = ?3);

-- name: count_replacing
SELECT count(*) FROM record WHERE run = ? AND state = 'created' AND replaces <> '';

-- name: created_by_others
-- What earlier runs created, by run: an undo of this one leaves it.
SELECT run, count(*) FROM record WHERE run NOT IN ('', ?) AND state = 'created' GROUP BY run ORDER BY run;

-- name: made_by
-- What a run created; without ?2 only what was found by asking, as no answer had said that it was created.
SELECT id, target, returned_id, attempts FROM record
WHERE run = ?1 AND returned_id <> '' AND 'created' IN (state, was) AND (?2 OR http_status NOT BETWEEN 200 AND 299);

-- name: credit
UPDATE record SET run = ? WHERE id = ?;

-- name: set_replaces
UPDATE record SET replaces = ? WHERE id = ?;

-- name: row_of_record
SELECT row.sheet, row.number, row.line, row.cells FROM record JOIN row ON row.id = record.row WHERE record.id = ?;

-- name: refuse_planned
UPDATE record SET state = 'invalid', error = ?, cell = coalesce(nullif(?, ''), cell), hint = ?, run = ? WHERE id = ? AND state = 'planned';

-- name: make_overlaps
CREATE TEMP TABLE IF NOT EXISTS overlap (record INTEGER PRIMARY KEY, other INTEGER);

-- name: view_overlaps
-- The place of the other one: its cell, if a row makes a record of each cell.
CREATE TEMP VIEW IF NOT EXISTS overlapping AS
WITH named AS NOT MATERIALIZED (SELECT id, name, coalesce(nullif(origin, ''), source) AS original FROM sheet)
SELECT overlap.record, record.row, record.cell, row.sheet, row.number,
       'the one of ' || iif(other.cell = '', 'row ' || other_row.number, 'cell ' || other.cell)
       || iif(other_row.sheet = row.sheet, '', ' of sheet ' || sheet.name
              || iif(sheet.original = own_sheet.original, '', ' in ' || sheet.original)) AS other
FROM overlap
JOIN record ON record.id = overlap.record JOIN row ON row.id = record.row
JOIN record AS other ON other.id = overlap.other JOIN row AS other_row ON other_row.id = other.row
JOIN named AS sheet ON sheet.id = other_row.sheet JOIN named AS own_sheet ON own_sheet.id = row.sheet;

-- name: clear_overlaps
DELETE FROM overlap;

-- name: insert_overlap
INSERT OR IGNORE INTO overlap (record, other) VALUES (?, ?);

-- name: find_overlaps
-- The parts of a row that repeats say the same.
INSERT INTO found (row, kind, message, cell)
SELECT row, ?, replace(?, '{other}', other), cell FROM overlapping GROUP BY row, cell, other ORDER BY min(record);

-- name: refuse_overlaps
UPDATE record SET state = 'invalid', error = replace(?, '{other}', overlapping.other), hint = ?, run = ?
FROM overlapping WHERE record.id = overlapping.record AND record.state = 'planned';

-- name: overlapping_rows
SELECT sheet.source, overlapping.number FROM overlapping JOIN sheet ON sheet.id = overlapping.sheet
GROUP BY row ORDER BY min(record);

-- name: shift_times
-- The key of an invalid record with an id is that of the created record, not what its row says now.
SELECT row.sheet, row.number, record.part, record.kind, record.key, record.zone
FROM record JOIN row ON row.id = record.row
WHERE record.kind IN (SELECT value FROM json_each(?)) AND record.key IS NOT NULL
  AND NOT (record.state = 'invalid' AND record.returned_id <> '')
ORDER BY record.id;

-- name: insert_notice
INSERT INTO notice (level, text) SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM notice WHERE text = ?2);

-- name: notices
SELECT level, text FROM notice ORDER BY id;

-- name: index_findings
CREATE INDEX IF NOT EXISTS found_row ON found (row);

-- name: index_finding_kinds
CREATE INDEX IF NOT EXISTS found_kind ON found (kind, row);

-- name: index_key
CREATE INDEX IF NOT EXISTS record_key ON record (key) WHERE key IS NOT NULL;

-- name: refuse_copies
-- Different records with the same id: somebody copied the line of a success and changed its cells.
UPDATE record SET state = 'invalid',
    error = 'another row has the id ' || returned_id || ' as well, and is a different record; nothing was sent',
    hint = 'Empty import_status and import_id in the row that is new.', returned_id = ''
WHERE state IN ('created', 'exists', 'reported') AND (target, returned_id) IN (
    SELECT target, returned_id FROM record WHERE state IN ('created', 'exists', 'reported') AND returned_id <> ''
    GROUP BY target, returned_id HAVING count(*) > 1 AND count(DISTINCT coalesce(key, '')) > 1
);

-- name: drop_doubt
-- A duplicate of an earlier run may have been sent only if the first record with its key is not there any more.
UPDATE record SET state = 'planned', was = ''
WHERE state = 'in_doubt' AND was = 'duplicate' AND (kind, key) IN (SELECT kind, key FROM record WHERE state = 'planned');

-- name: pass_on_doubt
-- If a duplicate may have been sent, so may the first record with its key.
UPDATE record SET state = 'in_doubt'
WHERE state = 'planned'
  AND (kind, key) IN (SELECT kind, key FROM record WHERE key IS NOT NULL AND state IN ('sending', 'in_doubt'));

-- name: mark_duplicates
-- Of several records of a kind with the same key, the first success is the real one, else the first in doubt, else what
-- an undo took back, which is not sent again, else the first. So two with the same key are never open at the same time.
UPDATE record SET state = 'duplicate', first = same.first, hint = ''
FROM (
    SELECT id, first_value(id) OVER (
        PARTITION BY kind, key
        ORDER BY state NOT IN ('created', 'exists', 'reported'), state NOT IN ('sending', 'in_doubt'), state <> 'undone', id
    ) AS first
    FROM record
    WHERE state IN ('planned', 'sending', 'in_doubt', 'reported', 'created', 'exists', 'undone') AND key IN (
        SELECT key FROM record WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1
    )
) AS same
WHERE record.id = same.id AND same.first <> same.id AND record.state IN ('planned', 'sending', 'in_doubt', 'reported');

-- name: set_fact
INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: facts
SELECT name, value FROM fact;

-- name: sources
SELECT name, path, sha256 FROM source ORDER BY id;

-- name: sheets
SELECT source, name, header, positions, not_used, header_row, origin, place FROM sheet ORDER BY id;

-- name: counts
SELECT coalesce(target, ''), state, count(*) FROM record GROUP BY target, state;

-- name: count_rows
SELECT count(*) FROM row;

-- name: open_targets
SELECT target, count(*) FROM record
WHERE target IS NOT NULL AND state IN ('planned', 'sending', 'in_doubt', 'unbound') GROUP BY target ORDER BY target;

-- name: targets_to_ask
-- Targets with open records, those with records that only a report claims, and those that had one twice.
SELECT DISTINCT target FROM record
WHERE target IS NOT NULL AND (state IN ('planned', 'sending', 'in_doubt', 'unbound', 'reported')
                              OR state IN ('created', 'exists') AND hint = ?) ORDER BY target;

-- name: count_doubled
SELECT count(*) FROM record WHERE state IN ('created', 'exists') AND hint = ?;

-- name: reported_targets
SELECT DISTINCT target FROM record WHERE state = 'reported' ORDER BY target;

-- name: scopes
SELECT DISTINCT kind, scope FROM record
WHERE target = ? AND state IN ('planned', 'sending', 'in_doubt', 'reported') ORDER BY kind, scope;

-- name: next_planned
-- By the primary key, after the last one: an index of planned records would have to be updated by every transition.
SELECT id, key, kind, scope, attempts FROM record WHERE target = ? AND state = 'planned' AND id > ? ORDER BY id LIMIT ?;

-- name: claim
UPDATE record SET state = 'sending' WHERE target = ? AND state = 'planned' AND id > ? AND id <= ?;

-- name: doubt_unknown
-- What an undo can ask about once more; an answer with other values names an id that is for a person to look at.
UPDATE record SET state = 'in_doubt' WHERE state = 'unknown' AND was NOT IN ('created', 'exists') AND returned_id = '' AND key IS NOT NULL;

-- name: in_doubt
SELECT id, key, kind, scope, attempts FROM record WHERE target = ? AND state IN ('sending', 'in_doubt') ORDER BY id;

-- name: owner_of_key
SELECT id FROM record WHERE key = ? AND kind = ? LIMIT 1;

-- name: change
-- The cell of a record of a matrix stays, and so does an id from an answer if the record is not known to exist.
UPDATE record SET state = ?1, returned_id = coalesce(nullif(?2, ''), iif(?1 = 'unknown', returned_id, '')), http_status = ?3,
                  error = ?4, cell = coalesce(nullif(?5, ''), cell), hint = ?6, attempts = ?7, finished_at = ?8, run = ?9
WHERE id = ?10;

-- name: find_planned
-- The target had it before this run sent anything.
UPDATE record SET state = ?, returned_id = ?, error = ?, hint = ?, finished_at = ?, run = ?
WHERE key = ? AND kind = ? AND state = 'planned';

-- name: find_in_doubt
-- Sent by an earlier run that lost the answer, and found now: the target created it.
UPDATE record SET state = 'created', returned_id = ?, error = '', hint = '', finished_at = ?, run = ?
WHERE key = ? AND kind = ? AND state IN ('sending', 'in_doubt');

-- name: find_reported
-- A report's claim is confirmed if the target has the record, under the report's id or another one. If it says that the
-- target has it twice, the closing look decides that.
UPDATE record SET state = CASE returned_id WHEN ?1 THEN was ELSE 'exists' END, was = '', returned_id = ?1,
                  error = '', hint = CASE hint WHEN ?5 THEN hint ELSE '' END, finished_at = ?2
WHERE key = ?3 AND kind = ?4 AND state = 'reported';

-- name: refuse_reported
-- The key is dropped: it is what the cells say now, not what was created.
UPDATE record SET state = 'invalid', key = NULL,
    error = 'it says ' || was || ' as ' || returned_id || ', but ' || target || ' has nothing of what its cells say; '
            || 'nothing was sent',
    hint = 'Put the cells back, or rerun it where it was sent. For a new record empty import_status and import_id.',
    was = ''
WHERE target = ? AND kind = ? AND scope = ? AND state = 'reported';

-- name: close_scope
UPDATE record SET state = ?, http_status = ?, error = ?, hint = ?, finished_at = ?, run = ?
WHERE target = ? AND kind = ? AND scope = ? AND state = 'planned';

-- name: explain_planned
UPDATE record SET hint = ?2, error = CASE state WHEN 'unbound' THEN 'it is there, but not in its group yet; ' ELSE '' END || ?1
WHERE target = ?3 AND state IN ('planned', 'unbound') AND error = '';

-- name: line
-- The contents of a report's line; a duplicate has the id of the record that it repeats.
SELECT record.id, row.sheet, row.number, record.part, record.kind, row.cells, record.state,
       coalesce(first.returned_id, record.returned_id), record.http_status, record.error, record.cell, record.hint || coalesce((
           SELECT iif(record.hint = '', '', ' ') || 'Warning: ' || group_concat(message, '; ') FROM finding
           WHERE finding.row = record.row AND finding.severity = 'warning'), ''),
       record.attempts, record.finished_at, record.run, first_row.number, first_row.sheet, row.line,
       record.key, record.zone
FROM record
JOIN row ON row.id = record.row
LEFT JOIN record AS first ON first.id = record.first
LEFT JOIN row AS first_row ON first_row.id = first.row

-- name: lines
-- All lines, or those that need attention; a limit of -1 means none; only the sheets in ?3, if it lists any.
@line
WHERE (?1 OR record.state IN ('invalid', 'rejected', 'failed', 'unknown', 'sending', 'in_doubt', 'unbound', 'undone',
                             'reported', 'changed', 'kept', 'manual')
   OR record.state IN ('created', 'exists') AND record.hint <> '')
  AND (?3 IS NULL OR row.sheet IN (SELECT value FROM json_each(?3)))
ORDER BY record.id LIMIT ?2;

-- name: lines_of
-- The lines after a record that have one of the states.
@line
WHERE record.id > ?1 AND record.state IN (SELECT value FROM json_each(?2))
ORDER BY record.id LIMIT ?3;

-- name: lines_by_id
@line
WHERE record.id IN (SELECT value FROM json_each(?1))
ORDER BY record.id;

-- name: sum_up
-- The records of a kind by scope, by one value of their keys, and by state, with when the first begins and the last ends.
SELECT state, replaces <> '', count(*), min(json_extract(key, ?3)), max(json_extract(key, ?4)), max(zone), min(key)
FROM record WHERE kind = ?1 AND key IS NOT NULL AND state IN ('planned', 'unbound', 'exists')
GROUP BY scope, json_extract(key, ?2), 1, 2 ORDER BY min(id);

-- name: repetitions
-- Rows that make several records of a kind, with when the first begins and the last ends.
SELECT row.sheet, row.number, count(*), min(json_extract(record.key, ?2)), max(json_extract(record.key, ?3)), max(record.zone)
FROM record JOIN row ON row.id = record.row
WHERE record.kind = ?1 AND record.part <> '' AND record.key IS NOT NULL GROUP BY record.row ORDER BY record.row LIMIT ?4;

-- name: count_repetitions
SELECT count(DISTINCT row) FROM record WHERE part <> '';

-- name: count_by_group
SELECT binding.group_id, count(*) FROM binding JOIN record ON record.id = binding.record
WHERE binding.state IN ('wanted', 'adding') AND record.state IN ('planned', 'unbound') GROUP BY 1 ORDER BY 2 DESC, 1;

-- name: entry
SELECT row.sheet, row.number, row.line, row.cells, (SELECT problems FROM flaw WHERE flaw.row = row.id),
       record.part, record.kind, record.target, record.scope, record.key, record.state, record.zone, record.was,
       (SELECT json_group_array(group_id) FROM binding
        WHERE binding.record = record.id AND binding.state IN ('wanted', 'adding')),
       (SELECT json_group_array(group_id) FROM binding
        WHERE binding.record = record.id AND binding.state NOT IN ('wanted', 'adding')),
       record.returned_id, record.http_status, record.error, record.cell, record.hint,
       record.attempts, record.finished_at, record.run

-- name: entries
@entry
FROM record JOIN row ON row.id = record.row
ORDER BY record.id;

-- name: entries_of
-- The entries of one row, by the range of its records' ids.
@entry
FROM record JOIN row ON row.id = record.row
WHERE record.id >= ?1 AND record.id < ?2
ORDER BY record.id;

-- name: prospects
-- Every record in the order of the source; for a duplicate also the record that it repeats.
@entry, record.replaces, coalesce(first.returned_id, record.returned_id), first_row.number, first_row.sheet
FROM record
JOIN row ON row.id = record.row
LEFT JOIN record AS first ON first.id = record.first
LEFT JOIN row AS first_row ON first_row.id = first.row
ORDER BY record.id;

-- name: malformed
-- Values that no run writes: ?1 is a JSON object with each kind's target, ?2 and ?3 are JSON arrays of the states of
-- records and of bindings. Keys, header ids and facts are checked elsewhere.
SELECT 'sheet' WHERE (SELECT count(*) FROM sheet) <> (SELECT coalesce(max(id) + 1, 0) FROM sheet)
UNION ALL SELECT 'sheet' FROM sheet
WHERE typeof(source) || typeof(name) || typeof(origin) || typeof(place) || typeof(header_row) <> 'texttexttexttextinteger'
   OR json_array_length(CAST(header AS TEXT)) <> json_array_length(CAST(positions AS TEXT))
   OR json_type(CAST(header AS TEXT)) <> 'array' OR json_type(CAST(not_used AS TEXT)) <> 'array'
   OR EXISTS (SELECT 1 FROM json_each(CAST(positions AS TEXT)) WHERE type <> 'integer')
UNION ALL SELECT 'source' FROM source WHERE typeof(name) || typeof(path) || typeof(sha256) <> 'texttexttext'
UNION ALL SELECT 'row' FROM row LEFT JOIN sheet ON sheet.id = row.sheet
WHERE sheet.id IS NULL OR typeof(row.sheet) || typeof(number) || typeof(line) <> 'integerintegerinteger'
   OR json_type(CAST(cells AS TEXT)) <> 'array'
   OR json_array_length(CAST(cells AS TEXT)) < json_array_length(CAST(sheet.header AS TEXT))
UNION ALL SELECT 'record' FROM record
WHERE typeof(part) || typeof(returned_id) || typeof(error) || typeof(cell) || typeof(hint) <> 'texttexttexttexttext'
   OR typeof(finished_at) || typeof(run) || typeof(zone) || typeof(replaces) || typeof(was) <> 'texttexttexttexttext'
   OR typeof(http_status) || typeof(attempts) <> 'integerinteger'
   OR row <> id / 1024 OR row NOT IN (SELECT id FROM row)
   OR first IS NOT NULL AND NOT EXISTS (SELECT 1 FROM record AS other WHERE other.id = record.first)
   OR state NOT IN (SELECT value FROM json_each(?2)) OR was <> '' AND was NOT IN (SELECT value FROM json_each(?2))
   OR coalesce(kind, '') || ':' || coalesce(target, '') NOT IN (SELECT json_each.key || ':' || value FROM json_each(?1) UNION SELECT ':')
   OR record.key IS NOT NULL AND (kind IS NULL OR typeof(scope) <> 'text' OR json_type(record.key) <> 'array')
UNION ALL SELECT 'binding' FROM binding
WHERE typeof(record) || typeof(group_id) <> 'integertext' OR state NOT IN (SELECT value FROM json_each(?3))
UNION ALL SELECT 'known' FROM known WHERE typeof(what) || typeof(id) || typeof(name) || typeof(email) <> 'texttexttexttext'
UNION ALL SELECT 'finding' FROM finding
WHERE typeof(severity) || typeof(topic) || typeof(message) || typeof(hint) <> 'texttexttexttext'
   OR typeof(row) || typeof(field) || typeof(cell) <> 'integertexttext'
UNION ALL SELECT 'notice' FROM notice WHERE typeof(level) || typeof(text) <> 'texttext'
UNION ALL SELECT 'traffic' FROM traffic
WHERE typeof(target) || typeof(second) || typeof(requests) || typeof(limited) || typeof(failed) <> 'textintegerintegerintegerinteger'
   OR typeof(slowest) NOT IN ('real', 'integer')
LIMIT 1;

-- name: shapes
-- One key of each kind and form, that is its length and the types of its parts.
SELECT kind, min(key) FROM record WHERE key IS NOT NULL
GROUP BY kind, json_array_length(key), json_type(key, '$[0]'), json_type(key, '$[1]'), json_type(key, '$[2]'), json_type(key, '$[3]'),
         json_type(key, '$[4]'), json_type(key, '$[5]');

-- name: bound_groups
SELECT DISTINCT record.target, binding.group_id FROM binding JOIN record ON record.id = binding.record;

-- name: row_numbers
SELECT id, sheet, number FROM row ORDER BY id;

-- name: created_by
-- The order of an undo: what a run created, added to a group, or may have, newest first, with the groups that it was
-- added to, and those that it was taken out of again. A record that exists but is not in its group has a `was`; of one
-- without a key this run can have sent nothing.
@entry,
       (SELECT json_group_array(group_id) FROM binding
        WHERE binding.record = record.id AND binding.state IN ('adding', 'added')),
       (SELECT json_group_array(group_id) FROM binding WHERE binding.record = record.id AND binding.state = 'removed')
FROM record JOIN row ON row.id = record.row
WHERE record.run = ? AND (record.state = 'created' OR record.was = 'created' AND record.state <> 'unresolved')
   OR record.state IN ('sending', 'in_doubt')
   OR record.state = 'unknown' AND record.was NOT IN ('created', 'exists') AND record.key IS NOT NULL
   OR record.id IN (SELECT record FROM binding WHERE state IN ('adding', 'added', 'removed'))
ORDER BY record.finished_at DESC, record.id DESC;

-- name: touched_scopes
-- The scopes in which a run sent something, or an earlier one found something twice, for the closing look.
SELECT DISTINCT kind, scope FROM record
WHERE target = ?1 AND (run = ?2 AND (state = 'created' OR state IN ('rejected', 'failed') AND attempts > 0 AND returned_id = '')
                       OR state IN ('created', 'exists') AND hint = ?3)
ORDER BY kind, scope;

-- name: forget_doubled
-- What was there twice, in a scope that is compared anew.
UPDATE record SET error = '', hint = '' WHERE target = ? AND kind = ? AND scope = ? AND state IN ('created', 'exists') AND hint = ?;

-- name: make_listed
CREATE TEMP TABLE IF NOT EXISTS listed (kind TEXT, scope TEXT, key TEXT, id TEXT, PRIMARY KEY (kind, scope, key, id)) WITHOUT ROWID;

-- name: clear_listed
DELETE FROM listed WHERE kind = ? AND scope = ?;

-- name: insert_listed
INSERT OR IGNORE INTO listed (kind, scope, key, id)
SELECT ?1, ?2, ?3, ?4 WHERE EXISTS (SELECT 1 FROM record WHERE record.key = ?3 AND record.kind = ?1);

-- name: compare_listed
-- The records of a scope in which the list and the run differ, with the ids in the list.
SELECT record.id, record.state, record.returned_id, record.http_status, record.error, record.attempts, record.run,
       group_concat(listed.id, ' ')
FROM record LEFT JOIN listed
  ON listed.kind = record.kind AND listed.scope = record.scope AND listed.key = record.key
WHERE record.target = ?1 AND record.kind = ?2 AND record.scope = ?3
  AND (record.state IN ('created', 'exists')
       OR record.state IN ('rejected', 'failed') AND record.attempts > 0 AND record.returned_id = '')
GROUP BY record.id
HAVING CASE WHEN record.state IN ('rejected', 'failed') THEN count(listed.id) > 0
            WHEN record.state = 'created' AND (record.run = ?4 OR record.hint = ?5)
            THEN count(listed.id) <> 1 OR lower(max(listed.id)) <> lower(record.returned_id)
            ELSE count(listed.id) > 1 END
ORDER BY record.id;

-- name: insert_binding
INSERT OR IGNORE INTO binding (record, group_id, state) VALUES (?, ?, ?);

-- name: has_bindings
SELECT EXISTS (SELECT 1 FROM binding);

-- name: pass_on_bindings
-- A duplicate has the groups of the record that it repeats.
INSERT OR IGNORE INTO binding (record, group_id, state)
SELECT record.first, binding.group_id, binding.state
FROM binding JOIN record ON record.id = binding.record WHERE record.state = 'duplicate';

-- name: drop_bindings
DELETE FROM binding WHERE record IN (SELECT id FROM record WHERE state = 'duplicate');

-- name: hold_all
UPDATE record SET was = state, state = 'unbound'
WHERE state IN ('created', 'exists') AND id IN (SELECT record FROM binding WHERE state IN ('wanted', 'adding'));

-- name: hold
UPDATE record SET was = state, state = 'unbound'
WHERE id = ? AND state IN ('created', 'exists')
  AND EXISTS (SELECT 1 FROM binding WHERE binding.record = record.id AND binding.state IN ('wanted', 'adding'));

-- name: count_bindings
-- The number of open records that belong to groups, and of these groups.
SELECT count(DISTINCT binding.record), count(DISTINCT binding.group_id)
FROM binding JOIN record ON record.id = binding.record
WHERE binding.state IN ('wanted', 'adding') AND record.state IN ('planned', 'sending', 'in_doubt', 'unbound');

-- name: unbound
SELECT binding.group_id, record.id, record.returned_id
FROM binding JOIN record ON record.id = binding.record
WHERE record.target = ? AND record.state = 'unbound' AND binding.state IN ('wanted', 'adding')
ORDER BY binding.group_id, record.id;

-- name: set_binding
UPDATE binding SET state = ? WHERE group_id = ? AND record = ?;

-- name: finish_bound
-- `run` stays: it is the run that created it.
UPDATE record SET state = was, was = '', finished_at = ?
WHERE state = 'unbound' AND id = ?
  AND NOT EXISTS (SELECT 1 FROM binding WHERE binding.record = record.id AND binding.state IN ('wanted', 'adding'))
RETURNING state;

-- name: leave_unbound
UPDATE record SET state = ?, http_status = ?, error = ?, hint = ?, finished_at = ? WHERE id = ? AND state = 'unbound';

-- name: doubt_adding
-- A PUT that adds them may have been applied, and the group's list was not read since.
UPDATE record SET state = 'unknown', finished_at = ?, hint = ?,
    error = 'it is there, but whether it is in its group is not known: ' || ?
WHERE target = ? AND state = 'unbound'
  AND EXISTS (SELECT 1 FROM binding WHERE binding.record = record.id AND binding.state = 'adding');

-- name: leaving
SELECT binding.group_id, record.id, record.returned_id, record.was, record.kind
FROM binding JOIN record ON record.id = binding.record
WHERE binding.state = 'leaving' AND record.target = ? ORDER BY record.id, binding.group_id;

-- name: count_leaving
SELECT record.target, count(DISTINCT record.id), count(DISTINCT binding.group_id),
       count(DISTINCT CASE record.was WHEN 'manual' THEN record.id END)
FROM binding JOIN record ON record.id = binding.record WHERE binding.state = 'leaving' GROUP BY record.target;

-- name: removed_bindings
SELECT DISTINCT binding.group_id, record.returned_id FROM binding JOIN record ON record.id = binding.record
WHERE binding.state = 'removed' ORDER BY binding.group_id, record.id;

-- name: remove_binding
UPDATE binding SET state = 'removed'
WHERE group_id = ? AND state IN ('adding', 'added') AND record IN (SELECT id FROM record WHERE returned_id = ?);

-- name: insert_traffic
INSERT INTO traffic (target, second, requests, limited, failed, slowest, latencies) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: traffic
SELECT target, second, requests, limited, failed, slowest, latencies FROM traffic ORDER BY second;

-- name: page_rows
-- The records for a page, after record ?1: all, or those that need attention, at most ?3 (-1: all).
WITH named AS NOT MATERIALIZED (SELECT id, name, coalesce(nullif(origin, ''), source) AS original FROM sheet)
SELECT record.id, row.sheet, row.number, record.part, coalesce(record.kind, ''),
       CASE WHEN record.state IN ('planned', 'unresolved', 'unbound') THEN 'pending'
            WHEN record.state IN ('sending', 'in_doubt', 'reported') THEN 'unknown' ELSE record.state END,
       coalesce(first.returned_id, record.returned_id), record.cell,
       CASE WHEN first_row.id IS NULL THEN record.error
            WHEN first_row.sheet = row.sheet THEN 'the same record as row ' || first_row.number
            ELSE 'the same record as row ' || first_row.number || ' of sheet ' || first_sheet.name
                 || iif(first_sheet.original = own_sheet.original, '', ' in ' || first_sheet.original) END,
       record.hint || coalesce((
           SELECT iif(record.hint = '', '', ' ') || 'Warning: ' || group_concat(message, '; ') FROM finding
           WHERE finding.row = record.row AND finding.severity = 'warning'), ''), row.cells
FROM record
JOIN row ON row.id = record.row
LEFT JOIN record AS first ON first.id = record.first AND record.state = 'duplicate'
LEFT JOIN row AS first_row ON first_row.id = first.row
LEFT JOIN named AS first_sheet ON first_sheet.id = first_row.sheet
JOIN named AS own_sheet ON own_sheet.id = row.sheet
WHERE record.id > ?1 AND (?2 OR record.state NOT IN ('created', 'exists', 'duplicate', 'deleted', 'gone', 'cut'))
ORDER BY record.id LIMIT ?3;

-- name: page_shifts
SELECT id, kind, key, zone, state FROM record
WHERE kind IN (SELECT value FROM json_each(?)) AND state IN ('created', 'exists') AND key IS NOT NULL AND id <= ? ORDER BY id;

-- name: page_end
SELECT coalesce(max(id), 0) FROM (SELECT id FROM record ORDER BY id LIMIT ?);
