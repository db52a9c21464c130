"""Workbooks that are damaged or hostile: each is refused in a sentence, and none costs the machine."""

from __future__ import annotations

import struct
import zlib

from .kit import odd, refused
from .ooxml import (
    HEAD,
    MAIN,
    SHEET,
    STRINGS,
    WORKBOOK,
    WORKBOOK_LINKS,
    book,
    book_parts,
    row,
    strings,
    text,
    worksheet,
    zipped,
)

_ROW_2 = row(2, text("A2", "PI7DH85"), text("B2", "a"))
_SAVE = "spreadsheet program"
_DAMAGED = "the workbook is damaged: "


@odd("order.xlsx", refused(f'sheet "S": {_DAMAGED}(row 2|cell A2) ', _SAVE))
def rows_out_of_order() -> bytes:
    """Row 3 stands before row 2."""
    return book(HEAD, row(3, text("A3", "PABCDEF")), _ROW_2)


@odd("same-row.xlsx", refused(f'sheet "S": {_DAMAGED}row 2 ', _SAVE))
def same_row_twice() -> bytes:
    """Two rows are row 2: neither may win."""
    return book(HEAD, _ROW_2, row(2, text("A2", "PABCDEF")))


@odd("same-cell.xlsx", refused('sheet "S": .*A2', _SAVE))
def same_cell_twice() -> bytes:
    """Two cells of a row are A2: neither may win."""
    return book(HEAD, row(2, text("A2", "PI7DH85"), text("A2", "PABCDEF")))


@odd("elsewhere.xlsx", refused("sheet \"S\": .*row 2 calls itself 'B7'", _SAVE))
def cell_that_calls_itself_otherwise() -> bytes:
    """A cell in row 2 says that it is B7."""
    return book(HEAD, row(2, text("B7", "PI7DH85")))


@odd("beyond.xlsx", refused("cell ZZZ2", "."))
def cell_beyond_the_last_column() -> bytes:
    """There is no column ZZZ."""
    return book(HEAD, row(2, text("ZZZ2", "PI7DH85")))


@odd("corners.xlsx", refused("memory|beyond column 1,000", "far from the data"))
def cells_in_opposite_corners() -> bytes:
    """A1 and XFD1048576, which let a parser ask for the whole grid."""
    return book(HEAD, row(1_048_576, text("XFD1048576", "x")))


@odd("no-strings.xlsx", refused(_DAMAGED, _SAVE))
def shared_strings_that_are_missing() -> bytes:
    """Cells point into a part that is not there."""
    return book(HEAD, row(2, '<c r="A2" t="s"><v>0</v></c>'))


@odd("few-strings.xlsx", refused(_DAMAGED, _SAVE))
def shared_string_out_of_range() -> bytes:
    """A cell points behind the last shared string."""
    return book(HEAD, row(2, '<c r="A2" t="s"><v>7</v></c>'), parts={STRINGS: strings("<t>PI7DH85</t>")})


@odd("minus-string.xlsx", refused(_DAMAGED, _SAVE))
def shared_string_below_zero() -> bytes:
    """A cell points before the first shared string."""
    return book(HEAD, row(2, '<c r="A2" t="s"><v>-1</v></c>'), parts={STRINGS: strings("<t>PI7DH85</t>")})


_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
_DOCTYPE = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{_LAUGHS}]>'
_ENTITY = "DOCTYPE"


@odd("laughs.xlsx", refused(_ENTITY, _SAVE))
def billion_laughs_in_a_sheet() -> bytes:
    """Entities that would unfold to gigabytes."""
    sheet = worksheet(HEAD, '<row r="2"><c r="A2" t="str"><v>&l9;</v></c></row>')
    return zipped(book_parts(("S", _DOCTYPE + sheet)))


@odd("laughs-in-strings.xlsx", refused(_ENTITY, _SAVE))
def billion_laughs_in_the_shared_strings() -> bytes:
    """The same in the part of the texts."""
    return book(HEAD, row(2, '<c r="A2" t="s"><v>0</v></c>'), parts={STRINGS: _DOCTYPE + strings("<t>&l9;</t>")})


@odd("entity.xlsx", refused(_ENTITY, _SAVE))
def entity_that_names_a_file() -> bytes:
    """An entity that would read a file of this machine."""
    doctype = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/hostname">]>'
    sheet = worksheet(HEAD, '<row r="2"><c r="A2" t="str"><v>&f;</v></c></row>')
    return zipped(book_parts(("S", doctype + sheet)))


@odd("doctype.xlsx", refused(_ENTITY, _SAVE))
def doctype_in_the_workbook_part() -> bytes:
    """A DOCTYPE that reaches out to the network."""
    parts = book_parts(("S", worksheet(HEAD, _ROW_2)))
    doctype = '<?xml version="1.0"?><!DOCTYPE workbook SYSTEM "http://127.0.0.1:9/x.dtd">'
    return zipped({**parts, WORKBOOK: doctype + str(parts[WORKBOOK])})


@odd("broken.xlsx", refused(f"{_DAMAGED}.*(XML|xml)", _SAVE))
def xml_that_breaks_off() -> bytes:
    """A worksheet that ends in the middle of a row."""
    return zipped({**book_parts(("S", "")), SHEET: worksheet(HEAD, _ROW_2)[:-60]})


@odd("no-sheet.xlsx", refused(_DAMAGED, _SAVE))
def part_of_a_sheet_that_is_missing() -> bytes:
    """The workbook lists a sheet that is not in the archive."""
    return zipped({name: part for name, part in book_parts(("S", worksheet(HEAD))).items() if name != SHEET})


@odd("no-link.xlsx", refused(_DAMAGED, _SAVE))
def sheet_without_a_link() -> bytes:
    """The workbook lists a sheet and does not say where it stands."""
    return zipped({**book_parts(("S", worksheet(HEAD, _ROW_2))), WORKBOOK_LINKS: "<Relationships/>"})


@odd("climbing.xlsx", refused(_DAMAGED, _SAVE))
def link_that_climbs_out() -> bytes:
    """A sheet's part stands, it says, in a file of this machine."""
    parts = book_parts(("S", worksheet(HEAD, _ROW_2)))
    climbing = str(parts[WORKBOOK_LINKS]).replace("worksheets/sheet1.xml", "../../../../etc/passwd")
    return zipped({**parts, WORKBOOK_LINKS: climbing})


@odd("no-rows.xlsx", refused("no rows in any sheet", '"S"'))
def sheet_without_rows() -> bytes:
    """Nothing in the only sheet."""
    return book()


@odd("no-sheets.xlsx", refused("no rows in any sheet|no sheet|damaged", "."))
def workbook_without_sheets() -> bytes:
    """A workbook that lists no sheet at all."""
    return zipped(book_parts())


@odd("all-hidden.xlsx", refused("no rows in any sheet", '"Old"'))
def nothing_but_hidden_sheets() -> bytes:
    """The hint names the hidden sheet, for `--sheet`."""
    return zipped(book_parts(("Old", worksheet(HEAD, _ROW_2)), states={"Old": "hidden"}))


@odd("other-sheet.xlsx", refused('has no sheet "Shadows"', '"S"'), sheets=["Shadows"])
def sheet_that_is_asked_for_and_not_there() -> bytes:
    """The hint names the sheets there are."""
    return book(HEAD, _ROW_2)


@odd("wide.xlsx", refused("cell ALM[12] lies beyond column 1,000", "."))
def one_column_too_many_in_a_sheet() -> bytes:
    """A column more than is allowed."""
    cells = (f'<c t="str"><v>c{n}</v></c>' for n in range(1001))
    return book(f"<row>{''.join(cells)}</row>", f"<row>{'<c><v>1</v></c>' * 1001}</row>")


_GOOD = book(HEAD, _ROW_2, *(row(n, text(f"A{n}", f"P{n}"), text(f"B{n}", "b")) for n in range(3, 500)))


@odd("truncated.xlsx", refused(r"\bdamaged\b", _SAVE))
def truncated_archive() -> bytes:
    """A download that broke off: the archive's directory is missing."""
    return _GOOD[: len(_GOOD) // 2]


@odd("lost.xlsx", refused(r"\bdamaged\b", _SAVE))
def archive_that_lost_some_bytes() -> bytes:
    """Every place that the archive's directory names is eight bytes off."""
    return _GOOD[:400] + _GOOD[408:]


@odd("lost-more.xlsx", refused(r"\bdamaged\b", _SAVE))
def archive_that_lost_its_beginning() -> bytes:
    """The archive's directory names places before the file begins."""
    return _GOOD[:40] + _GOOD[len(_GOOD) // 3 :]


@odd("hole.xlsx", refused(_DAMAGED, _SAVE))
def archive_with_a_hole() -> bytes:
    """Some bytes of the sheet are zeros: the checksum tells."""
    middle = _GOOD.index(SHEET.encode()) + 200
    return _GOOD[:middle] + bytes(32) + _GOOD[middle + 32 :]


def _entry(content: bytes, name: str) -> int:
    """Find a part's entry in the archive's directory: its unpacked size stands 24 bytes on."""
    return content.rindex(name.encode()) - 46


def _sized(content: bytes, name: str, size: int) -> bytes:
    at = _entry(content, name) + 24
    return content[:at] + struct.pack("<I", size) + content[at + 4 :]


@odd("says-much.xlsx", refused("unpacks to more than 1 GB", "."))
def archive_that_says_it_is_huge() -> bytes:
    """A part whose size in the directory is four gigabytes."""
    return _sized(_GOOD, SHEET, 0xFFFFFFFE)


@odd("says-little.xlsx", refused(_DAMAGED, _SAVE))
def archive_that_says_it_is_small() -> bytes:
    """A part of which the directory knows ten bytes: no row is lost over it."""
    return _sized(_GOOD, SHEET, 10)


def _zeros_packed(blocks: int) -> tuple[bytes, int]:
    """Pack many MiB of blanks fast: a block that stands alone, again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * blocks + packer.flush(zlib.Z_FINISH), blocks << 20


def _bomb(name: str, blocks: int, said: int | None = None) -> bytes:
    """Make a workbook with one part that is all blanks; `said` is the size that the archive tells."""
    base = book(HEAD, _ROW_2, parts={name: b""})
    packed, size = _zeros_packed(blocks)
    local, entry = base.index(name.encode()) - 30, _entry(base, name)
    sizes = struct.pack("<II", len(packed), said if said is not None else size)
    data = local + 30 + len(name) + 2  # an empty part is packed as two bytes
    head = base[: local + 18] + sizes + base[local + 26 : local + 30 + len(name)]
    middle = base[data:entry] + base[entry : entry + 20] + sizes + base[entry + 28 :]
    return _moved(head + packed + middle, len(packed) - 2)


def _moved(content: bytes, by: int) -> bytes:
    """Tell the archive's end that its directory stands further on."""
    at = content.rindex(b"PK\x05\x06") + 16
    (offset,) = struct.unpack_from("<I", content, at)
    return content[:at] + struct.pack("<I", offset + by) + content[at + 4 :]


@odd("bomb.xlsx", refused("unpacks to more than|packed .* times|zip bomb", "."))
def zip_bomb() -> bytes:
    """Two gigabytes of blanks in two megabytes."""
    return _bomb("xl/zz.xml", 2048)


@odd("modest.xlsx", refused(f"{_DAMAGED}|unpacks|checksum", "."))
def zip_bomb_that_says_it_is_small() -> bytes:
    """A gigabyte of blanks as the shared strings, of which the archive tells a kilobyte."""
    return _bomb(STRINGS, 1024, said=1000)


@odd("parts.xlsx", refused("parts, more than", _SAVE))
def archive_of_very_many_parts() -> bytes:
    """Ten thousand parts and more."""
    return book(HEAD, _ROW_2, parts={f"p{n}": "" for n in range(10_001)})


@odd("packed.xlsx", refused(_DAMAGED, _SAVE))
def part_packed_in_an_unknown_way() -> bytes:
    """A part that is packed by a method nobody knows."""
    at = _entry(_GOOD, SHEET) + 10
    return _GOOD[:at] + struct.pack("<H", 99) + _GOOD[at + 2 :]


@odd("locked.xlsx", refused("encrypted", "password"))
def encrypted_part() -> bytes:
    """An archive that is encrypted as archives are, not as workbooks are."""
    at = _entry(_GOOD, SHEET) + 8
    return _GOOD[:at] + struct.pack("<H", 1) + _GOOD[at + 2 :]


@odd("deep.xlsx", refused(_DAMAGED, _SAVE))
def xml_nested_very_deep() -> bytes:
    """Half a million elements inside each other: no stack overflows."""
    return zipped(book_parts(("S", f'<worksheet xmlns="{MAIN}"><sheetData>' + "<row>" * 500_000)))


@odd("named-twice.xlsx", refused("S|damaged", "."))
def two_sheets_of_one_name() -> bytes:
    """A report could not tell their rows apart, and a reader by name would read one of them twice."""
    other = worksheet(HEAD, row(2, text("A2", "PABCDEF")))
    return zipped(book_parts(("S", worksheet(HEAD, _ROW_2)), ("S", other)))
