"""A gzip file -> a temporary file of what it holds, unpacked in bounds. Knows nothing of tables."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from typing import BinaryIO

from importer.errors import SourceError
from importer.reader.bounds import Bounds, too_many_bytes
from importer.reader.hashing import HashedBytes

GZIP = b"\x1f\x8b"
_BLOCK = 1 << 20  # bytes unpacked at a time
HARMLESS = 10_000_000  # bytes: what unpacks to less needs no suspicion
RATIO = 300  # to one; text reaches 20, deflate's utmost is 1,032


def unpack(file: BinaryIO, copy: BinaryIO, shown: str, bounds: Bounds) -> str:
    """Unpack all of a gzip file; give the SHA-256 of the packed bytes.

    Raises:
        SourceError: It is damaged, too large, or holds another gzip file.
    """
    digest = hashlib.sha256()
    packed = HashedBytes(file, digest)
    unpacked = 0
    try:
        with gzip.GzipFile(fileobj=io.BufferedReader(packed, _BLOCK)) as content:
            while block := content.read(_BLOCK):
                if not unpacked and block.startswith(GZIP):
                    raise SourceError(
                        f"{shown} is a gzip file inside a gzip file", hint="Unpack it and give what is inside."
                    )
                unpacked += len(block)
                _refuse_bomb(shown, packed.count, unpacked, bounds)
                copy.write(block)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceError(
            f"{shown} is a damaged gzip file: {error}", hint="Get it once more, or pack it anew."
        ) from error
    copy.seek(0)
    return digest.hexdigest()


def is_bomb(packed: int, unpacked: int) -> bool:
    """Tell whether something unpacks to far more than any text does."""
    return unpacked > HARMLESS and unpacked > RATIO * packed


def _refuse_bomb(shown: str, packed: int, unpacked: int, bounds: Bounds) -> None:
    if unpacked > bounds.bytes:
        raise too_many_bytes(f"{shown} unpacks to", bounds)
    if is_bomb(packed, unpacked):
        raise SourceError(
            f"{shown} unpacks to more than {RATIO} times its size, as no table does",
            hint="If it really is one, unpack it and give the file inside.",
        )
