"""Texts packed with gzip."""

from __future__ import annotations

import gzip
import io
import tarfile

from importer.reader.limits import Bounds

from .kit import line, odd, reads, reads_rows, refused, table
from .ooxml import HEAD, book, row, text

_TEXT = b"remote_id,note\nPI7DH85,a\nPABCDEF,b\n"
_TWO = reads_rows(line(2, "PI7DH85", "a"), line(3, "PABCDEF", "b"))


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


@odd("oncall.csv.gz", reads(table(line(2, "PI7DH85", "a"), line(3, "PABCDEF", "b"), name="oncall")))
def packed_csv() -> bytes:
    """A packed CSV is read as the CSV in it, and named as it."""
    return _packed(_TEXT)


@odd("members.csv.gz", _TWO)
def packed_csv_in_two_members() -> bytes:
    """Two packed files put together are one, RFC 1952 2.2."""
    return _packed(_TEXT[:25]) + _packed(_TEXT[25:])


@odd("windows.csv.gz", reads_rows(line(2, "PI7DH85", "Zürich"), notices=("Windows-1252",)))
def packed_windows_1252() -> bytes:
    """Packing hides no encoding."""
    return _packed("remote_id;note\r\nPI7DH85;Zürich\r\n".encode("cp1252"))


@odd("packed.csv", _TWO)
def packed_csv_without_the_suffix() -> bytes:
    """What a file holds counts, not its name."""
    return _packed(_TEXT)


@odd("truncated.csv.gz", refused("is a damaged gzip file", "."))
def truncated_packed_csv() -> bytes:
    """A download that broke off."""
    return _packed(b"".join(b"P%d,%d\n" % (n, n * n) for n in range(5000)))[:-2000]


@odd("no-checksum.csv.gz", refused("is a damaged gzip file", "."))
def packed_csv_without_its_checksum() -> bytes:
    """All text is there, the proof of it is not."""
    return _packed(_TEXT)[:-8]


@odd("wrong.csv.gz", refused("is a damaged gzip file", "."))
def packed_csv_with_a_wrong_checksum() -> bytes:
    """Text that is not what was packed."""
    content = bytearray(_packed(_TEXT))
    content[-5] ^= 1
    return bytes(content)


@odd("garbage.csv.gz", refused("is a damaged gzip file", "."))
def packed_csv_with_garbage_behind_it() -> bytes:
    """What stands behind the end is not thrown away without a word."""
    return _packed(_TEXT) + b"PS1A2B3C,c\n"


@odd("bomb.csv.gz", refused("unpacks to more than", "unpack it|IMPORTER_MAX_BYTES"))
def packed_bomb() -> bytes:
    """A gigabyte of rows in some megabytes."""
    return _packed(b"remote_id,note\n") + _packed(b"PI7DH85,a\n" * 1_000_000) * 100


@odd("nested.csv.gz", refused("gzip file inside a gzip file", "Unpack"))
def packed_twice() -> bytes:
    """A packed file in a packed file."""
    return _packed(_packed(_TEXT))


@odd("blank.csv.gz", refused("is an empty gzip file", "."))
def nothing_packed() -> bytes:
    """An empty file, packed."""
    return _packed(b"")


@odd("book.xlsx.gz", reads_rows(line(2, "PI7DH85", "")))
def packed_workbook() -> bytes:
    """A workbook, which is packed already, packed again."""
    return _packed(book(HEAD, row(2, text("A2", "PI7DH85"))))


@odd("archive.tar.gz", refused("is a tar archive", "."))
def packed_archive() -> bytes:
    """Many files in one."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        entry = tarfile.TarInfo("oncall.csv")
        entry.size = len(_TEXT)
        archive.addfile(entry, io.BytesIO(_TEXT))
    return _packed(content.getvalue())


@odd("large.csv.gz", refused("unpacks to more than 1 kB", "IMPORTER_MAX_BYTES"), bounds=Bounds(bytes=1000))
def packed_csv_that_is_too_large_unpacked() -> bytes:
    """What counts is the size of what is inside."""
    return _packed(b"remote_id\n" + b"".join(b"P%d\n" % n for n in range(400)))
