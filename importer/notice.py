"""What a person should know about a source or a run as a whole, and who is told while sources are read.

Cheap to import, for the reader's child process.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from importer.records import Finding, FindingKind, Sheet


class NoticeLevel(StrEnum):
    """How much a notice about a source or a run matters."""

    INFO = "info"
    LEFT_OUT = "left_out"  #: rows or sheets were left out
    WARNING = "warning"  #: worth a look


class Notice(NamedTuple):
    """A sentence about a source or a run as a whole."""

    text: str
    level: NoticeLevel = NoticeLevel.INFO
    sheet: str = ""  #: the sheet that it is about, if it says nothing where that sheet is left out as a whole


class ReadingObserver(Protocol):
    """Is told what reading found."""

    def read(self, rows: int) -> None:
        """So many rows have been read so far."""

    def advanced(self, share: float) -> None:
        """So much of all sources has been read, from 0 to 1; told before the rows are."""

    def noticed(self, notice: Notice) -> None:
        """Note what a person should know about a source or the run as a whole."""

    def found(self, kinds: Sequence[FindingKind], findings: Iterable[tuple[Sheet, Finding]]) -> None:
        """Everything is read: what was found about rows, by kind, and one by one in the order of the source.

        `findings` is read from the journal while the call lasts.
        """
