"""The words every part shares: rows, problems, records, outcomes. Knows no other part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import PurePath
from typing import Annotated, Final, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from importer.statuses import Status


class TargetName(StrEnum):
    """The API that takes a record."""

    OPAL = "opal"
    ROOTLY = "rootly"


class Problem(NamedTuple):
    """One thing wrong with one row, for the person who mends it."""

    message: str  #: what is wrong, with the value that is wrong
    hint: str = ""  #: what would be right
    column: str = ""  #: column of ours, such as "starts_at"; empty where the row as a whole is meant
    cell: str = ""  #: the cell in the source, such as "B7"; empty where the row has no such cell
    topic: str = ""  #: its kind in a few words that hold no value, such as "local time without a time zone"


_PART = re.compile(r"0*([0-9]{1,15})(?:/| of )0*([0-9]{1,15})").fullmatch


def write_part(number: int, made: int) -> str:
    """Write which of a row's records one is; a spreadsheet would make a date of `3/12`."""
    return f"{number} of {made}"


def read_part(text: str) -> str | None:
    """Read which of a row's records one is, as `write_part` writes it or as `3/12`; None where it is neither."""
    found = _PART(text.strip().casefold())
    return write_part(int(found[1]), int(found[2])) if found else None


class Severity(StrEnum):
    """How much something that was found matters."""

    PROBLEM = "problem"  #: the row is no valid record
    WARNING = "warning"  #: worth a look; the row is sent all the same
    NOTE = "note"  #: a reference that the target will be asked about


def name_table(source: str, name: str) -> str:
    """Name a table of a source, such as `rota.xlsx, April`; a CSV has one, which is called as its file."""
    return source if PurePath(source).stem == name else f"{source}, {name}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of a source: a sheet of a workbook, or a whole CSV."""

    source: str  #: the source as the user named it; "-" is standard input
    name: str  #: the sheet's name; of a CSV its file's stem, as a spreadsheet names it
    header: tuple[str, ...]  #: the header's texts as they stand, in their order; can repeat, can be empty
    positions: tuple[int, ...]  #: for each header the 0-based column of the source it stands in
    header_row: int = 1  #: the row that the header stands in; 0: there is none, and the header is the columns' letters
    problems: tuple[Problem, ...] = ()  #: what is wrong with the header; it matters only where the sheet is used
    origin: str = ""  #: of a report read again: the source that its rows come from, as `import_source` says it
    table: str = ""  #: of a report read again: the table of `source` in which its rows stand, such as "To mend"

    @property
    def original(self) -> str:
        """The source that its rows come from, also where they were read from a report."""
        return self.origin or self.source

    @property
    def report(self) -> str:
        """Of a report read again: its file and the table, such as `back.xlsx, To mend`, before a cell; else empty."""
        return self.table and name_table(PurePath(self.source).name, self.table)

    def name_cells(self, cells: str) -> str:
        """Name cells as a person finds them: of a report read again behind its file and the table."""
        return f"{self.report} {cells}" if cells and self.table else cells


class Row(NamedTuple):
    """One line of a sheet below its header. Blank lines are counted but make no row."""

    number: int  #: as a spreadsheet numbers it, header = row 1; what `import_row` says
    cells: tuple[str, ...]  #: as wide as the sheet's header, text exactly as it stands
    line: int = 0  #: the row in the file just read where that is not `number` (a report read again), else 0
    problems: tuple[Problem, ...] = ()  #: what reading already found wrong with it
    warnings: tuple[Problem, ...] = ()  #: what reading found worth a look
    shown: tuple[
        tuple[int, str], ...
    ] = ()  #: places in `cells` of numbers that are shown as `42%`, `€ 42`, `1,024`, `1.23457E+18`
    is_hidden: bool = False  #: a filter or a person hid it

    @property
    def place(self) -> int:
        """The row in the file just read: where the user finds its cells."""
        return self.line or self.number


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found about one row."""

    severity: Severity
    sheet: int  #: index into the run's sheets
    row: Row
    problem: Problem


class FindingKind(NamedTuple):
    """What was found of one kind."""

    severity: Severity
    topic: str
    number: int
    examples: tuple[tuple[Sheet, Finding], ...]  #: the first three
    is_of_several: bool = False  #: the run has several sources, so a row is told with the one that it is of


#: An id that may stand in a URL: no dot, no slash, no percent sign, so that no path can be climbed.
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$"
#: A UUID in its usual form, as both APIs and both providers write it.
UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
#: The largest whole number that both APIs' JSON can carry (64 bits, unsigned).
LARGEST_ID = 2**64 - 1

Identifier: TypeAlias = Annotated[str, Field(pattern=ID_PATTERN)]


class Record(BaseModel):
    """What a row makes, valid and complete; each kind has a class of its own."""

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
    """What one question to a target covers."""

    kind: str
    name: str  #: as the kind has it: a Rootly schedule's id; empty where one list holds everything


class Outcome(NamedTuple):
    """What became of a record: one line of the report."""

    status: Status
    id: str = ""  #: the id that the target gave
    http_status: int = 0  #: of the last answer; 0 where there was none
    error: str = ""  #: what happened, in the server's words where there are any
    cell: str = ""  #: the cell, or cells parted by a comma and a blank, that the error is about
    hint: str = ""  #: what to do next
    attempts: int = 0  #: requests made for the record
    finished_at: str = ""  #: ISO 8601, UTC; empty while nothing was decided
    run: str = ""  #: the run that decided it


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
    """One line of the report: a row of the source, the part of it, and what became of that."""

    sheet: int  #: index into the run's sheets
    row: int  #: the row's number
    part: str  #: "3 of 12" where a row makes several records, else empty
    kind: str | None  #: None where the row does not say
    cells: tuple[str, ...]  #: as wide as the sheet's header
    outcome: Outcome
    line: int = 0  #: as `Row.line`
    key: Key | None = None  #: of its record; None where there is none
    zone: str = ""  #: the zone that its times were written in; empty where none was named

    @property
    def place(self) -> int:
        """The row in the file just read: where the user finds its cells."""
        return self.line or self.row
