"""Who is told how reading goes on; what is told of sending, delivery says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from importer.notice import Notice
    from importer.records import Finding, FindingKind, Sheet


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
