"""The limits of a source (bytes, rows, columns, cells, memory), and the error for one that exceeds them."""

from __future__ import annotations

from dataclasses import dataclass

from importer.errors import SourceError

LONG = 1 << 17  #: characters, four times what a spreadsheet program lets a cell have; bytes, if each takes four


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of a source; each but the last two has a setting."""

    bytes: int = 500_000_000  #: of the file, and of a gzip file unpacked; IMPORTER_MAX_BYTES
    rows: int = 2_000_000  #: that are not blank, of all its sheets; IMPORTER_MAX_ROWS
    columns: int = 1_000  #: of a sheet; IMPORTER_MAX_COLUMNS
    cell: int = 1 << 20  #: characters; IMPORTER_MAX_CELL
    memory: int = 2 << 30  #: bytes of address space of the process that parses a workbook
    seconds: float = 300.0  #: waited for that process in all

    @property
    def unpacked(self) -> int:
        """Bytes of all parts of a workbook together; at its usual value one byte in two is XML around the text."""
        return 2 * self.bytes

    @property
    def record(self) -> int:
        """Characters of a CSV's row, and of all rows of a workbook's sheet that are longer than `LONG`."""
        return 16 * self.cell


USUAL = Bounds()


def too_many_bytes(what: str, bounds: Bounds) -> SourceError:
    """Make the error for a file that is larger than `bounds.bytes`; `what` names it and says "is" or "unpacks to"."""
    return SourceError(f"{what} more than {_size(bounds.bytes)}", hint=_raised("IMPORTER_MAX_BYTES"))


def too_many_unpacked(bounds: Bounds) -> SourceError:
    """Make the error for a workbook that is larger than `bounds.unpacked`."""
    return SourceError(
        f"the workbook unpacks to more than {_size(bounds.unpacked)}",
        hint="Split it, or raise IMPORTER_MAX_BYTES, of which a workbook may unpack to twice as much.",
    )


def too_many_rows(where: str, bounds: Bounds) -> SourceError:
    """Make the error for a source that has more rows than `bounds.rows`."""
    return SourceError(f"{where} has more than {bounds.rows:,} rows", hint=_raised("IMPORTER_MAX_ROWS"))


def too_many_columns(where: str, last: str, bounds: Bounds) -> SourceError:
    """Make the error for a row that reaches beyond `bounds.columns`; `last` names its last cell."""
    return SourceError(
        f"{where}: cell {last} lies beyond column {bounds.columns:,}, the last that is read",
        hint="Delete what is far from the data, or raise IMPORTER_MAX_COLUMNS.",
    )


def too_long_cell(where: str, bounds: Bounds, hint: str = "") -> SourceError:
    """Make the error for a cell longer than `bounds.cell`."""
    shorten = hint or "Shorten it, or remove its column."
    return SourceError(
        f"{where}: a cell holds more than {bounds.cell:,} characters",
        hint=f"{shorten} IMPORTER_MAX_CELL raises the limit.",
    )


def _size(count: int) -> str:
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if count >= unit:
            return f"{count / unit:.10g} {name}"
    return f"{count} bytes"


def _raised(setting: str) -> str:
    return f"Split it, or raise {setting}."
