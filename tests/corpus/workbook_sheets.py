"""Workbooks whose sheets or parts are odd: kinds, names, states, paths. They are read all the same."""

from __future__ import annotations

from typing import Any

from .kit import line, odd, reads, reads_rows, table
from .ooxml import (
    HEAD,
    LINKS,
    MAIN,
    OFFICE,
    SHEET,
    WORKBOOK,
    WORKBOOK_LINKS,
    book,
    book_parts,
    number,
    row,
    text,
    worksheet,
    zipped,
)
from .workbook_shapes import by_xlsxwriter

_ROW_2 = row(2, text("A2", "PI7DH85"), text("B2", "a"))
_ROW_3 = row(3, text("A3", "PABCDEF"), text("B3", "b"))
_TWO = reads_rows(line(2, "PI7DH85", "a"), line(3, "PABCDEF", "b"))


@odd(
    "hidden.xlsx",
    reads(table(line(2, "PI7DH85", "a"), name="Seen"), notices=('sheet "Hid" is hidden', 'sheet "Deep" is hidden')),
)
def hidden_sheets() -> bytes:
    """Hidden and very hidden sheets are left out, and that is told."""
    sheet = worksheet(HEAD, _ROW_2)
    states = {"Hid": "hidden", "Deep": "veryHidden"}
    return zipped(book_parts(("Hid", sheet), ("Seen", sheet), ("Deep", sheet), states=states))


@odd("asked.xlsx", reads(table(line(2, "PI7DH85", "a"), name="Deep")), sheets=["Deep"])
def very_hidden_sheet_that_is_asked_for() -> bytes:
    """Who names a hidden sheet gets it."""
    sheet = worksheet(HEAD, _ROW_2)
    return zipped(book_parts(("Seen", sheet), ("Deep", sheet), states={"Deep": "veryHidden"}))


_SHADOWS = ("schedule_id", "shadowable_id", "shadow_user_id")


@odd(
    "mixed.xlsx",
    reads(
        table(line(2, "PI7DH85", "a"), name="Schedules"),
        table(
            line(2, "primary-eu", "101", "112"),
            header=_SHADOWS,
            name="Shadows",
        ),
        table(line(2, "x"), header=("read me",), name="About"),
        notices=('sheet "Nothing" is empty',),
    ),
)
def sheets_of_several_kinds() -> bytes:
    """Schedules, shadows, remarks and an empty sheet in one workbook."""
    shadows = worksheet(
        row(1, *(text(f"{letter}1", name) for letter, name in zip("ABC", _SHADOWS, strict=True))),
        row(2, text("A2", "primary-eu"), number("B2", 101), number("C2", 112)),
    )
    about = worksheet(row(1, text("A1", "read me")), row(2, text("A2", "x")))
    return zipped(
        book_parts(
            ("Schedules", worksheet(HEAD, _ROW_2)), ("Nothing", worksheet()), ("Shadows", shadows), ("About", about)
        )
    )


_NAMES = ("A & B <c>", 'it\'s "quoted"', "📅 Bereitschaft", "../../etc/passwd", "=1+1", "\u202etnirp", " blank ")


@odd("names.xlsx", reads(*(table(line(2, "PI7DH85", "a"), name=name) for name in _NAMES)))
def sheet_names_with_odd_characters() -> bytes:
    """Sheets are told apart by names that no program should trip over."""
    return zipped(book_parts(*((name, worksheet(HEAD, _ROW_2)) for name in _NAMES)))


@odd("absolute.xlsx", _TWO)
def absolute_paths_of_parts() -> bytes:
    """Links that begin at the package's root, and a workbook part in another folder."""
    parts = book_parts(("S", worksheet(HEAD, _ROW_2, _ROW_3)))
    moved = {
        "_rels/.rels": f'<Relationships xmlns="{LINKS}"><Relationship Id="r" Type="{OFFICE}/officeDocument"'
        ' Target="/xl/workbook.xml"/></Relationships>',
        WORKBOOK_LINKS: f'<Relationships xmlns="{LINKS}"><Relationship Id="r1" Type="{OFFICE}/worksheet"'
        ' Target="/xl/worksheets/sheet1.xml"/></Relationships>',
    }
    return zipped({**parts, **moved})


@odd("upper.xlsx", _TWO)
def part_names_in_capital_letters() -> bytes:
    """Names of parts do not know case, ECMA-376 part 2."""
    parts = book_parts(("S", worksheet(HEAD, _ROW_2, _ROW_3)))
    return zipped({"XL/WORKSHEETS/SHEET1.XML" if name == SHEET else name: part for name, part in parts.items()})


@odd("backslashes.xlsx", _TWO)
def part_names_with_backslashes() -> bytes:
    r"""Some libraries on Windows write `xl\\worksheets\\sheet1.xml`."""
    parts = book_parts(("S", worksheet(HEAD, _ROW_2, _ROW_3)))
    return zipped({name.replace("/", "\\"): part for name, part in parts.items()})


@odd("prefixed.xlsx", _TWO)
def prefixed_names() -> bytes:
    """Every element has a prefix."""
    sheet = worksheet(HEAD, _ROW_2, _ROW_3).replace("</", "</x:").replace("<", "<x:").replace("<x:/x:", "</x:")
    return zipped({**book_parts(("S", worksheet())), SHEET: sheet.replace(f'xmlns="{MAIN}"', f'xmlns:x="{MAIN}"')})


@odd("external.xlsx", reads_rows(line(2, "PI7DH85", "7")))
def external_link() -> bytes:
    """A formula that points into another workbook has its stored result; the other workbook is not looked for."""
    cells = row(2, text("A2", "PI7DH85"), '<c r="B2"><f>[1]Sheet1!A1</f><v>7</v></c>')
    parts = book_parts(("S", worksheet(HEAD, cells)))
    outside = (
        f'<Relationship Id="x1" Type="{OFFICE}/externalLink" Target="externalLinks/externalLink1.xml"/></Relationships>'
    )
    link = (
        f'<Relationships xmlns="{LINKS}"><Relationship Id="r1" Type="{OFFICE}/externalLinkPath"'
        ' Target="http://127.0.0.1:9/other.xlsx" TargetMode="External"/></Relationships>'
    )
    return zipped(
        {
            **parts,
            WORKBOOK: str(parts[WORKBOOK]).replace(
                "</workbook>", '<externalReferences><externalReference r:id="x1"/></externalReferences></workbook>'
            ),
            WORKBOOK_LINKS: str(parts[WORKBOOK_LINKS]).replace("</Relationships>", outside),
            "xl/externalLinks/externalLink1.xml": f'<externalLink xmlns="{MAIN}" xmlns:r="{OFFICE}">'
            '<externalBook r:id="r1"><sheetNames><sheetName val="Sheet1"/></sheetNames></externalBook></externalLink>',
            "xl/externalLinks/_rels/externalLink1.xml.rels": link,
        }
    )


@odd("macros.xlsm", _TWO)
def macros() -> bytes:
    """A workbook with macros, which nobody runs."""
    return book(HEAD, _ROW_2, _ROW_3, parts={"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0 no macro at all"})


@odd("charts.xlsx", reads(table(line(2, "PI7DH85", "1"), name="Data"), notices=('sheet "Chart" is a chart',)))
def chart_sheet() -> bytes:
    """A sheet that is a chart has no rows."""

    def fill(made: Any) -> None:
        chart = made.add_chart({"type": "line"})
        sheet = made.add_worksheet("Data")
        sheet.write_row(0, 0, ["remote_id", "note"])
        sheet.write_row(1, 0, ["PI7DH85", 1])
        chart.add_series({"values": "=Data!$B$2:$B$2"})
        made.add_chartsheet("Chart").set_chart(chart)

    return by_xlsxwriter(fill)
