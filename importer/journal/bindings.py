"""Which groups records belong into, and how far that has come; decides nothing."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from importer.journal.codec import load_queries
from importer.journal.states import BindingState, Leaving, Unbound
from importer.records import Outcome, TargetName
from importer.statuses import Status

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager


_SQL = load_queries()


class Bindings:
    """The part of a run's journal that is about groups. A record is `unbound` until it is in all of its groups."""

    def __init__(
        self, db: sqlite3.Connection, commit: Callable[[], AbstractContextManager[sqlite3.Connection]]
    ) -> None:
        self._db = db
        self._commit = commit

    def __bool__(self) -> bool:
        """Return whether any record belongs into a group."""
        return bool(self._db.execute(_SQL["has_bindings"]).fetchone()[0])

    def count(self) -> tuple[int, int]:
        """Count the open records that belong into groups, and these groups."""
        records, groups = self._db.execute(_SQL["count_bindings"]).fetchone()
        return records, groups

    def unbound(self, target: TargetName) -> dict[str, list[Unbound]]:
        """List what is still to be added, by the id of the group."""
        found: defaultdict[str, list[Unbound]] = defaultdict(list)
        for group, *values in self._db.execute(_SQL["unbound"], (target,)):
            found[group].append(Unbound(*values))
        return dict(found)

    def set_states(self, group: str, states: Mapping[int, BindingState]) -> None:
        """Write down how far records, by their ids in the journal, have come into a group."""
        with self._commit() as db:
            self._set(db, group, states)

    def finish(self, group: str, states: Mapping[int, BindingState], finished_at: str) -> dict[int, Status]:
        """Write down that records are in a group; return those that are now in all of theirs, and what they became."""
        done: dict[int, Status] = {}
        with self._commit() as db:
            self._set(db, group, states)
            for record in states:
                if row := db.execute(_SQL["finish_bound"], (finished_at, record)).fetchone():
                    done[record] = Status(row[0])
        return done

    def leave(self, outcomes: Iterable[tuple[int, Outcome]]) -> None:
        """Decide records that could not be added to all of their groups; their ids stay known."""
        values = [
            (one.status, one.http_status, one.error, one.hint, one.finished_at, record) for record, one in outcomes
        ]
        with self._commit() as db:
            db.executemany(_SQL["leave_unbound"], values)

    def doubt(self, target: TargetName, outcome: Outcome) -> None:
        """Decide all records whose adding may have been applied, and was not seen since."""
        with self._commit() as db:
            db.execute(_SQL["doubt_adding"], (outcome.finished_at, outcome.hint, outcome.error, target))

    def leaving(self, target: TargetName) -> dict[str, list[Leaving]]:
        """List what an undo is still to take out, by the id of the group."""
        found: defaultdict[str, list[Leaving]] = defaultdict(list)
        for group, record, returned_id, was, kind in self._db.execute(_SQL["leaving"], (target,)):
            found[group].append(Leaving(record, returned_id, Status(was), kind))
        return dict(found)

    def count_leaving(self) -> dict[TargetName, tuple[int, int, int]]:
        """Count for each target what an undo is to take out of groups.

        Records, groups, and of the records those that are to be removed by hand afterwards.
        """
        return {TargetName(target): tuple(numbers) for target, *numbers in self._db.execute(_SQL["count_leaving"])}

    def removed(self) -> dict[str, list[str]]:
        """List what was taken out of groups again: the ids that the target gave, by the id of the group."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for group, returned_id in self._db.execute(_SQL["removed_bindings"]):
            found[group].append(returned_id)
        return dict(found)

    def remove(self, removed: Mapping[str, Iterable[str]]) -> None:
        """Write down in the journal of the run that had added them which ids were taken out of groups, as `removed`."""
        values = [(group, returned_id) for group, ids in removed.items() for returned_id in ids]
        with self._commit() as db:
            db.executemany(_SQL["remove_binding"], values)

    @staticmethod
    def _set(db: sqlite3.Connection, group: str, states: Mapping[int, BindingState]) -> None:
        db.executemany(_SQL["set_binding"], [(state, group, record) for record, state in states.items()])
