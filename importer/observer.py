"""Who is told how reading goes on; what is told of sending, delivery says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from importer.records import Problem, Row, Sheet


class ReadingObserver(Protocol):
    """Is told what reading found."""

    def read(self, rows: int) -> None:
        """So many rows have been read so far."""

    def noticed(self, text: str) -> None:
        """Note a fact about a source."""

    def warned(self, sheet: Sheet, row: Row, warning: Problem) -> None:
        """Note something odd about a row that is sent all the same."""
