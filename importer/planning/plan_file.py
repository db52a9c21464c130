"""A plan as a file: written for a person who approves it, read again, and compared with what a run would do now."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, fields
from itertools import zip_longest
from typing import TYPE_CHECKING

import orjson

from importer.errors import SourceError, UsageError
from importer.planning.forecast import LOOK_UP, PlanLine
from importer.quoting import escape
from importer.reader.read import read
from importer.reporter.atomic_file import ROOM_HINT, is_source, replace_file
from importer.reporter.columns import guard, unguard
from importer.reporter.table_files import write_table
from importer.reporter.xlsx_writer import UnholdableError, header_width, write_book
from importer.wording import count_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from importer.reporter.xlsx_writer import Book


COLUMNS: tuple[str, ...] = tuple(one.name for one in fields(PlanLine))
_ENDINGS = (".xlsx", ".csv", ".json")
_MOST_DIFFERENCES = 5  # that an error names
_WIDE = {
    "person": 26,
    "shadowed": 26,
    "schedule": 26,
    "source": 26,
    "timezone": 18,
    "starts": 18,
    "ends": 18,
    "reason": 40,
}


def check_plan_path(path: Path, sources: Iterable[str]) -> None:
    """See that a plan can have this name.

    Raises:
        UsageError: it has another ending, or is a source.
    """
    if path.suffix.casefold() not in _ENDINGS:
        raise UsageError(
            f"{escape(str(path), 200)} cannot be a plan: its name ends in neither .xlsx, .csv nor .json",
            hint="Name it plan.xlsx, for instance.",
        )
    if any(is_source(path, source) for source in sources):
        raise UsageError(f"{escape(str(path), 200)} is the source itself, and was left alone", hint="Name a new file.")


def write_plan(path: Path, lines: Iterable[PlanLine]) -> Path:
    """Write a plan in the form that its name's ending says, for its owner only; return the path that it has in the end.

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
    """Read a plan, as it was written or saved again by a spreadsheet.

    Raises:
        SourceError: it cannot be read, or is no plan.
    """
    shown = escape(str(path), 200)
    lines: list[PlanLine] = []
    is_plan = False
    if path.suffix.casefold() == ".json":
        try:
            found = orjson.loads(path.read_bytes())
            lines = [PlanLine(**{name: str(one[name]) for name in COLUMNS}) for one in found]
        except OSError as error:
            raise SourceError(f"{shown} cannot be read: {error.strerror}", hint=_MAKE_PLAN) from None
        except (ValueError, TypeError, KeyError):
            raise SourceError(f"{shown} is no plan", hint=_MAKE_PLAN) from None
        return lines
    for chunk in read(path, header_row=1):
        places = {name: place for place, name in enumerate(chunk.sheet.header)}
        if not places.keys() >= set(COLUMNS):
            continue
        is_plan = True
        lines += [PlanLine(**{name: unguard(row.cells[places[name]]) for name in COLUMNS}) for row in chunk.rows]
    if not is_plan:
        raise SourceError(f"{shown} is no plan: it lacks the columns of one", hint=_MAKE_PLAN)
    return lines


_MAKE_PLAN = "Give a file that oncall-importer check SOURCE --online --plan FILE wrote."


def hold_to_plan(path: Path, approved: Sequence[PlanLine], now: Iterable[PlanLine]) -> None:
    """See that a run would do exactly what was approved: the same records from the same rows, at the same places.

    Raises:
        UsageError: it would not; the first differences are named.
    """
    differences = list(_differences(approved, now))
    if differences:
        more = len(differences) - _MOST_DIFFERENCES
        told = "; ".join(differences[:_MOST_DIFFERENCES]) + (f"; and {more:,} more" if more > 0 else "")
        number = f"{count_of(len(differences), 'record')} {'differs' if len(differences) == 1 else 'differ'}"
        raise UsageError(
            f"{number} from {escape(str(path), 200)}, and nothing was sent: {told}",
            hint="Write a new plan with oncall-importer check --online --plan, and have it approved.",
        )


def _gist(line: PlanLine) -> tuple[str, ...]:
    """Return what must be as it was approved, beside the key."""
    return line.kind, line.group_ids, line.replaces


def _differences(approved: Sequence[PlanLine], now: Iterable[PlanLine]) -> Iterator[str]:
    planned: defaultdict[tuple[str, str, str], list[PlanLine]] = defaultdict(list)
    for line in approved:
        planned[line.place].append(line)
    found: defaultdict[tuple[str, str, str], list[PlanLine]] = defaultdict(list)
    for line in now:
        found[line.place].append(line)
    for place in dict.fromkeys([*found, *planned]):
        for then, is_now in zip_longest(planned.get(place, []), found.get(place, [])):
            line = is_now or then
            where = escape(f"{line.sheet} row {line.row}{f', part {line.part}' if line.part else ''}", 200)
            if then is None:
                yield f"{where} is not in the plan ({_words(line)})"
            elif is_now is None:
                yield f"{where} is in the plan only ({_words(line)})"
            elif told := _difference(then, is_now):
                yield f"{where} {told}"


def _difference(then: PlanLine, now: PlanLine) -> str:
    if LOOK_UP in (then.action, now.action):
        return "names what was not looked up; write the plan with --online"
    if then.key != now.key:
        return f"is {_words(now)}, and the plan says {_words(then)}"
    if then.base_url != now.base_url:
        return f"goes to {now.base_url or 'no target'}, and the plan says {then.base_url or 'none'}"
    is_unasked = then.exists == "not asked" and {then.action, now.action} <= _SENT  # nobody knew what exists
    if (then.action == now.action or is_unasked) and _gist(then) == _gist(now):
        return ""
    return f"({_words(now)}) is now: {_told(now)}, and the plan says: {_told(then)}"


def _words(line: PlanLine) -> str:
    return escape(line.words, 200) or line.action


_SENT = frozenset({"create", "exists", "add to group"})


def _told(line: PlanLine) -> str:
    groups = f" {line.groups}" if line.groups else ""
    replaces = f" {line.replaces}" if line.replaces else ""
    return escape(f"{line.action}{replaces}{groups}", 200)
