"""Workbooks put together by hand from the XML of their parts, for what no library would write."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Mapping

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
STRICT_MAIN = "http://purl.oclc.org/ooxml/spreadsheetml/main"
STRICT_OFFICE = "http://purl.oclc.org/ooxml/officeDocument/relationships"

WORKBOOK, SHEET, STRINGS, STYLES = (
    "xl/workbook.xml",
    "xl/worksheets/sheet1.xml",
    "xl/sharedStrings.xml",
    "xl/styles.xml",
)
WORKBOOK_LINKS = "xl/_rels/workbook.xml.rels"

Parts = dict[str, str | bytes]


def text(reference: str, content: str) -> str:
    """Give a cell with a text of its own."""
    return f'<c r="{reference}" t="str"><v>{escape(content)}</v></c>'


def number(reference: str, content: object, style: int = 0) -> str:
    """Give a cell with a number."""
    return f'<c r="{reference}" s="{style}"><v>{content}</v></c>'


def row(at: int, *cells: str) -> str:
    """Give a row."""
    return f'<row r="{at}">{"".join(cells)}</row>'


HEAD = row(1, text("A1", "remote_id"), text("B1", "note"))


def worksheet(*rows: str, before: str = "", after: str = "", main: str = MAIN) -> str:
    """Give a worksheet's part; `before` and `after` stand around its rows."""
    return f'<worksheet xmlns="{main}">{before}<sheetData>{"".join(rows)}</sheetData>{after}</worksheet>'


def strings(*items: str) -> str:
    """Give the part of the shared strings; an item is the inside of its `<si>`."""
    return f'<sst xmlns="{MAIN}">{"".join(f"<si>{item}</si>" for item in items)}</sst>'


def styles(*formats: str) -> str:
    """Give the part of the styles: style n is the n-th number format from 1 on, style 0 is plain."""
    codes = "".join(f'<numFmt numFmtId="{164 + n}" formatCode={quoteattr(code)}/>' for n, code in enumerate(formats))
    uses = "".join(f'<xf numFmtId="{164 + n}" applyNumberFormat="1"/>' for n in range(len(formats)))
    return (
        f'<styleSheet xmlns="{MAIN}"><numFmts count="{len(formats)}">{codes}</numFmts>'
        f'<cellXfs count="{len(formats) + 1}"><xf numFmtId="0"/>{uses}</cellXfs></styleSheet>'
    )


def book_parts(
    *sheets: tuple[str, str], properties: str = "", states: Mapping[str, str] | None = None, is_strict: bool = False
) -> Parts:
    """Give the parts of a workbook with these sheets, a name and a worksheet's part each."""
    main, office = (STRICT_MAIN, STRICT_OFFICE) if is_strict else (MAIN, OFFICE)
    listed, links = "", ""
    parts: Parts = {}
    for index, (name, content) in enumerate(sheets, 1):
        state = f' state="{states[name]}"' if states and name in states else ""
        listed += f'<sheet name={quoteattr(name)} sheetId="{index}"{state} r:id="r{index}"/>'
        links += f'<Relationship Id="r{index}" Type="{office}/worksheet" Target="worksheets/sheet{index}.xml"/>'
        parts[f"xl/worksheets/sheet{index}.xml"] = content
    return {
        "[Content_Types].xml": _CONTENT_TYPES,
        "_rels/.rels": f'<Relationships xmlns="{LINKS}"><Relationship Id="r" Type="{office}/officeDocument"'
        ' Target="xl/workbook.xml"/></Relationships>',
        WORKBOOK: f'<workbook xmlns="{main}" xmlns:r="{office}">{properties}<sheets>{listed}</sheets></workbook>',
        WORKBOOK_LINKS: f'<Relationships xmlns="{LINKS}">{links}</Relationships>',
        **parts,
    }


_CONTENT_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """Pack parts into an archive."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as package:
        for name, part in parts.items():
            package.writestr(name, part)
    return content.getvalue()


def book(*rows: str, parts: Mapping[str, str | bytes] | None = None, properties: str = "") -> bytes:
    """Make a workbook of one sheet S from its rows; `parts` come in addition, or instead."""
    return zipped({**book_parts(("S", worksheet(*rows)), properties=properties), **(parts or {})})
