"""An .xlsb workbook put together by hand from its records, [MS-XLSB] 2.1.4; no library writes one."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .ooxml import LINKS, OFFICE, zipped

if TYPE_CHECKING:
    from collections.abc import Sequence

Value = str | float | bool | None

# Kinds of records, [MS-XLSB] 2.3.2
_ROW, _BLANK, _ERROR, _BOOL, _REAL, _STRING = 0, 1, 3, 4, 5, 6
_BEGIN_SHEET, _END_SHEET, _BEGIN_BOOK, _END_BOOK = 129, 130, 131, 132
_BEGIN_BUNDLE, _END_BUNDLE, _BEGIN_DATA, _END_DATA = 143, 144, 145, 146
_SIZE, _SHEET = 148, 156

ERRORS = {"#NULL!": 0x00, "#DIV/0!": 0x07, "#VALUE!": 0x0F, "#REF!": 0x17, "#NAME?": 0x1D, "#NUM!": 0x24, "#N/A": 0x2A}


def record(kind: int, data: bytes = b"") -> bytes:
    """Give a record: its kind and size in seven bits a byte, then its data."""
    return _sevens(kind) + _sevens(len(data)) + data


def _sevens(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


def _wide(text: str) -> bytes:
    encoded = text.encode("utf-16-le")
    return struct.pack("<I", len(encoded) // 2) + encoded


def _cell(column: int, value: Value) -> bytes:
    place = struct.pack("<II", column, 0)
    match value:
        case None:
            return record(_BLANK, place)
        case bool():
            return record(_BOOL, place + bytes([value]))
        case str() if value in ERRORS:
            return record(_ERROR, place + bytes([ERRORS[value]]))
        case str():
            return record(_STRING, place + _wide(value))
    return record(_REAL, place + struct.pack("<d", value))


def row(number: int, *values: Value) -> bytes:
    """Give a row, its number as a spreadsheet tells it, and its cells from column A on."""
    head = struct.pack("<IIHBBBI", number - 1, 0, 300, 0, 0, 0, 0)
    return record(_ROW, head) + b"".join(_cell(column, value) for column, value in enumerate(values))


def sheet(*rows: bytes, size: tuple[int, int, int, int] = (0, 99, 0, 9)) -> bytes:
    """Give a worksheet's part; `size` tells its first and last row, its first and last column."""
    return b"".join(
        [
            record(_BEGIN_SHEET),
            record(_SIZE, struct.pack("<IIII", *size)),
            record(_BEGIN_DATA),
            *rows,
            record(_END_DATA),
            record(_END_SHEET),
        ]
    )


def book(*sheets: tuple[str, bytes], states: Sequence[int] = ()) -> bytes:
    """Make a workbook of these sheets; a state of 1 is hidden."""
    listed, links = b"", ""
    parts: dict[str, str | bytes] = {}
    for index, (name, content) in enumerate(sheets, 1):
        state = states[index - 1] if states else 0
        listed += record(_SHEET, struct.pack("<II", state, index) + _wide(f"r{index}") + _wide(name))
        links += f'<Relationship Id="r{index}" Type="{OFFICE}/worksheet" Target="worksheets/sheet{index}.bin"/>'
        parts[f"xl/worksheets/sheet{index}.bin"] = content
    return zipped(
        {
            "[Content_Types].xml": _CONTENT_TYPES,
            "_rels/.rels": f'<Relationships xmlns="{LINKS}"><Relationship Id="r" Type="{OFFICE}/officeDocument"'
            ' Target="xl/workbook.bin"/></Relationships>',
            "xl/workbook.bin": b"".join(
                [record(_BEGIN_BOOK), record(_BEGIN_BUNDLE), listed, record(_END_BUNDLE), record(_END_BOOK)]
            ),
            "xl/_rels/workbook.bin.rels": f'<Relationships xmlns="{LINKS}">{links}</Relationships>',
            **parts,
        }
    )


_CONTENT_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>'
)
