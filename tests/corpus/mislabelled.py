"""Files that are no table, under a table's name."""

from __future__ import annotations

import io
import json
import struct
import zlib

import xlwt

from .kit import odd, refused
from .ooxml import LINKS, OFFICE, zipped

_GIVE = "."


def _office(part: str) -> bytes:
    link = f'<Relationship Id="r" Type="{OFFICE}/officeDocument" Target="{part}"/>'
    return zipped({"_rels/.rels": f'<Relationships xmlns="{LINKS}">{link}</Relationships>', part: "<document/>"})


@odd("letter.xlsx", refused("Word document", _GIVE))
def word_document() -> bytes:
    """A letter."""
    return _office("word/document.xml")


@odd("slides.csv", refused("presentation", _GIVE))
def presentation() -> bytes:
    """Slides."""
    return _office("ppt/presentation.xml")


@odd("files.xlsx", refused("ZIP archive", "Unpack"))
def archive_of_files() -> bytes:
    """An archive with a CSV in it."""
    return zipped({"oncall.csv": "remote_id\nPI7DH85\n"})


@odd("nothing.xlsx", refused("ZIP archive", _GIVE))
def empty_archive() -> bytes:
    """An archive of nothing."""
    return zipped({})


@odd("program.xlsx", refused("archive|workbook", _GIVE))
def program_of_java() -> bytes:
    """Programs are archives too."""
    return zipped({"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n", "A.class": b"\xca\xfe\xba\xbe"})


@odd("page.xls", refused("HTML|XML", _GIVE))
def web_page_as_workbook() -> bytes:
    """What many web sites call a workbook."""
    return b"\r\n <html><body><table><tr><td>remote_id</td></tr><tr><td>PI7DH85</td></tr></table></body></html>"


@odd("login.csv", refused("HTML|XML", _GIVE))
def login_page_as_csv() -> bytes:
    """What a download without a session gives."""
    return "\ufeff<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>".encode()


@odd("feed.csv", refused("HTML|XML", _GIVE))
def xml_as_csv() -> bytes:
    """A workbook of Excel 2003 in XML."""
    return b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>'


@odd("export.csv", refused("JSON", _GIVE))
def json_as_csv() -> bytes:
    """The answer of an API instead of its export."""
    return json.dumps({"schedules": [{"id": "PI7DH85", "name": "Primary"}]}, indent=2).encode()


@odd("lines.csv", refused("JSON", _GIVE))
def json_lines_as_csv() -> bytes:
    """An object a line."""
    return b'{"id": "PI7DH85", "name": "Primary"}\n{"id": "PABCDEF", "name": "Second"}\n'


@odd("array.csv", refused("JSON", _GIVE))
def json_array_as_csv() -> bytes:
    """Objects in brackets."""
    return b'[{"id": "PI7DH85", "name": "Primary"}]'


@odd("picture.csv", refused("picture", _GIVE))
def picture_as_csv() -> bytes:
    """A screenshot of the plan."""
    return b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@odd("plan.xlsx", refused("PDF", _GIVE))
def pdf_as_workbook() -> bytes:
    """The plan, printed."""
    return b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj<<>>endobj\n%%EOF"


@odd("text.xlsx", refused("is not a workbook, despite its name", "."))
def csv_as_workbook() -> bytes:
    """A CSV that was renamed, not saved, as a workbook."""
    return b"remote_id,note\nPI7DH85,a\n"


@odd("text.ods", refused("despite its name", "."))
def csv_as_opendocument() -> bytes:
    """The same for the other office."""
    return b"remote_id,note\nPI7DH85,a\n"


@odd("database.csv", refused("database", _GIVE))
def database_as_csv() -> bytes:
    """A file of SQLite."""
    return b"SQLite format 3\0" + bytes(84)


@odd("squeezed.csv", refused("bzip2", _GIVE))
def packed_with_bzip2() -> bytes:
    """Packed, but not with gzip."""
    return b"BZh91AY&SY" + bytes(32)


@odd("noise.csv", refused("NUL|an encoding that is not certain", _GIVE))
def noise_as_csv() -> bytes:
    """Every byte there is."""
    return bytes(range(1, 256)) * 8


@odd("half.xlsx", refused("damaged", _GIVE))
def begin_of_an_archive() -> bytes:
    """Four bytes of an archive and no more."""
    return b"PK\x03\x04"


def _ole(stream: str) -> bytes:
    """Make a compound file with one stream: what xlwt writes, its stream renamed."""
    content = io.BytesIO()
    made = xlwt.Workbook()
    made.add_sheet("S").write(0, 0, "remote_id")
    made.save(content)
    old, new = (name.encode("utf-16-le").ljust(64, b"\0") for name in ("Workbook", stream))
    at = content.getvalue().index(old)
    length = struct.pack("<H", 2 * len(stream) + 2)
    return content.getvalue()[:at] + new + length + content.getvalue()[at + 66 :]


@odd("secret.xlsx", refused("encrypted with a password", "password"))
def encrypted_workbook() -> bytes:
    """A workbook with a password stands, encrypted, in a compound file."""
    return _ole("EncryptedPackage")


@odd("letter.xls", refused("Office file|workbook", _GIVE))
def old_word_document() -> bytes:
    """A letter of the nineties."""
    return _ole("WordDocument")


@odd("mail.csv", refused("Office file|workbook|mail", _GIVE))
def old_mail() -> bytes:
    """A mail of Outlook."""
    return _ole("__properties_version1.0")
