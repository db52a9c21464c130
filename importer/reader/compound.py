"""The compound file that an old Office document is: its streams by their names, [MS-CFB]. Knows no format."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from importer.reader.binary_values import long_at, short_at, sound
from importer.reader.stored_cells import damaged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_HEADER = 512
_ENTRY = 128
_SECTORS = {9: 512, 12: 4096}  # bytes, by what the header says
_LAST = 0xFFFFFFFA  # from here on a number is no sector
_STREAM, _ROOT = 2, 5


class _Entry(NamedTuple):
    """One entry of the directory, [MS-CFB] 2.6.1."""

    name: str
    type: int
    start: int
    size: int


class Compound:
    """The streams of one compound file.

    Raises:
        SourceError: It is damaged.
    """

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self._file = file
        with sound():
            header = file.read(_HEADER)
            self._sector = _SECTORS.get(short_at(header, 30), 0)
            if not self._sector:
                raise damaged("its sectors have no size")
            self._cutoff = long_at(header, 56)
            self._table = self._read_table(header)
            self._mini_table = _numbers(self._chained(long_at(header, 60)))
            self._entries = list(_entries(self._chained(long_at(header, 48))))

    @property
    def names(self) -> set[str]:
        """The names of all streams, in small letters."""
        return {entry.name.lower() for entry in self._entries if entry.type == _STREAM}

    def stream(self, *names: str) -> bytes:
        """Read the first stream that is there, by its name without regard to case.

        Raises:
            SourceError: None of them is there, or it is damaged.
        """
        found = (entry for name in names for entry in self._entries if entry.name.lower() == name.lower())
        entry = next(found, None)
        if entry is None:
            raise damaged(f"it has no part {names[0]!r}")
        content = self._small(entry) if entry.size < self._cutoff else self._chained(entry.start)
        if len(content) < entry.size:
            raise damaged(f"its part {names[0]!r} is cut off")
        return content[: entry.size]

    def _read_table(self, header: bytes) -> Sequence[int]:
        """Read the table that gives for each sector the next one, by the list of the sectors that it stands in."""
        sectors = [number for number in _numbers(header[76:]) if number < _LAST]
        following, seen = long_at(header, 68), set[int]()
        while following < _LAST and following not in seen:
            seen.add(following)
            *listed, following = _numbers(self._at(following)) or (_LAST,)
            sectors += [number for number in listed if number < _LAST]
        return _numbers(b"".join(map(self._at, dict.fromkeys(sectors))))

    def _at(self, number: int) -> bytes:
        self._file.seek((number + 1) * self._sector)
        return self._file.read(self._sector)

    def _chained(self, start: int) -> bytes:
        return b"".join(map(self._at, _chain(self._table, start)))

    def _small(self, entry: _Entry) -> bytes:
        """Read a stream that is kept in sectors of 64 bytes within the root's."""
        root = next((each for each in self._entries if each.type == _ROOT), None)
        container = self._chained(root.start) if root else b""
        return b"".join(container[64 * n : 64 * n + 64] for n in _chain(self._mini_table, entry.start))


def _chain(table: Sequence[int], start: int) -> Iterator[int]:
    seen = 0
    while start < _LAST:
        seen += 1
        if start >= len(table) or seen > len(table):
            raise damaged("its sectors do not follow each other")
        yield start
        start = table[start]


def _numbers(data: bytes) -> Sequence[int]:
    return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])


def _entries(data: bytes) -> Iterator[_Entry]:
    for place in range(0, len(data) - _ENTRY + 1, _ENTRY):
        length = min(short_at(data, place + 64), 64)
        name = data[place : place + max(length - 2, 0)].decode("utf-16-le", "replace")
        yield _Entry(name, data[place + 66], long_at(data, place + 116), long_at(data, place + 120))
