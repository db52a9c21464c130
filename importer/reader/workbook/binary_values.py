"""Values as the binary formats of workbooks store them, .xls and .xlsb alike."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING

from importer.reader.workbook.stored_cells import damaged

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Codes of errors, [MS-XLSB] 2.5.97.2 and [MS-XLS] 2.5.10.
ERRORS = {
    0x00: "#NULL!",
    0x07: "#DIV/0!",
    0x0F: "#VALUE!",
    0x17: "#REF!",
    0x1D: "#NAME?",
    0x24: "#NUM!",
    0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}
_SHORT, _LONG, _SIGNED, _REAL = (struct.Struct(form) for form in ("<H", "<I", "<i", "<d"))


def short_at(data: bytes, place: int) -> int:
    """Read 16 bits."""
    return int(_SHORT.unpack_from(data, place)[0])


def long_at(data: bytes, place: int) -> int:
    """Read 32 bits."""
    return int(_LONG.unpack_from(data, place)[0])


def real_at(data: bytes, place: int) -> float:
    """Read a double."""
    return float(_REAL.unpack_from(data, place)[0])


def rk_at(data: bytes, place: int) -> int | float:
    """Read an RkNumber, [MS-XLS] 2.5.217: a whole number or the upper half of a double, perhaps a hundred times it."""
    packed = long_at(data, place)
    number: int | float
    if packed & 2:
        number = int(_SIGNED.unpack_from(data, place)[0]) >> 2
    else:
        number = float(_REAL.unpack(_LONG.pack(0) + _LONG.pack(packed & 0xFFFFFFFC))[0])
    return number / 100 if packed & 1 else number


@contextmanager
def sound() -> Iterator[None]:
    """Make one error of all that bytes can be that are not what they should be.

    Raises:
        SourceError: They are.
    """
    try:
        yield
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise damaged("one of its records is shorter than it must be") from error
