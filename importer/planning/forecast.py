"""What would become of each record of a journal: a line for each, and all summed up. Asks no target.

Names that wait for their ids are told as they stand, and the occurrences of their rows are counted all the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from importer.journal.codec import dump_key
from importer.journal.states import State
from importer.kinds import KINDS
from importer.kinds.kind import Names, show_moment
from importer.normalizer.references import Directory, References
from importer.planning.carry_over import SheetNormalizer
from importer.records import LARGEST_ID, TargetName, write_part
from importer.result import Expected, Overview, Repeated
from importer.statuses import Status
from importer.targets import TARGETS
from importer.wording import iso_utc

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from importer.journal.journal import Journal
    from importer.journal.states import Entry, Prospect
    from importer.kinds.kind import RecordKind
    from importer.normalizer.mapping import Rules
    from importer.records import Key, Row, Sheet


CREATE, REPLACE, ADD, LOOK_UP = "create", "replace", "add to group", "look up"
_ACTIONS: Mapping[State | Status, str] = {
    State.PLANNED: CREATE,
    State.UNBOUND: ADD,
    State.UNRESOLVED: LOOK_UP,
    State.SENDING: "ask first",
    State.IN_DOUBT: "ask first",
    State.REPORTED: "ask first",
}
_OF_TARGET = frozenset({"user", "schedule", "group"})
_FIRST_GUESS = LARGEST_ID - 1_000_000
_MOST_UNRESOLVED = 20_000  # records that are looked at once more for an overview
_MOST_REPEATED = 1000  # rows that an overview holds


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One record, as a plan tells it; every value is a text."""

    source: str
    sheet: str
    row: str
    part: str = ""
    kind: str = ""
    action: str  #: create, replace, add to group, exists, look up, or the status of what is not sent
    exists: str = ""  #: yes, no, not asked; empty where nothing would be sent
    schedule: str = ""  #: names; where none is known the ids stand beside
    person: str = ""
    shadowed: str = ""
    starts: str = ""  #: local time
    ends: str = ""
    timezone: str = ""
    groups: str = ""
    replaces: str = ""  #: ids of what the target deletes for it
    target: str = ""
    base_url: str = ""
    id: str = ""  #: of what exists
    schedule_id: str = ""
    person_id: str = ""
    shadowed_id: str = ""
    starts_at: str = ""  #: UTC
    ends_at: str = ""
    group_ids: str = ""
    key: str = ""  #: what makes two records the same thing
    reason: str = ""  #: why it is not sent

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it stands in its source."""
        return self.sheet, self.row, self.part

    @property
    def words(self) -> str:
        """What it is, for a message."""
        who = " shadows ".join(filter(None, (self.person or self.person_id, self.shadowed or self.shadowed_id)))
        about = " on ".join(filter(None, (who, self.schedule or self.schedule_id)))
        return f"{about}, {self.starts} to {self.ends} {self.timezone}" if self.starts else about


def read_lines(
    journal: Journal, rules: Rules, base_urls: Mapping[TargetName, str], *, asked: Collection[TargetName], timezone: str
) -> Iterator[PlanLine]:
    """Yield a line for each record, in the order of the source, also for what is not sent, with the reason.

    `asked` are the targets that were asked what exists; `timezone` is that of rows that name none.
    """
    reader = _LineReader(journal, rules, timezone)
    for prospect in journal.prospects():
        entry = prospect.entry
        beside = {
            "base_url": base_urls.get(entry.target, "") if entry.target else "",
            "exists": _exists(entry, is_asked=entry.target in asked),
        }
        yield from reader.read(prospect, beside)


def _exists(entry: Entry, *, is_asked: bool) -> str:
    if entry.state in (Status.EXISTS, State.UNBOUND):
        return "yes"
    if entry.state is State.PLANNED and is_asked:
        return "no"
    return "not asked" if entry.state in (State.PLANNED, State.UNRESOLVED) else ""


class _LineReader:
    def __init__(self, journal: Journal, rules: Rules, timezone: str) -> None:
        self._sheets = journal.sheets()
        self._timezone = timezone
        self._names = journal.names()
        self._guesses = _Guesses(self._sheets, rules, self._names)

    def read(self, prospect: Prospect, beside: Mapping[str, str]) -> Iterator[PlanLine]:
        sheet, entry = self._sheets[prospect.sheet], prospect.entry
        kind = KINDS.get(entry.kind or "")
        replaces = prospect.replaces if entry.state is State.PLANNED else ""
        line = PlanLine(
            source=sheet.original,
            sheet=sheet.name,
            row=str(prospect.row.number),
            part=entry.part,
            kind=entry.kind or "",
            action=REPLACE if replaces else _ACTIONS.get(entry.state, entry.state.value),
            replaces=replaces,
            target=entry.target or "",
            id=entry.outcome.id,
            group_ids=", ".join(entry.groups),
            groups=", ".join(self._names.get(("group", id_), "") or id_ for id_ in entry.groups),
            reason=self._reason(prospect),
            **beside,
        )
        if entry.state is State.UNRESOLVED:
            made = self._guesses.records(prospect.sheet, prospect.row, entry.kind)
            for number, (key, zone) in enumerate(made, 1):
                part = write_part(number, len(made)) if len(made) > 1 else entry.part
                told = _tell(kind, key, self._names, zone or self._timezone) if kind else {}
                yield replace(line, part=part, **told)
            if not made:
                yield line
        elif kind is None or entry.key is None:
            yield line
        else:
            told = _tell(kind, entry.key, self._names, entry.zone or self._timezone)
            yield replace(line, **told, key=dump_key(entry.key))

    def _reason(self, prospect: Prospect) -> str:
        if prospect.first_row is None or prospect.first_sheet is None:
            return prospect.entry.outcome.error
        where = f" of sheet {self._sheets[prospect.first_sheet].name}" if prospect.first_sheet != prospect.sheet else ""
        return f"the same record as row {prospect.first_row}{where}"


def _tell(kind: RecordKind, key: Key, names: Mapping[tuple[str, str], str], zone: str) -> dict[str, str]:
    """Return whom and what a record is about, and when, as a line has it."""
    told = {"schedule": "", "schedule_id": "", "person": "", "person_id": "", "shadowed": "", "shadowed_id": ""}
    for one in kind.subjects(key):
        told[one.role] = names.get((one.what, one.id), "")
        id_ = "" if _is_guess(one.id) else one.id
        told[f"{one.role}_id"] = id_ if one.what in _OF_TARGET else f"{one.what} {id_}"
    if kind.shift is None:
        return told
    shift = kind.shift(key)
    return told | {
        "starts": show_moment(shift.starts_at, zone),
        "ends": show_moment(shift.ends_at, zone),
        "timezone": zone,
        "starts_at": iso_utc(shift.starts_at),
        "ends_at": iso_utc(shift.ends_at),
    }


# ---- what waits for ids


class _Guesses(Directory):
    """Finds for each name an id that nothing has, so that a row that waits for ids makes its records all the same."""

    def __init__(self, sheets: list[Sheet], rules: Rules, names: dict[tuple[str, str], str]) -> None:
        super().__init__(None, None)
        self._names = names  # where the names of these ids go
        self._ids: dict[tuple[str, str], str] = {}
        rules = replace(rules, references=References(self))
        self._normalizers = [SheetNormalizer(sheet, rules) for sheet in sheets]

    def records(self, sheet: int, row: Row, kind: str | None) -> list[tuple[Key, str]]:
        """Return the keys of what a row makes, and the zone of its times."""
        made = self._normalizers[sheet].normalize(row, kind)
        return [(record.key, made.zone) for record in made.records]

    def find_user(self, text: str) -> str:
        return self._find("user", text)

    def find_schedule(self, text: str) -> str:
        return self._find("schedule", text)

    def find_group(self, text: str) -> str:
        return self._find("group", text)

    def _find(self, what: str, text: str) -> str:
        id_ = self._ids.setdefault((what, text), str(_FIRST_GUESS + len(self._ids)))
        self._names[what, id_] = text
        return id_


# ---- all summed up


def touched_schedules(journal: Journal) -> list[str]:
    """List the schedules that shifts are to be sent to, each by its name where that is known."""
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
            action = REPLACE if one.is_replacing and one.state is State.PLANNED else _ACTIONS.get(one.state, one.state)
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
    is_of_several = len({sheet.source for sheet in sheets}) > 1
    return Overview(expected, repeated, max(journal.count_repetitions(), len(repeated)), bool(asked), is_of_several)


def _add_unresolved(
    journal: Journal, rules: Rules, groups: dict[_Place, _Sum], known: dict[tuple[str, str], str], timezone: str
) -> list[Repeated]:
    """Sum up what waits for ids; return the rows of it that make several records."""
    repeated: list[Repeated] = []
    sheets = journal.sheets()
    guesses, names = _Guesses(journal.sheets(), rules, known), _NamesAsTheyStand(known)
    for target in TargetName:
        for one in chain.from_iterable(journal.unresolved(target)):
            kind = KINDS[one.kind or ""]
            made = guesses.records(one.sheet, one.row, one.kind)
            shifts = [kind.shift(key) for key, _ in made if kind.shift]
            if len(shifts) > 1:
                zone = made[0][1] or timezone
                first = show_moment(min(shift.starts_at for shift in shifts), zone)
                last = show_moment(max(shift.ends_at for shift in shifts), zone)
                repeated.append(Repeated(sheets[one.sheet], one.row.number, len(shifts), first, last, zone))
            for key, zone in made:
                shift = kind.shift(key) if kind.shift else None
                own = groups.setdefault(_place_of(kind, key, names), _Sum())
                own.numbers[LOOK_UP] += 1
                if shift:
                    own.stretch(shift.starts_at, shift.ends_at, zone or timezone)
    return repeated


def _is_guess(id_: str) -> bool:
    return id_.isdecimal() and int(id_) >= _FIRST_GUESS


class _NamesAsTheyStand(Names):
    """Names of which some have an id that means nothing."""

    def show(self, what: str, id_: str) -> str:
        return self.find(what, id_) if _is_guess(id_) else super().show(what, id_)


def _place_of(kind: RecordKind, key: Key, names: Names) -> _Place:
    """Return what a record is summed up under."""
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
