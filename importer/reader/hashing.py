"""The bytes of a file, hashed on their way to whoever reads them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from hashlib import _Hash

    from _typeshed import WriteableBuffer


class HashedBytes(io.RawIOBase):
    """A file from its start on; `digest` is fed all bytes that were read, `count` says how many they are."""

    def __init__(self, file: BinaryIO, digest: _Hash | None) -> None:
        file.seek(0)
        self._file = file
        self._digest = digest
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        block = self._file.read(len(view))
        if self._digest:
            self._digest.update(block)
        self.count += len(block)
        view[: len(block)] = block
        return len(block)
