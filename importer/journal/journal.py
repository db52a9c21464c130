"""Writes the journal: rows go in, records pass from state to state, duplicates are found. Reading is in `view`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from importer.errors import JournalError
from importer.journal import codec
from importer.journal.codec import QUERIES as _SQL
from importer.journal.run_info import RunStage, write_facts
from importer.journal.states import (
    KEEP_ONE,
    BindingState,
    Change,
    Claimed,
    ClosingDifference,
    Entry,
    State,
    Tally,
    Unresolved,
)
from importer.journal.view import View
from importer.notice import Notice
from importer.records import Key, KnownName, Outcome, Problem, Row, Scope, Severity, Sheet, TargetName
from importer.statuses import Status

_UNSENT = frozenset({State.PLANNED, State.UNRESOLVED, Status.INVALID})  # the states of a new row
_CHUNK = 2000  # records processed at a time
_MOST_KINDS = 5000  # of findings that are remembered


def _code(error: Exception) -> int:
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF  # without SQLite's extended bits


def is_in_use(error: Exception) -> bool:
    """Return whether another program has the database locked at the moment."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class Journal(View):
    """A run's journal. Not thread-safe; one connection in one process (SQLite before 3.51.3 has a bug with two)."""

    def __init__(self, connection: sqlite3.Connection, again: str = "") -> None:
        """Take over a connection; `again` is the hint for write errors, if not the run itself writes."""
        super().__init__(connection)
        self._again = again
        self._info = self.info()
        self._has_bindings = bool(connection.execute(_SQL["has_bindings"]).fetchone()[0])
        self._is_carrying = False  # something that an earlier run sent
        self._has_reported = False  # something that only a report claims
        self._finding_kinds: dict[tuple[str, str, str, str], int] = {}  #: to their ids
        self._rows = connection.execute("SELECT coalesce(max(id), 0) FROM row").fetchone()[0]

    @contextmanager
    def _commit(self) -> Iterator[sqlite3.Connection]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db
            self._db.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, sqlite3.Error):
                raise self._cannot_write(error) from error
            raise

    def _write(self, statement: str, values: Iterable[Sequence[Any]]) -> int:
        """Commit a statement for each of some values; return how many rows were changed."""
        with self._commit() as db:
            return db.executemany(_SQL[statement], values).rowcount

    def _cannot_write(self, error: sqlite3.Error) -> JournalError:
        (_, _, file), *_ = self._db.execute("PRAGMA database_list")  # empty if nobody keeps it
        where = f" in {Path(file).parent}" if file else ""
        words, remedy = f"the journal{where} cannot be written: {error}", "Make room on the disk"
        if is_in_use(error):
            words = f"the journal{where} is in use by another program ({error})"
            remedy = "Close that program (a database browser, a backup)"
        elif _code(error) == sqlite3.SQLITE_READONLY:
            remedy = "Make it writable"
        return JournalError(words, hint=f"{remedy}, then {self._again or self._go_on()}.")

    def _go_on(self) -> str:
        """Return the hint for its own run after an error; before anything was sent its folder is removed."""
        if not self._info.stage.may_have_sent:
            return "start it again"
        return f"undo {self._info.undo_of} again" if self._info.is_undo else "rerun this run's folder"

    def copy_to(self, other: sqlite3.Connection) -> None:
        """Copy everything into another database, even if its own file was removed."""
        self._db.backup(other)

    def _roll_back(self) -> None:
        self._finding_kinds.clear()
        if self._db.in_transaction:  # a full disk can have ended it already
            self._db.execute("ROLLBACK")

    def change_info(self, **changes: Any) -> None:
        """Write members of the run's `RunInfo`, by their names."""
        self._write("set_fact", write_facts(changes).items())
        self._info = self.info()

    # ---- reading: every row is stored before anything is sent

    def add_source(self, name: str, path: str, sha256: str) -> None:
        """Write down a source that was read completely."""
        self._write("insert_source", [(name, path, sha256)])

    def add_sheet(self, sheet: Sheet, not_used: Sequence[str] = ()) -> int:
        """Write down a sheet; return its index."""
        (index,) = self._db.execute("SELECT count(*) FROM sheet").fetchone()
        header, positions, unused = (orjson.dumps(list(texts)) for texts in (sheet.header, sheet.positions, not_used))
        facts = (sheet.header_row, sheet.origin, sheet.table)
        self._write("insert_sheet", [(index, sheet.source, sheet.name, header, positions, unused, *facts)])
        return int(index)

    def add_rows(self, rows: Iterable[tuple[int, Row, Sequence[Entry]]]) -> int:
        """Write down rows, each with the index of its sheet and its entries, in one commit.

        Returns the journal's number of the first row; the others are numbered on from it.
        """
        first = int(self._rows) + 1
        new_rows: list[tuple[object, ...]] = []
        new_flaws: list[tuple[int, bytes]] = []
        new_records: list[tuple[object, ...]] = []
        known_records: list[tuple[object, ...]] = []
        bindings: list[tuple[int, str, str]] = []
        for sheet, row, entries in rows:
            self._rows += 1
            new_rows.append((self._rows, sheet, row.number, row.line, orjson.dumps(row.cells)))
            if row.problems:
                new_flaws.append((self._rows, codec.dump_flaws(row.problems)))
            for id_, entry in enumerate(entries, codec.first_id(self._rows)):
                if codec.is_new(entry):
                    new_records.append(codec.planned_values(id_, entry))
                else:
                    known_records.append(codec.record_values(id_, entry))
                    self._note_state(entry)
                if entry.groups or entry.bound or entry.leaving:
                    bindings += codec.binding_values(id_, entry)
        with self._commit() as db:
            db.executemany(_SQL["insert_row"], new_rows)
            db.executemany(_SQL["insert_flaw"], new_flaws)
            db.executemany(_SQL["insert_planned"], new_records)
            db.executemany(_SQL["insert_record"], known_records)
            self._add_bindings(db, bindings)
        return first

    def _note_state(self, entry: Entry) -> None:
        self._is_carrying |= entry.state not in _UNSENT
        self._has_reported |= entry.state is State.REPORTED

    def _add_bindings(self, db: sqlite3.Connection, bindings: list[tuple[int, str, str]]) -> None:
        db.executemany(_SQL["insert_binding"], bindings)
        self._has_bindings = self._has_bindings or bool(bindings)

    def add_findings(self, findings: Iterable[tuple[int, Severity, Problem]]) -> None:
        """Write down what was found about rows, each by its number in the journal."""
        with self._commit() as db:
            values = [
                (row, self._kind_of(db, severity, topic, hint, column), message, cell)
                for row, severity, (message, hint, column, cell, topic) in findings
            ]
            db.executemany(_SQL["insert_found"], values)

    def _kind_of(self, db: sqlite3.Connection, severity: Severity, topic: str, hint: str, column: str = "") -> int:
        """Return the id of a kind of finding; write it down if it is new."""
        kind = (severity.value, topic, hint, column)
        if known := self._finding_kinds.get(kind):
            return known
        if len(self._finding_kinds) >= _MOST_KINDS:  # hints that name values: one more entry of a kind does no harm
            self._finding_kinds.clear()
        added = self._finding_kinds[kind] = db.execute(_SQL["insert_finding_kind"], kind).lastrowid or 0
        return added

    def add_notice(self, notice: Notice) -> None:
        """Write down what a person should know about the run as a whole."""
        self._write("insert_notice", [(notice.level.value, notice.text)])

    def add_known(self, known: Iterable[KnownName], *, is_listed: bool) -> None:
        """Write down the names of ids; a name that a target lists takes precedence over one beside an id in a row."""
        self._write("insert_known", [(*one, is_listed) for one in known])

    def unresolved(self, target: TargetName) -> Iterator[list[Unresolved]]:
        """Yield the rows that wait for ids of a target in chunks, in the order of the source.

        They may be resolved meanwhile.
        """
        after = 0
        while found := list(self._read(codec.read_unresolved, "unresolved", after, target, _CHUNK)):
            after = found[-1].id
            yield found

    def resolve(self, resolved: Iterable[tuple[int, Sequence[Entry]]]) -> None:
        """Replace unresolved records, by their ids, by the entries that they make."""
        with self._commit() as db:
            for id_, entries in resolved:
                db.execute(_SQL["drop_record"], (id_,))
                for new, one in enumerate(entries, id_):
                    self._note_state(one)
                    db.execute(_SQL["insert_record"], codec.record_values(new, one))
                    self._add_bindings(db, codec.binding_values(new, one))

    def count_unresolved(self) -> dict[TargetName, int]:
        """Count the records that wait for ids, by the target that must be asked."""
        return {TargetName(target): number for target, number in self._db.execute(_SQL["count_unresolved"])}

    def explain_unresolved(self, target: TargetName, error: str, hint: str) -> None:
        """Write down why rows keep waiting for ids of a target."""
        self._write("explain_unresolved", [(error, hint, target)])

    def spans(self, kind: str, places: Sequence[int]) -> Iterator[tuple[str | int, int, int, tuple[int, bool]]]:
        """Yield three values of each valid record's key, given their places, in the order of these values.

        With each comes the record, and whether it is still to be sent for the first time.
        """
        found = self._db.execute(_SQL["spans"], (kind, *(f"$[{place}]" for place in places)))
        return ((of, starts_at, ends_at, (id_, bool(planned))) for of, starts_at, ends_at, id_, planned in found)

    def note_overlaps(
        self, pairs: Iterable[tuple[int, int]], words: str, severity: Severity, topic: str, hint: str, run: str
    ) -> Iterator[tuple[str, int]]:
        """Write down which records overlap another one, once for each; yield source and row of each.

        `words` have `{other}` for the place of the other one. A problem makes the records invalid, except sent ones.
        This is done in SQL, because every record of a large source can overlap another.
        """
        with self._commit() as db:
            for name in ("make_overlaps", "view_overlaps", "clear_overlaps"):
                db.execute(_SQL[name])
            if db.executemany(_SQL["insert_overlap"], pairs).rowcount > 0:
                kind = self._kind_of(db, severity, topic, hint)
                db.execute(_SQL["find_overlaps"], (kind, words))
                if severity is Severity.PROBLEM:
                    db.execute(_SQL["refuse_overlaps"], (words, hint, run))
        return iter(self._db.execute(_SQL["overlapping_rows"]))

    def planned_in(self, scope: Scope) -> list[tuple[int, Key, Sequence[str]]]:
        """List the records of a scope that are still to be sent for the first time: their keys, and what they replace.

        These are the ids that `note_planned` noted last.
        """
        found = self._db.execute(_SQL["planned_in"], scope)
        return [(id_, tuple(orjson.loads(key)), replaced.split(", ")) for id_, key, replaced in found]

    def count_replacing(self, run: str) -> int:
        """Return how many of the records that a run created replaced others."""
        (number,) = self._db.execute(_SQL["count_replacing"], (run,)).fetchone()
        return int(number)

    def created_by_others(self, run: str) -> list[tuple[str, int]]:
        """Return how many of the records each other run created."""
        return list(self._db.execute(_SQL["created_by_others"], (run,)))

    def credit(self, run: str, records: Iterable[int]) -> None:
        """Write down that another run created records, by their ids."""
        self._write("credit", [(run, record) for record in records])

    def note_planned(self, record: int, severity: Severity, problem: Problem, replaced: Iterable[str] = ()) -> None:
        """Write down what was found about a record's row, once; `replaced`: ids of what the target deletes for it."""
        message, hint, column, cell, topic = problem
        with self._commit() as db:
            kind = self._kind_of(db, severity, topic, hint, column)
            db.execute(_SQL["set_replaces"], (", ".join(replaced), record))
            db.execute(_SQL["insert_found_once"], (codec.row_of(record), kind, message, cell))

    def refuse_planned(self, refused: Iterable[tuple[int, Outcome]]) -> None:
        """Make records invalid, by their ids; those that were sent already are left as they are."""
        values = [(one.error, one.cell, one.hint, one.run, id_) for id_, one in refused]
        self._write("refuse_planned", values)

    def finish_reading(self) -> None:
        """Find the duplicates and make the journal ready to send from."""
        with self._commit() as db:
            # Each of these looks at all records.
            carried = ("refuse_copies", "drop_doubt", "pass_on_doubt") if self._is_carrying else ()
            bound = ("pass_on_bindings", "drop_bindings", "hold_all") if self._has_bindings else ()
            indices = ("index_key", "index_findings", "index_finding_kinds")
            for name in (*indices, *carried, "mark_duplicates", *bound):
                db.execute(_SQL[name])
        self.change_info(stage=RunStage.READ)

    # ---- what exists already

    def scopes(self, target: TargetName) -> list[Scope]:
        """List what must be asked about before the target's open records may be sent."""
        return [Scope(*values) for values in self._db.execute(_SQL["scopes"], (target,))]

    def find(self, kind: str, found: Iterable[tuple[Key, str]], existing: Outcome) -> tuple[int, int]:
        """Note which records of a kind the target has: planned ones get the outcome `existing`, doubts become created.

        Returns the number of each.
        """
        pairs = [(codec.dump_key(key), returned_id) for key, returned_id in found]
        at, run = existing.finished_at, existing.run
        with self._commit() as db:
            planned = db.executemany(
                _SQL["find_planned"],
                ((existing.status, id_, existing.error, existing.hint, at, run, key, kind) for key, id_ in pairs),
            )
            in_doubt = db.executemany(_SQL["find_in_doubt"], ((id_, at, run, key, kind) for key, id_ in pairs))
            if self._has_reported:
                db.executemany(_SQL["find_reported"], ((id_, at, key, kind, KEEP_ONE) for key, id_ in pairs))
            if self._has_bindings:
                db.execute(_SQL["hold_all"])
        return max(0, planned.rowcount), max(0, in_doubt.rowcount)  # -1 if there were no pairs

    def refuse_reported(self, target: TargetName, scope: Scope) -> None:
        """Make records invalid that only a report claims, if the target, asked about the scope, lacks them."""
        if self._has_reported:
            self._write("refuse_reported", [(target, *scope)])

    def close_scope(self, target: TargetName, scope: Scope, outcome: Outcome) -> int:
        """Decide all planned records of a scope alike, without sending them; return their number."""
        words = (outcome.error, outcome.hint, outcome.finished_at, outcome.run)
        return self._write("close_scope", [(outcome.status, outcome.http_status, *words, target, *scope)])

    # ---- sending

    def claim(self, target: TargetName, after: int, limit: int, changes: Sequence[Change] = ()) -> list[Claimed]:
        """Mark the next planned records behind record `after` as sending, and commit `changes` with them.

        When it returns, both are on disk. Records come in the order of the source.
        """
        with self._commit() as db:
            self._change(db, changes)
            claimed = list(self._read(codec.read_claimed, "next_planned", target, after, limit))
            if claimed:
                db.execute(_SQL["claim"], (target, after, claimed[-1].id))
        return claimed

    def change(self, changes: Sequence[Change]) -> None:
        """Commit transitions of records."""
        with self._commit() as db:
            self._change(db, changes)

    def _change(self, db: sqlite3.Connection, changes: Sequence[Change]) -> None:
        db.executemany(_SQL["change"], map(codec.change_values, changes))
        if self._has_bindings:  # a success that belongs to a group is not complete yet
            db.executemany(_SQL["hold"], [(change.id,) for change in changes])

    def doubt_unknown(self) -> None:
        """Put unknown records in doubt again: the target may be able to say by now whether it has them."""
        with self._commit() as db:
            db.execute(_SQL["doubt_unknown"])

    def in_doubt(self, target: TargetName) -> list[Claimed]:
        """List the records that were or may have been sent, and of which nothing more is known."""
        return list(self._read(codec.read_claimed, "in_doubt", target))

    def has_key(self, kind: str, key: Key) -> bool:
        """Return whether some record of this run has the key."""
        return self._db.execute(_SQL["owner_of_key"], (codec.dump_key(key), kind)).fetchone() is not None

    # ---- the closing look

    def touched_scopes(self, target: TargetName, run: str) -> list[Scope]:
        """List the scopes in which a run sent something that is decided, or an earlier run found something twice."""
        return [Scope(*values) for values in self._db.execute(_SQL["touched_scopes"], (target, run, KEEP_ONE))]

    def begin_comparison(self, scope: Scope) -> None:
        """Forget what an earlier reading of the scope's list held."""
        with self._commit() as db:
            db.execute(_SQL["make_listed"])
            db.execute(_SQL["clear_listed"], scope)

    def note_listed(self, scope: Scope, found: Iterable[tuple[Key, str]]) -> None:
        """Note the objects on a page of the scope's list that belong to this run."""
        self._write("insert_listed", [(*scope, codec.dump_key(key), id_) for key, id_ in found])

    def compare(self, target: TargetName, scope: Scope, run: str) -> list[ClosingDifference]:
        """List the records in which the list that was noted and the journal differ."""
        return [
            ClosingDifference(
                id_, Status(state), returned_id, code, error, attempts, by, tuple(sorted((ids or "").split()))
            )
            for id_, state, returned_id, code, error, attempts, by, ids in self._db.execute(
                _SQL["compare_listed"], (target, *scope, run, KEEP_ONE)
            )
        ]

    def conclude_comparison(
        self, target: TargetName, scope: Scope, changes: Sequence[Change], *, is_whole: bool
    ) -> None:
        """Commit what was found; a whole list also decides which records of the scope are no longer there twice."""
        with self._commit() as db:
            if is_whole:
                db.execute(_SQL["forget_doubled"], (target, *scope, KEEP_ONE))
            self._change(db, changes)

    def explain_planned(self, target: TargetName, error: str, hint: str) -> None:
        """Write down why the target's planned records stay unsent; an earlier reason is kept."""
        self._write("explain_planned", [(error, hint, target)])

    # ---- groups

    def set_bindings(self, group: str, states: Mapping[int, BindingState]) -> None:
        """Write down the state of records, by their ids in the journal, in a group."""
        self._write("set_binding", [(state, group, record) for record, state in states.items()])

    def finish_bindings(self, group: str, states: Mapping[int, BindingState], finished_at: str) -> dict[int, Status]:
        """Write down that records are in a group; return those that are now in all of theirs, with their status."""
        done: dict[int, Status] = {}
        with self._commit() as db:
            db.executemany(_SQL["set_binding"], [(state, group, record) for record, state in states.items()])
            for record in states:
                if row := db.execute(_SQL["finish_bound"], (finished_at, record)).fetchone():
                    done[record] = Status(row[0])
        return done

    def leave_unbound(self, outcomes: Iterable[tuple[int, Outcome]]) -> None:
        """Decide records that could not be added to all of their groups; their ids stay known."""
        values = [
            (one.status, one.http_status, one.error, one.hint, one.finished_at, record) for record, one in outcomes
        ]
        self._write("leave_unbound", values)

    def doubt_adding(self, target: TargetName, outcome: Outcome) -> None:
        """Decide all records that may have been added to a group, but were not seen there since."""
        self._write("doubt_adding", [(outcome.finished_at, outcome.hint, outcome.error, target)])

    def remove_bindings(self, removed: Mapping[str, Iterable[str]]) -> None:
        """Write down in the journal of the run that had added them which ids were taken out of groups, as `removed`."""
        values = [(group, returned_id) for group, ids in removed.items() for returned_id in ids]
        self._write("remove_binding", values)

    def add_traffic(self, target: TargetName, tallies: Sequence[Tally]) -> None:
        """Write down the counts of requests to a target, second by second."""
        self._write("insert_traffic", [codec.tally_values(target, tally) for tally in tallies])
