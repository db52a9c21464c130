"""The types that every part shares: rows, problems, records, outcomes. Imports no other part."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import PurePath
from typing import Annotated, Final, NamedTuple, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from importer.statuses import Status


class TargetName(StrEnum):
    """The API that takes a record."""

    OPAL = "opal"
    ROOTLY = "rootly"


class Problem(NamedTuple):
    """One thing wrong with one row, for the person who corrects it."""

    message: str  #: what is wrong, with the wrong value
    hint: str = ""  #: what would be right
    column: str = ""  #: our column, such as "starts_at"; empty if the whole row is meant
    cell: str = ""  #: the cell in the source, such as "B7"; empty if the row has no such cell
    topic: str = ""  #: its kind in a few words that hold no value, such as "local time without a time zone"


#: The topic of a row that has more or fewer cells than its header: no cell's problem, although it names one.
UNEVEN: Final = "a row of another width than the header"

_PART = re.compile(r"0*([0-9]{1,15})(?:/| of )0*([0-9]{1,15})").fullmatch


def write_part(number: int, made: int) -> str:
    """Write which of a row's records this is (`3 of 12`); a spreadsheet would make `3/12` a date."""
    return f"{number} of {made}"


def read_part(text: str) -> str | None:
    """Read which of a row's records this is, as written by `write_part` or as `3/12`; None if it is neither."""
    found = _PART(text.strip().casefold())
    return write_part(int(found[1]), int(found[2])) if found else None


class Severity(StrEnum):
    """The importance of a finding."""

    PROBLEM = "problem"  #: the row is not a valid record
    WARNING = "warning"  #: worth a look; the row is still sent
    NOTE = "note"  #: a reference that the target will be asked about


def name_table(source: str, name: str) -> str:
    """Name a table of a source, such as `rota.xlsx, April`; a CSV's only table has the file's name."""
    return source if PurePath(source).stem == name else f"{source}, {name}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of a source: a sheet of a workbook, or a whole CSV."""

    source: str  #: the source as the user named it; "-" is standard input
    name: str  #: the sheet's name; of a CSV its file's stem, as a spreadsheet names it
    header: tuple[str, ...]  #: the header's texts unchanged, in order; they can repeat and can be empty
    positions: tuple[int, ...]  #: for each header its 0-based column in the source
    header_row: int = 1  #: the header's row; 0: there is none, and the columns' letters are the header
    problems: tuple[Problem, ...] = ()  #: what is wrong with the header; it matters only if the sheet is used
    origin: str = ""  #: of a report: the source that its rows come from, as in `import_source`
    hidden: tuple[int, ...] = ()  #: of its positions, those of columns that nobody sees in a workbook
    table: str = ""  #: of a report: the table of `source` that has its rows, such as "To mend"
    #: The run has several sources: a place is named with its own.
    is_of_several: bool = field(default=False, compare=False)

    @property
    def original(self) -> str:
        """The source that its rows come from, even if they were read from a report."""
        return self.origin or self.source

    @property
    def report(self) -> str:
        """A prefix for cells of a report: its file and table, such as `back.xlsx, To mend`; else empty."""
        return self.table and name_table(PurePath(self.source).name, self.table)

    def seen_from(self, other: Sheet) -> str:
        """Return what follows the number of a row of this sheet in a message about another; empty if they are one."""
        if self is other:
            return ""
        return f" of sheet {self.name}{'' if self.original == other.original else f' in {self.original}'}"

    def name_cells(self, cells: str) -> str:
        """Name cells so that a person finds them: for a report, with its file and table."""
        return f"{self.report} {cells}" if cells and self.table else cells


class Row(NamedTuple):
    """One line of a sheet below its header. Blank lines count in the numbering but make no row."""

    number: int  #: as a spreadsheet numbers it, header = row 1; `import_row` in reports
    cells: tuple[str, ...]  #: as wide as the sheet's header, texts unchanged
    line: int = 0  #: the row in the file just read if that is not `number` (in a report), else 0
    problems: tuple[Problem, ...] = ()  #: problems found while reading
    warnings: tuple[Problem, ...] = ()  #: warnings found while reading
    #: places in `cells` of numbers that are shown as `42%`, `€ 42`, `1,024`, `1.23457E+18`
    shown: tuple[tuple[int, str], ...] = ()
    is_hidden: bool = False  #: a filter or a person hid it

    @property
    def place(self) -> int:
        """The row in the file just read: where the user finds its cells."""
        return self.line or self.number


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, warning or note about one row."""

    severity: Severity
    sheet: int  #: index into the run's sheets
    row: Row
    problem: Problem


class FindingKind(NamedTuple):
    """The findings of one kind."""

    severity: Severity
    topic: str
    number: int
    examples: tuple[tuple[Sheet, Finding], ...]  #: the first three


#: An id that is safe in a URL: no dot, slash or percent sign, so that it cannot lead to another path.
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$"
#: A UUID in its usual form, as both APIs and both providers write it.
UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
#: The largest whole number that both APIs' JSON can carry (64 bits, unsigned).
LARGEST_ID = 2**64 - 1


def plain_uuid(text: str) -> str:
    """Return a UUID in small letters, so that two spellings are one id; any other text unchanged."""
    return text.lower() if UUID.fullmatch(text) else text


Identifier: TypeAlias = Annotated[str, Field(pattern=ID_PATTERN), AfterValidator(plain_uuid)]


class Record(BaseModel):
    """A valid, complete record made from a row; each kind has a class of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @property
    def key(self) -> Key:
        """Two records of a kind with the same key are the same thing. It holds the whole record, times in seconds."""
        values = self.__dict__.values()  # a list is quicker than a generator, and every row asks
        return tuple([int(one.timestamp()) if isinstance(one, datetime) else one for one in values])


Key: TypeAlias = tuple[str | int, ...]


class KnownName(NamedTuple):
    """A person, a schedule or a group whose name is known."""

    what: str  #: "user", "schedule" or "group"; of a schedule in another system that system's name
    id: str
    name: str
    email: str = ""


class Scope(NamedTuple):
    """The part of a target that one question covers."""

    kind: str
    name: str  #: given by the kind: a Rootly schedule's id; empty if one list holds everything


#: Rows with these statuses can be corrected by a person.
MENDABLE: Final = frozenset({Status.INVALID, Status.REJECTED})
#: How the error of a row in doubt begins whose cells are not what was sent.
CHANGED_IN_DOUBT: Final = "it differs from what was sent, and may have been created; nothing was sent"
#: The hint of a row in doubt of which only another undo can tell what became of it.
UNDO_AGAIN: Final = "Undo again: the target is asked first."


class Outcome(NamedTuple):
    """The outcome of a record: one line of the report."""

    status: Status
    id: str = ""  #: the id that the target gave
    http_status: int = 0  #: of the last answer; 0 if there was none
    error: str = ""  #: what happened, in the server's words if there are any
    cell: str = ""  #: the cell that the error is about, or cells separated by comma and blank
    hint: str = ""  #: what to do next
    attempts: int = 0  #: requests made for the record
    finished_at: str = ""  #: ISO 8601, UTC; empty until it is decided
    run: str = ""  #: the run that decided it

    @property
    def is_to_put_back(self) -> bool:
        """True if a row in doubt says something else than what was sent, so that nobody can be asked about it."""
        return self.status is Status.UNKNOWN and self.error.startswith(CHANGED_IN_DOUBT)

    @property
    def is_to_undo_again(self) -> bool:
        """True if only another undo can tell what became of the record."""
        return self.hint == UNDO_AGAIN

    @property
    def is_to_mend(self) -> bool:
        """True if a person must correct the row; the others are done, or a technical matter."""
        return self.status in MENDABLE or self.is_to_put_back


#: The report's own columns, in their order; the source's follow.
PRODUCT_COLUMNS: Final = (
    "import_row",
    "import_sheet",
    "import_part",
    "import_kind",
    "import_status",
    "import_id",
    "import_http_status",
    "import_error",
    "import_cell",
    "import_hint",
    "import_attempts",
    "import_finished_at",
    "import_run",
    "import_source",
    "import_mapping",
)


class ReportLine(NamedTuple):
    """One line of the report: a row of the source, its part, and the outcome."""

    sheet: int  #: index into the run's sheets
    row: int  #: the row's number
    part: str  #: "3 of 12" if the row makes several records, else empty
    kind: str | None  #: None if the row does not say
    cells: tuple[str, ...]  #: as wide as the sheet's header
    outcome: Outcome
    line: int = 0  #: as `Row.line`
    key: Key | None = None  #: of its record; None if there is none
    zone: str = ""  #: the zone that its times were written in; empty if none was named

    @property
    def place(self) -> int:
        """The row in the file just read: where the user finds its cells."""
        return self.line or self.row
