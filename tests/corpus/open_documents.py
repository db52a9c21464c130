"""OpenDocument spreadsheets (.ods), odd ones among them."""

from __future__ import annotations

import io

from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P

from importer.reader.limits import Bounds

from . import opendocument as ods
from .kit import HEADER, line, odd, reads, reads_rows, refused, table
from .ooxml import zipped


@odd("calc.ods", reads(table(line(2, "PI7DH85", "a"), line(3, "PABCDEF", "b"), name="On call")))
def opendocument_by_a_library() -> bytes:
    """What scripts write."""
    made = OpenDocumentSpreadsheet()
    sheet = Table(name="On call")
    for cells in (HEADER, ("PI7DH85", "a"), ("PABCDEF", "b")):
        made_row = TableRow()
        for content in cells:
            made_cell = TableCell(valuetype="string")
            made_cell.addElement(P(text=content))
            made_row.addElement(made_cell)
        sheet.addElement(made_row)
    made.spreadsheet.addElement(sheet)
    written = io.BytesIO()
    made.write(written)
    return written.getvalue()


@odd(
    "calc-values.ods",
    reads_rows(
        line(2, "00042", "42"),
        line(3, "TRUE", "2026-03-29T09:00:00"),
        line(4, "0.5", "30:00:00"),
        line(5, "2026-03-29T00:00:00", "a\nb"),
        line(6, "12.5", "1000000"),
    ),
)
def values_of_an_opendocument() -> bytes:
    """The stored value counts, not how it is shown."""
    return ods.spreadsheet(
        ods.HEAD,
        ods.row("00042", ods.cell("42,00", value_type="float", office_value="42")),
        ods.row(
            ods.cell("WAHR", value_type="boolean", office_boolean_value="true"),
            ods.cell("29.03.26 09:00", value_type="date", office_date_value="2026-03-29T09:00:00"),
        ),
        ods.row(
            ods.cell("50 %", value_type="percentage", office_value="0.5"),
            ods.cell("30:00", value_type="time", office_time_value="PT30H00M00S"),
        ),
        ods.row(ods.cell("29.03.26", value_type="date", office_date_value="2026-03-29"), "a\nb"),
        ods.row(
            ods.cell("12,50 €", value_type="currency", office_value="12.5"),
            ods.cell("1E+06", value_type="float", office_value="1000000"),
        ),
    )


@odd("calc-blank.ods", reads_rows(line(2, "PI7DH85", "a")))
def million_of_repeated_blank_rows() -> bytes:
    """What LibreOffice saves: the rest of the sheet as one blank row, a million times."""
    blank = ods.row(ods.cell(repeated=16_384), repeated=1_048_574)
    return ods.spreadsheet(
        ods.row("remote_id", "note", ods.cell(repeated=16_382)),
        ods.row("PI7DH85", "a", ods.cell(repeated=16_382)),
        blank,
    )


@odd("calc-gap.ods", reads_rows(line(2, "PI7DH85", "a"), line(1000, "PABCDEF", "b")))
def repeated_blank_rows_in_the_middle() -> bytes:
    """A gap of repeated blank rows counts, as everywhere."""
    return ods.spreadsheet(
        ods.HEAD, ods.row("PI7DH85", "a"), ods.row(ods.cell(), repeated=997), ods.row("PABCDEF", "b")
    )


@odd("calc-repeated.ods", reads_rows(line(2, "x", "x"), line(3, "PI7DH85", "a"), line(4, "PI7DH85", "a")))
def repeated_cells_and_rows_with_text() -> bytes:
    """A row that is stored once and stands twice is two rows."""
    return ods.spreadsheet(ods.HEAD, ods.row(ods.cell("x", repeated=2)), ods.row("PI7DH85", "a", repeated=2))


@odd("calc-bomb.ods", refused("cell XFD1048576 lies beyond column 1,000", "far from the data"))
def million_of_repeated_rows_with_text() -> bytes:
    """Some hundred bytes that unfold to the whole grid, filled."""
    return ods.spreadsheet(ods.HEAD, ods.row(ods.cell("PI7DH85", repeated=16_384), repeated=1_048_575))


@odd("calc-more.ods", refused("memory|rows|columns|cells|damaged", "."))
def billions_of_repeated_rows() -> bytes:
    """More rows than any spreadsheet has."""
    return ods.spreadsheet(ods.HEAD, ods.row("PI7DH85", "a", repeated=4_000_000_000))


@odd(
    "calc-merged.ods",
    reads_rows(line(2, "PI7DH85", "both"), line(3, "PABCDEF", ""), notices=(r"merged cells \(B2:B3\)",)),
)
def covered_cells() -> bytes:
    """The text of merged cells stands in the first of them and nowhere else."""
    spanning = ods.cell("both", table_number_rows_spanned="2")
    return ods.spreadsheet(ods.HEAD, ods.row("PI7DH85", spanning), ods.row("PABCDEF", ods.cell(covered=True)))


@odd("calc-formulas.ods", reads_rows(line(2, "PI7DH85", "42"), line(3, "PABCDEF", "#N/A", B3="holds the error #N/A")))
def formulas_of_an_opendocument() -> bytes:
    """A stored result counts; an error is a problem of its cell."""
    good = ods.cell("42", value_type="float", office_value="42", table_formula="of:=6*7")
    bad = ods.cell(
        "#N/A", value_type="string", office_string_value="", table_formula="of:=NA()", calcext_value_type="error"
    )
    return ods.spreadsheet(ods.HEAD, ods.row("PI7DH85", good), ods.row("PABCDEF", bad))


@odd("calc-newline.ods", reads_rows(line(2, "PI7DH85", "a")))
def opendocument_whose_kind_ends_with_a_newline() -> bytes:
    """What archives put together by hand have."""
    return ods.packed(ods.document(ods.table("S", ods.HEAD, ods.row("PI7DH85", "a"))), kind=f"{ods.KIND}\n")


@odd("calc-template.ots", reads_rows(line(2, "PI7DH85", "a")))
def template_of_an_opendocument() -> bytes:
    """A template of LibreOffice is a spreadsheet too."""
    content = ods.document(ods.table("S", ods.HEAD, ods.row("PI7DH85", "a")))
    return ods.packed(content, kind=f"{ods.KIND}-template")


@odd("calc-text.ods", reads_rows(line(2, "PI7DH85", "two  blanks\tand a tab")))
def blanks_of_an_opendocument() -> bytes:
    """Blanks and tabs are elements of their own."""
    marked = (
        '<table:table-cell office:value-type="string"><text:p>two <text:s/>blanks<text:tab/>and '
        "<text:span>a tab</text:span></text:p></table:table-cell>"
    )
    return ods.spreadsheet(ods.HEAD, ods.row("PI7DH85", marked))


@odd("calc-remarks.ods", reads_rows(line(2, "PI7DH85", "a")))
def remark_on_a_cell_of_an_opendocument() -> bytes:
    """A remark that is pinned to a cell is no part of its text."""
    noted = (
        '<table:table-cell office:value-type="string"><office:annotation><text:p>from the wiki</text:p>'
        "</office:annotation><text:p>a</text:p></table:table-cell>"
    )
    return ods.spreadsheet(ods.HEAD, ods.row("PI7DH85", noted))


@odd("calc-hidden.ods", reads(table(line(2, "PI7DH85", "a"), name="Seen"), notices=('sheet "Hidden" is hidden',)))
def hidden_table_of_an_opendocument() -> bytes:
    """Hidden tables are left out, and that is told."""
    unseen = '<style:table-properties table:display="false"/>'
    style = f'<style:style style:name="ta2" style:family="table">{unseen}</style:style>'
    hidden = ods.table("Hidden", ods.HEAD, ods.row("PABCDEF", "b"), style="ta2")
    return ods.packed(ods.document(hidden, ods.table("Seen", ods.HEAD, ods.row("PI7DH85", "a")), styles=style))


@odd("calc-laughs.ods", refused("DOCTYPE", "."))
def billion_laughs_in_an_opendocument() -> bytes:
    """Entities that would unfold to gigabytes."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    head, rest = ods.document(ods.table("S", ods.HEAD, ods.row("LAUGH", "a"))).split("?>", 1)
    return ods.packed(f'{head}?><!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>{rest.replace("LAUGH", "&l9;")}')


@odd("calc-broken.ods", refused("damaged", "."))
def xml_of_an_opendocument_that_breaks_off() -> bytes:
    """A table that ends in the middle of a row."""
    return ods.packed(ods.document(ods.table("S", ods.HEAD, ods.row("PI7DH85", "a")))[:-120])


@odd("calc-ends.ods", refused("damaged", "."), bounds=Bounds(seconds=20))
def xml_of_an_opendocument_that_ends_after_a_row() -> bytes:
    """A table that ends between two rows, for which calamine looks on and on."""
    whole = ods.document(ods.table("S", ods.HEAD, ods.row("PI7DH85", "a")))
    return ods.packed(whole[: whole.index("</table:table>")])


@odd("calc-secret.ods", refused("encrypted", "password"))
def encrypted_opendocument() -> bytes:
    """A spreadsheet with a password says so in its manifest."""
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{ods.KIND}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml" manifest:size="900">'
        '<manifest:encryption-data manifest:checksum-type="SHA1/1K" manifest:checksum="x">'
        '<manifest:algorithm manifest:algorithm-name="Blowfish CFB" manifest:initialisation-vector="x"/>'
        "</manifest:encryption-data></manifest:file-entry></manifest:manifest>"
    )
    return ods.packed("\x8f\x02\x11 no xml at all", manifest=manifest)


@odd("letter.ods", refused("OpenDocument file of the kind 'text'", "."))
def opendocument_that_is_a_letter() -> bytes:
    """A letter of LibreOffice under a spreadsheet's name."""
    content = ods.document().replace("office:spreadsheet", "office:text")
    return ods.packed(content, kind="application/vnd.oasis.opendocument.text")


@odd("calc-empty.ods", refused("no rows in any sheet", '"S"'))
def opendocument_without_rows() -> bytes:
    """Nothing in the only table."""
    return ods.spreadsheet(ods.row(ods.cell(repeated=1024), repeated=1_048_576))


@odd("no-content.ods", refused("damaged|ZIP archive|content.xml", "."))
def opendocument_without_content() -> bytes:
    """The part that holds the tables is missing."""
    return zipped({"mimetype": ods.KIND, "META-INF/manifest.xml": "<manifest/>"})
