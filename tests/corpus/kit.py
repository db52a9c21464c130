"""What an odd file is: a function that makes its bytes, and what reading it must give. Reads nothing itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HEADER = ("remote_id", "note")  # of most odd files: `check` makes schedules of their rows where a provider is given


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it must be read."""

    number: int
    cells: tuple[str, ...]
    problems: Mapping[str, str]  #: cell -> pattern of its problem's message


@dataclass(frozen=True, slots=True)
class Table:
    """A sheet as it must be read."""

    header: tuple[str, ...]
    lines: tuple[Line, ...]
    name: str | None  #: None where it is not what the odd file is about
    positions: tuple[int, ...] | None  #: likewise


@dataclass(frozen=True, slots=True)
class Reads:
    """The file is read."""

    tables: tuple[Table, ...]
    notices: tuple[str, ...]  #: patterns of all notices in any order


@dataclass(frozen=True, slots=True)
class Refused:
    """The file is refused in a sentence."""

    says: str  #: pattern of the sentence: what happened, and where
    hint: str  #: pattern of what to do


@dataclass(frozen=True, slots=True)
class OddFile:
    """One file of the corpus."""

    name: str  #: of the function that makes it
    file: str  #: its name on the disk
    why: str
    make: Callable[[], bytes]
    expected: Reads | Refused
    options: Mapping[str, Any] = field(default_factory=dict)  #: of `read`


ODD_FILES: list[OddFile] = []


def odd(file: str, expected: Reads | Refused, **options: Any) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """Register the function below as the maker of an odd file; its docstring says what is odd."""

    def register(make: Callable[[], bytes]) -> Callable[[], bytes]:
        name = make.__name__
        if any(other.name == name for other in ODD_FILES):
            raise ValueError(f"two odd files are named {name}")
        ODD_FILES.append(OddFile(name, file, (make.__doc__ or "").strip(), make, expected, options))
        return make

    return register


def line(number: int, *cells: str, **problems: str) -> Line:
    """Expect a row; `B3="the error #N/A"` expects a problem of that cell."""
    return Line(number, cells, problems)


def table(*lines: Line, header: tuple[str, ...] = HEADER, name: str | None = None, at: str = "") -> Table:
    """Expect a sheet; `at` gives the letters of its columns, as "BCE"."""
    return Table(header, lines, name, tuple(ord(letter) - ord("A") for letter in at) if at else None)


def reads(*tables: Table, notices: tuple[str, ...] = ()) -> Reads:
    """Expect these sheets, in this order."""
    return Reads(tables, notices)


def reads_rows(*lines: Line, notices: tuple[str, ...] = ()) -> Reads:
    """Expect one sheet under the usual header."""
    return Reads((table(*lines),), notices)


def refused(says: str, hint: str) -> Refused:
    """Expect a sentence and what to do."""
    return Refused(says, hint)
