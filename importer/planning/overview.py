"""What a run would do, summed up by target, schedule and person, as it is shown before anything is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeAlias

from importer.journal.journal import Journal
from importer.journal.states import State
from importer.kinds import KINDS, Names, RecordKind, show_moment
from importer.normalizer.mapping import Rules
from importer.planning.plan_file import ACTIONS, ADD, LOOK_UP, REPLACE, Guesses, is_guess
from importer.records import Key, TargetName
from importer.result import Expected, Overview, Repeated
from importer.targets import TARGETS

_MOST_UNRESOLVED = 20_000  # records that are normalized once more for an overview
_MOST_REPEATED = 1000  # rows that an overview holds


def touched_schedules(journal: Journal) -> list[str]:
    """List the schedules that shifts will be sent to, by name if it is known."""
    names = Names(journal.names())
    found = (scope.name for target in TargetName for scope in journal.scopes(target) if scope.name)
    return [names.show("schedule", one) for one in dict.fromkeys(found)]


_Place: TypeAlias = tuple[str, str, str, str]  # target, kind, schedule, person
_OF_GROUPS = next(name for name, target in TARGETS.items() if target.grouping is not None)


def read_overview(journal: Journal, rules: Rules, *, asked: Collection[TargetName], timezone: str) -> Overview:
    """Sum up what would happen by target, schedule and person; `asked` and `timezone` as for `read_lines`."""
    known = journal.names()
    groups: dict[_Place, _Sum] = {}
    repeated: list[Repeated] = []
    sheets = journal.sheets()
    for kind in KINDS.values():
        starts_at, ends_at = (kind.overlap.starts_at, kind.overlap.ends_at) if kind.overlap else (None, None)
        for one in journal.sum_up(kind.name, kind.summed_by, starts_at, ends_at):
            action = REPLACE if one.is_replacing and one.state is State.PLANNED else ACTIONS.get(one.state, one.state)
            own = groups.setdefault(_place_of(kind, one.key, Names(known)), _Sum())
            own.numbers[action] += one.number
            if one.starts_at is not None and one.ends_at is not None:
                own.stretch(one.starts_at, one.ends_at, one.zone or timezone)
        if starts_at is not None and ends_at is not None:
            for sheet, row, number, *span, zone in journal.repetitions(kind.name, starts_at, ends_at, _MOST_REPEATED):
                first, last = (show_moment(at, zone or timezone) for at in span)
                repeated.append(Repeated(sheets[sheet], row, number, first, last, zone or timezone))
    numbers = journal.count_unresolved()
    if 0 < sum(numbers.values()) <= _MOST_UNRESOLVED:
        repeated += _add_unresolved(journal, rules, groups, known, timezone)
    else:
        for target, number in numbers.items():
            groups[target, "record", "", "names to be looked up"] = _Sum(Counter({LOOK_UP: number}))
    for id_, number in journal.count_by_group():
        name = Names(known).show("group", id_)
        groups[_OF_GROUPS, "Opal group", "", name] = _Sum(Counter({ADD: number}))
    expected = [Expected(*place, own.numbers, own.first, own.last) for place, own in groups.items()]
    return Overview(expected, repeated, max(journal.count_repetitions(), len(repeated)), bool(asked))


def _add_unresolved(
    journal: Journal, rules: Rules, groups: dict[_Place, _Sum], known: dict[tuple[str, str], str], timezone: str
) -> list[Repeated]:
    """Sum up the records that wait for ids; return those rows that make several records."""
    repeated: list[Repeated] = []
    sheets = journal.sheets()
    guesses, names = Guesses(sheets, rules, known), _NamesAsTheyStand(known)
    for one in chain.from_iterable(chain.from_iterable(map(journal.unresolved, TargetName))):
        kind = KINDS[one.kind or ""]
        shifts = []
        for key, own_zone in guesses.records(one.sheet, one.row, one.kind):
            zone = own_zone or timezone  # the same for all that a row makes
            own = groups.setdefault(_place_of(kind, key, names), _Sum())
            own.numbers[LOOK_UP] += 1
            if kind.shift is not None:
                shifts.append(kind.shift(key))
                own.stretch(shifts[-1].starts_at, shifts[-1].ends_at, zone)
        if len(shifts) > 1:
            first = show_moment(min(shift.starts_at for shift in shifts), zone)
            last = show_moment(max(shift.ends_at for shift in shifts), zone)
            repeated.append(Repeated(sheets[one.sheet], one.row.number, len(shifts), first, last, zone))
    return repeated


class _NamesAsTheyStand(Names):
    """Names, some of them with a made-up id."""

    def show(self, what: str, id_: str) -> str:
        return self.find(what, id_) if is_guess(id_) else super().show(what, id_)


def _place_of(kind: RecordKind, key: Key, names: Names) -> _Place:
    """Return where a record is summed up: target, kind, schedule, person."""
    if kind.shift is None:
        return kind.target, kind.name, "", str(key[kind.summed_by])
    shift = kind.shift(key)
    return kind.target, kind.name, names.show("schedule", shift.schedule), names.show("user", shift.user)


@dataclass(slots=True)
class _Sum:
    numbers: Counter[str] = field(default_factory=Counter)
    first: str = ""
    last: str = ""

    def stretch(self, starts_at: int, ends_at: int, zone: str) -> None:
        first, last = (show_moment(at, zone)[:10] for at in (starts_at, ends_at))
        self.first = min(self.first or first, first)
        self.last = max(self.last, last)
