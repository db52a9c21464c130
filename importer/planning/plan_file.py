"""The file of `check --plan`: a line for each record with what a run would do, to be approved and held to.

Asks no target: names without an id yet are shown as they are, and the occurrences of their rows are counted. An
approved plan is read back, and compared with what a run would do now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import zip_longest
from pathlib import Path

import orjson

from importer.errors import SourceError, UsageError
from importer.journal.codec import dump_key
from importer.journal.journal import Journal
from importer.journal.states import Entry, Prospect, State
from importer.kinds import KINDS, RecordKind, show_moment
from importer.normalizer.mapping import Rules
from importer.normalizer.references import Directory, References
from importer.planning.carry_over import SheetNormalizer
from importer.reader.read import read
from importer.records import LARGEST_ID, Key, Row, Sheet, TargetName, write_part
from importer.reporter.atomic_file import ROOM_HINT, is_source, replace_file
from importer.reporter.formula_guard import guard, unguard
from importer.reporter.report_csv import write_table
from importer.reporter.xlsx_writer import Book, UnholdableError, header_width, write_book
from importer.statuses import Status
from importer.wording import count_of, escape, iso_utc

CREATE, REPLACE, ADD, LOOK_UP = "create", "replace", "add to group", "look up"
ACTIONS: Mapping[State | Status, str] = {
    State.PLANNED: CREATE,
    State.UNBOUND: ADD,
    State.UNRESOLVED: LOOK_UP,
    State.SENDING: "ask first",
    State.IN_DOUBT: "ask first",
    State.REPORTED: "ask first",
}
_OF_TARGET = frozenset({"user", "schedule", "group"})
_FIRST_GUESS = LARGEST_ID - 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One record in a plan; every value is a text."""

    source: str
    sheet: str
    row: str
    part: str = ""
    kind: str = ""
    action: str  #: create, replace, add to group, exists, look up, or the status of what is not sent
    exists: str = ""  #: yes, no, not asked; empty if nothing would be sent
    schedule: str = ""  #: names; if none is known the ids are in the columns below
    person: str = ""
    shadowed: str = ""
    starts: str = ""  #: local time
    ends: str = ""
    timezone: str = ""
    groups: str = ""
    replaces: str = ""  #: ids of the records that the target deletes for it
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
    def words(self) -> str:
        """What it is, for a message."""
        who = " shadows ".join(filter(None, (self.person or self.person_id, self.shadowed or self.shadowed_id)))
        about = " on ".join(filter(None, (who, self.schedule or self.schedule_id)))
        words = f"{about}, {self.starts} to {self.ends} {self.timezone}" if self.starts else about
        return escape(words, 200) or self.action

    @property
    def fate(self) -> str:
        """What a run would do with it, for a message."""
        return escape(" ".join(filter(None, (self.action, self.replaces, self.groups))), 200)


def read_lines(
    journal: Journal, rules: Rules, base_urls: Mapping[TargetName, str], *, asked: Collection[TargetName], timezone: str
) -> Iterator[PlanLine]:
    """Yield a line for each record, in the order of the source; what is not sent has the reason.

    `asked` are the targets that were asked what exists; `timezone` is for rows that name none.
    """
    sheets, names = journal.sheets(), journal.names()
    guesses = Guesses(sheets, rules, names)
    for one in journal.prospects():
        sheet, entry, kind = sheets[one.sheet], one.entry, KINDS.get(one.entry.kind or "")
        replaces = one.replaces if entry.state is State.PLANNED else ""
        line = PlanLine(
            source=sheet.original,
            sheet=sheet.name,
            row=str(one.row.number),
            part=entry.part,
            kind=entry.kind or "",
            action=REPLACE if replaces else ACTIONS.get(entry.state, entry.state.value),
            exists=_exists(entry, is_asked=entry.target in asked),
            replaces=replaces,
            target=entry.target or "",
            base_url=base_urls.get(entry.target, "") if entry.target else "",
            id=entry.outcome.id,
            group_ids=", ".join(entry.groups),
            groups=", ".join(names.get(("group", id_), "") or id_ for id_ in entry.groups),
            reason=_reason(one, sheets),
        )
        made = guesses.records(one.sheet, one.row, entry.kind) if entry.state is State.UNRESOLVED else []
        for number, (key, zone) in enumerate(made, 1):
            part = write_part(number, len(made)) if len(made) > 1 else entry.part
            yield replace(line, part=part, **_describe(kind, key, names, zone or timezone))
        if kind is not None and entry.key is not None and entry.state is not State.UNRESOLVED:
            yield replace(line, **_describe(kind, entry.key, names, entry.zone or timezone), key=dump_key(entry.key))
        elif not made:
            yield line


def _exists(entry: Entry, *, is_asked: bool) -> str:
    if entry.state in (Status.EXISTS, State.UNBOUND):
        return "yes"
    if entry.state is State.PLANNED and is_asked:
        return "no"
    return "not asked" if entry.state in (State.PLANNED, State.UNRESOLVED) else ""


def _reason(one: Prospect, sheets: list[Sheet]) -> str:
    if one.first_row is None or one.first_sheet is None:
        return one.entry.outcome.error
    return f"the same record as row {one.first_row}{sheets[one.first_sheet].seen_from(sheets[one.sheet])}"


def _describe(kind: RecordKind | None, key: Key, names: Mapping[tuple[str, str], str], zone: str) -> dict[str, str]:
    """Return whom and what a record is about, and when, as columns of a line; nothing without a kind."""
    if kind is None:
        return {}
    columns = {"schedule": "", "schedule_id": "", "person": "", "person_id": "", "shadowed": "", "shadowed_id": ""}
    for one in kind.subjects(key):
        columns[one.role] = names.get((one.what, one.id), "")
        id_ = "" if is_guess(one.id) else one.id
        columns[f"{one.role}_id"] = id_ if one.what in _OF_TARGET else f"{one.what} {id_}"
    if kind.shift is None:
        return columns
    shift = kind.shift(key)
    return columns | {
        "starts": show_moment(shift.starts_at, zone),
        "ends": show_moment(shift.ends_at, zone),
        "timezone": zone,
        "starts_at": iso_utc(shift.starts_at),
        "ends_at": iso_utc(shift.ends_at),
    }


# ---- the lines as a file


COLUMNS: tuple[str, ...] = tuple(one.name for one in fields(PlanLine))
_ENDINGS = (".xlsx", ".csv", ".json")
_SENT = frozenset({CREATE, Status.EXISTS, ADD})
_MOST_DIFFERENCES = 5  # differences that an error names
_WIDE = dict.fromkeys(("person", "shadowed", "schedule", "source"), 26) | {
    **dict.fromkeys(("timezone", "starts", "ends"), 18),
    "reason": 40,
}
_MAKE_PLAN = "Give a file that oncall-importer check SOURCE --online --plan FILE wrote."


def check_plan_path(path: Path, sources: Iterable[str]) -> None:
    """Check the name of a plan.

    Raises:
        UsageError: it has another extension, or is a source.
    """
    if path.suffix.casefold() not in _ENDINGS:
        raise UsageError(
            f"{escape(str(path), 200)} cannot be a plan: its name ends in neither .xlsx, .csv nor .json",
            hint="Name it plan.xlsx, for instance.",
        )
    if any(is_source(path, source) for source in sources):
        raise UsageError(f"{escape(str(path), 200)} is the source itself and was not changed", hint="Name a new file.")


def write_plan(path: Path, lines: Iterable[PlanLine]) -> Path:
    """Write a plan in the format of its extension, readable by its owner only; return its final path.

    Raises:
        ReportError: it could not be written; an older one is still there.
        UsageError: a workbook cannot hold all of it.
    """
    if path.suffix.casefold() == ".csv":
        return write_table(path, _table(lines), hint=ROOM_HINT)
    if path.suffix.casefold() == ".json":
        content = orjson.dumps([asdict(line) for line in lines], option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        return replace_file(path, lambda file: file.write(content), hint=ROOM_HINT)

    def fill(book: Book) -> None:
        rows = _table(lines)
        book.add_table("Plan", next(rows), rows, [_WIDE.get(name) or header_width(name) for name in COLUMNS])

    try:
        return write_book(path, fill, hint=ROOM_HINT)
    except UnholdableError:
        raise UsageError(
            f"{escape(str(path), 200)} cannot hold the plan: it is too long for a workbook",
            hint="Name a .csv or .json file.",
        ) from None


def _table(lines: Iterable[PlanLine]) -> Iterator[Sequence[str]]:
    yield COLUMNS
    for line in lines:
        yield [guard(getattr(line, name)) for name in COLUMNS]


def read_plan(path: Path) -> list[PlanLine]:
    """Read a plan, as it was written, or as a spreadsheet saved it.

    Raises:
        SourceError: it cannot be read, or is not a plan.
    """
    shown = escape(str(path), 200)
    if path.suffix.casefold() == ".json":
        try:
            return [PlanLine(**{name: str(one[name]) for name in COLUMNS}) for one in orjson.loads(path.read_bytes())]
        except OSError as error:
            raise SourceError(f"{shown} cannot be read: {error.strerror}", hint=_MAKE_PLAN) from None
        except (ValueError, TypeError, KeyError):
            raise SourceError(f"{shown} is not a plan", hint=_MAKE_PLAN) from None
    lines: list[PlanLine] = []
    is_plan = False
    for chunk in read(path, header_row=1):
        places = {name: place for place, name in enumerate(chunk.sheet.header)}
        if not places.keys() >= set(COLUMNS):
            continue
        is_plan = True
        lines += [PlanLine(**{name: unguard(row.cells[places[name]]) for name in COLUMNS}) for row in chunk.rows]
    if not is_plan:
        raise SourceError(f"{shown} is not a plan: it lacks the columns of one", hint=_MAKE_PLAN)
    return lines


def hold_to_plan(path: Path, approved: Sequence[PlanLine], now: Iterable[PlanLine]) -> None:
    """Check that a run would do exactly what was approved: the same records from the same rows, at the same targets.

    Raises:
        UsageError: it would not; the first differences are named.
    """
    differences = list(_differences(approved, now))
    if differences:
        more = len(differences) - _MOST_DIFFERENCES
        first = "; ".join(differences[:_MOST_DIFFERENCES]) + (f"; and {more:,} more" if more > 0 else "")
        number = f"{count_of(len(differences), 'record')} {'differs' if len(differences) == 1 else 'differ'}"
        raise UsageError(
            f"{number} from {escape(str(path), 200)}, and nothing was sent: {first}",
            hint="Write a new plan with oncall-importer check --online --plan, and have it approved.",
        )


def _differences(approved: Sequence[PlanLine], now: Iterable[PlanLine]) -> Iterator[str]:
    places: defaultdict[object, tuple[list[PlanLine], list[PlanLine]]] = defaultdict(lambda: ([], []))
    for which, lines in ((1, now), (0, approved)):
        for line in lines:
            places[line.sheet, line.row, line.part][which].append(line)
    for those in places.values():
        for then, is_now in zip_longest(*those):
            line = is_now or then
            where = escape(f"{line.sheet} row {line.row}{f', part {line.part}' if line.part else ''}", 200)
            if then is None:
                yield f"{where} is not in the plan ({line.words})"
            elif is_now is None:
                yield f"{where} is in the plan only ({line.words})"
            elif difference := _difference(then, is_now):
                yield f"{where} {difference}"


def _difference(then: PlanLine, now: PlanLine) -> str:
    if LOOK_UP in (then.action, now.action):
        return "names what was not looked up; write the plan with --online"
    if then.key != now.key:
        return f"is {now.words}, and the plan says {then.words}"
    if then.base_url != now.base_url:
        return f"goes to {now.base_url or 'no target'}, and the plan says {then.base_url or 'none'}"
    is_unasked = then.exists == "not asked" and {then.action, now.action} <= _SENT  # nobody knew what exists
    both = ((line.kind, line.group_ids, line.replaces) for line in (then, now))  # beside the key
    if (then.action == now.action or is_unasked) and next(both) == next(both):
        return ""
    return f"({now.words}) is now: {now.fate}, and the plan says: {then.fate}"


# ---- what waits for ids


class Guesses(Directory):
    """Gives each name a made-up id that no target has, so that a row that waits for ids makes its records now."""

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

    def find(self, what: str, text: str) -> str:
        id_ = self._ids.setdefault((what, text), str(_FIRST_GUESS + len(self._ids)))
        self._names[what, id_] = text
        return id_


def is_guess(id_: str) -> bool:
    """Return whether an id is one of `Guesses`, which no target has."""
    return id_.isdecimal() and int(id_) >= _FIRST_GUESS
