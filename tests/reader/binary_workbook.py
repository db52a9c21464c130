"""Writes .xlsb workbooks and compound files byte by byte, as [MS-XLSB] and [MS-CFB] say: no package does."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

_LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#: Number formats of the styles 0, 1, 2 and so on.
CODES = ("General", "yyyy\\-mm\\-dd\\ hh:mm", "[h]:mm:ss", "00000", "yyyy\\-mm\\-dd")


def record(kind: int, data: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    length = len(data)
    while length >= 0x80:
        head += bytes([length & 0x7F | 0x80])
        length >>= 7
    return head + bytes([length]) + data


def text(value: str) -> bytes:
    encoded = value.encode("utf-16-le", "surrogatepass")
    return struct.pack("<I", len(encoded) // 2) + encoded


def cell(kind: int, column: int, data: bytes = b"", style: int = 0) -> bytes:
    return record(kind, struct.pack("<II", column, style) + data)


def label(column: int, value: str) -> bytes:
    return cell(0x06, column, text(value))


def real(column: int, value: float, style: int = 0) -> bytes:
    return cell(0x05, column, struct.pack("<d", value), style)


def whole(column: int, value: int, style: int = 0) -> bytes:
    return cell(0x02, column, struct.pack("<i", value << 2 | 2), style)


def row(number: int, *cells: bytes) -> bytes:
    return record(0x00, struct.pack("<IIHBHI", number - 1, 0, 300, 0, 0, 0)) + b"".join(cells)


def write_xlsb(
    path: Path, *sheets: tuple[str, int, bytes], is_1904: bool = False, has_struck_style: bool = False
) -> None:
    """Write a workbook of sheets: name, 0 or 1 where it is hidden, rows and what else stands in its data.

    A style more than `CODES` can be one that strikes its text through.
    """
    bundle = b"".join(
        record(0x9C, struct.pack("<II", hidden, number) + text(f"r{number}") + text(name))
        for number, (name, hidden, _) in enumerate(sheets, 1)
    )
    workbook = record(0x83) + record(0x99, struct.pack("<IIII", int(is_1904), 0, 0, 0)) + record(0x8F) + bundle
    links = "".join(
        f'<Relationship Id="r{number}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{number}.bin"/>'
        for number in range(1, len(sheets) + 1)
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("_rels/.rels", f'<Relationships xmlns="{_LINKS}"/>')
        package.writestr("xl/workbook.bin", workbook + record(0x90) + record(0x84))
        package.writestr("xl/_rels/workbook.bin.rels", f'<Relationships xmlns="{_LINKS}">{links}</Relationships>')
        package.writestr("xl/styles.bin", _styles(has_struck=has_struck_style))
        for number, (_, _, data) in enumerate(sheets, 1):
            package.writestr(f"xl/worksheets/sheet{number}.bin", _sheet(data))


def merged(first: int, left: int, last: int, right: int) -> bytes:
    """What follows the rows of a sheet with one merged range; rows count from 1."""
    return record(0x92) + record(0xB0, struct.pack("<IIII", first - 1, last - 1, left, right))


def _sheet(data: bytes) -> bytes:
    return record(0x81) + record(0x94, bytes(16)) + record(0x91) + data + record(0x92) + record(0x82)


def _styles(*, has_struck: bool) -> bytes:
    codes = b"".join(record(0x2C, struct.pack("<H", 164 + n) + text(code)) for n, code in enumerate(CODES))
    fonts = record(0x2B, struct.pack("<HH", 220, 0)) + record(0x2B, struct.pack("<HH", 220, 8))
    styles = b"".join(record(0x2F, struct.pack("<HHH10x", 0xFFFF, 164 + n, 0)) for n in range(len(CODES)))
    styles += record(0x2F, struct.pack("<HHH10x", 0xFFFF, 164, 1)) if has_struck else b""
    count = struct.pack("<I", len(CODES) + has_struck)
    return b"".join(
        [
            record(0x116),
            record(0x267, count) + codes + record(0x268),
            record(0x263, struct.pack("<I", 2)) + fonts + record(0x264),
            record(0x269, count) + styles + record(0x26A),
            record(0x117),
        ]
    )


def compound(**streams: bytes) -> bytes:
    """Put streams of at most 512 bytes into a compound file: header, table, directory, and a sector for each."""
    free, end, table_sector = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    header = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 0, end, 0, end, 0)  # no stream is too small for a sector
    header += struct.pack("<109I", 0, *[free] * 108)
    sectors = [table_sector, end, *[end] * len(streams)]
    table = struct.pack("<128I", *sectors, *[free] * (128 - len(sectors)))
    directory = _entry("Root Entry", 5, end, 0) + b"".join(
        _entry(name, 2, 2 + n, len(content)) for n, (name, content) in enumerate(streams.items())
    )
    contents = b"".join(content.ljust(512, b"\0") for content in streams.values())
    return header + table + directory.ljust(512, b"\0") + contents


def _entry(name: str, kind: int, start: int, size: int) -> bytes:
    encoded = name.encode("utf-16-le")
    links = struct.pack("<III", *[0xFFFFFFFF] * 3)
    head = encoded.ljust(64, b"\0") + struct.pack("<HBB", len(encoded) + 2, kind, 1) + links
    return head + bytes(36) + struct.pack("<IQ", start, size)
