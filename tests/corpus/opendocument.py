"""OpenDocument spreadsheets put together by hand from the XML of their tables."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from .ooxml import zipped

KIND = "application/vnd.oasis.opendocument.spreadsheet"
_NAMES = " ".join(
    f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for short, name in {"office": "office", "table": "table", "text": "text", "of": "of", "style": "style"}.items()
)
_NAMES += ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'  # of LibreOffice
_MANIFEST = (
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{KIND}"/>'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>'
)


def cell(content: str = "", *, repeated: int = 1, covered: bool = False, **attributes: str) -> str:
    """Give a cell; a text unless `value_type` says otherwise."""
    kind = attributes.pop("value_type", "string" if content else "")
    said = f' office:value-type="{kind}"' if kind else ""
    said += "".join(
        f" {name.replace('_', '-').replace('-', ':', 1)}={quoteattr(value)}" for name, value in attributes.items()
    )
    times = f' table:number-columns-repeated="{repeated}"' if repeated > 1 else ""
    name = "table:covered-table-cell" if covered else "table:table-cell"
    paragraphs = "".join(f"<text:p>{escape(part)}</text:p>" for part in content.split("\n")) if content else ""
    return f"<{name}{said}{times}>{paragraphs}</{name}>"


def row(*cells: str, repeated: int = 1, inside: str = "") -> str:
    """Give a row of cells; a bare text is one."""
    times = f' table:number-rows-repeated="{repeated}"' if repeated > 1 else ""
    made = "".join(content if content.startswith("<table:") else cell(content) for content in cells)
    return f"<table:table-row{times}{inside}>{made}</table:table-row>"


HEAD = row("remote_id", "note")


def table(name: str, *rows: str, style: str = "") -> str:
    """Give a table."""
    said = f" table:style-name={quoteattr(style)}" if style else ""
    return f"<table:table table:name={quoteattr(name)}{said}>{''.join(rows)}</table:table>"


def document(*tables: str, styles: str = "") -> str:
    """Give the part that holds all tables."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_NAMES} office:version="1.3">'
        f"<office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{''.join(tables)}</office:spreadsheet></office:body></office:document-content>"
    )


def packed(content: str, *, kind: str = KIND, manifest: str = _MANIFEST) -> bytes:
    """Make a document of its content."""
    return zipped({"mimetype": kind, "META-INF/manifest.xml": manifest, "content.xml": content})


def spreadsheet(*rows: str) -> bytes:
    """Make a spreadsheet of one table S."""
    return packed(document(table("S", *rows)))
