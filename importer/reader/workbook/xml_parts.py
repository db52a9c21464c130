"""XML of a workbook, read by expat: elements without their prefixes, no entities, no DOCTYPE."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING
from xml.parsers import expat

from importer.reader.workbook.stored_cells import damaged

if TYPE_CHECKING:
    from collections.abc import Iterator


BLOCK = 1 << 18
_DOCTYPE = re.compile(rb"<![Dd][Oo][Cc][Tt][Yy][Pp][Ee]")  # begins with plain bytes, which makes the search quick
_OVERLAP = len(b"<!DOCTYPE") - 1
_WIDE = (b"\xfe\xff", b"\xff\xfe", b"\x00<", b"<\x00")  # UTF-16, with or without its mark


def elements(stream: IO[bytes]) -> list[tuple[str, dict[str, str]]]:
    """List the elements of a small part: names and attributes, without their prefixes."""
    found: list[tuple[str, dict[str, str]]] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, attributes: found.append(
        (local(name), {local(key): value for key, value in attributes.items()})
    )
    for _ in parsed(stream, parser):
        pass
    return found


def parsed(stream: IO[bytes], parser: expat.XMLParserType) -> Iterator[None]:
    """Feed a part to the parser, with a pause after each block in which to take what it found.

    Raises:
        SourceError: It is broken, or has a DOCTYPE.
    """
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        while block := stream.read(BLOCK):
            parser.Parse(block, False)
            yield
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise damaged(f"its XML is broken: {error}") from error
    yield


def check_prolog(stream: IO[bytes], name: str) -> None:
    """Read a part to its end: no DOCTYPE in it, and no UTF-16, in which one could hide.

    Raises:
        SourceError: There is.
    """
    tail = b""
    while block := stream.read(BLOCK):
        if not tail and block.startswith(_WIDE):
            raise damaged(f"its part {name[:200]!r} is not in UTF-8")
        searched = tail + block
        if _DOCTYPE.search(searched):
            _refuse_doctype()
        tail = searched[-_OVERLAP:]


def check_whole(stream: IO[bytes]) -> None:
    """Read a part to its end: it is XML throughout.

    Raises:
        SourceError: It is not.
    """
    for _ in parsed(stream, expat.ParserCreate()):
        pass


def local(name: str) -> str:
    """Give an element's or attribute's name without its prefix."""
    return name.rpartition(":")[2] if ":" in name else name


def whole(text: str) -> int:
    """Read a whole number of at most nine digits.

    Raises:
        SourceError: It is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise damaged(f"{text[:20]!r} stands where a whole number must")
    return int(text)


def _refuse_doctype(*_declaration: object) -> None:
    raise damaged("its XML has a DOCTYPE, which workbooks never have")
