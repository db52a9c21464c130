"""Notices about a source or a run as a whole, and the observer of reading.

Cheap to import, for the reader's child process.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from importer.records import Finding, FindingKind, Sheet


class NoticeLevel(StrEnum):
    """The importance of a notice."""

    INFO = "info"
    LEFT_OUT = "left_out"  #: rows or sheets were left out
    WARNING = "warning"  #: worth a look


class Notice(NamedTuple):
    """A sentence about a source or a run as a whole."""

    text: str
    level: NoticeLevel = NoticeLevel.INFO
    sheet: str = ""  #: the sheet that it is about, if it is pointless when the whole sheet is left out


class ReadingObserver(Protocol):
    """Gets the progress and findings of reading."""

    def read(self, rows: int) -> None:
        """Note how many rows have been read so far."""

    def advanced(self, share: float) -> None:
        """Note how much of all sources has been read, from 0 to 1; called before `read`."""

    def noticed(self, notice: Notice) -> None:
        """Note a notice about a source or the run as a whole."""

    def found(self, kinds: Sequence[FindingKind], findings: Iterable[tuple[Sheet, Finding]]) -> None:
        """Note the findings once everything is read, by kind, and one by one in the order of the source.

        `findings` are read from the journal during the call.
        """
