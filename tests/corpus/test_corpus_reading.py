"""Every odd file is read as expected, or refused in a sentence that a person understands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from importer.errors import SourceError
from importer.reader.read import Reading, read
from importer.reader.tables import Chunk
from importer.records import Row, Sheet

from . import ODD_FILES
from .kit import Line, OddFile, Reads, Refused, Table

Written = Callable[[OddFile], Path]

_OF_A_PROGRAM = re.compile(
    r"Traceback|\b[A-Z]\w+(Error|Exception)\b|\bNone\b|<\w+ object|python|panicked|buffer|[Ee]rrno"
)
_SAYS_NOTHING = re.compile(r'damaged: (sheet "[^"]*": )?\S+$|:\s*\.$')

READABLE = [odd_file for odd_file in ODD_FILES if isinstance(odd_file.expected, Reads)]
REFUSED = [odd_file for odd_file in ODD_FILES if isinstance(odd_file.expected, Refused)]


def each(odd_files: list[OddFile]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("odd_file", odd_files, ids=lambda odd_file: odd_file.name)


@each(READABLE)
def test_an_odd_file_is_read_as_expected(odd_file: OddFile, written: Written) -> None:
    assert isinstance(odd_file.expected, Reads)
    reading = read(written(odd_file), **odd_file.options)
    tables = list(tables_of(reading))
    assert [(sheet.header, numbered(rows)) for sheet, rows in tables] == [
        (table.header, [(line.number, line.cells) for line in table.lines]) for table in odd_file.expected.tables
    ]
    for (sheet, rows), table in zip(tables, odd_file.expected.tables, strict=True):
        assert_is_like(sheet, rows, table)
    assert_each_matches_one([notice.text for notice in reading.notices], odd_file.expected.notices)


@each(REFUSED)
def test_an_odd_file_is_refused_in_a_sentence(odd_file: OddFile, written: Written) -> None:
    assert isinstance(odd_file.expected, Refused)
    path = written(odd_file)
    with pytest.raises(SourceError) as caught:
        list(chunks_of(read(path, **odd_file.options)))
    error = caught.value
    assert re.search(odd_file.expected.says, error.message)
    assert re.search(odd_file.expected.hint, error.hint)
    assert_is_for_a_person(error, path)


def test_there_are_enough_odd_files_and_each_says_what_is_odd() -> None:
    assert len(READABLE) >= 60
    assert len(REFUSED) >= 60
    assert all(odd_file.why.endswith(".") for odd_file in ODD_FILES)


def chunks_of(reading: Reading) -> Iterator[Chunk]:
    yield from reading


def tables_of(reading: Reading) -> Iterator[tuple[Sheet, list[Row]]]:
    """Put the chunks of each sheet together again."""
    sheet: Sheet | None = None
    rows: list[Row] = []
    for chunk in reading:
        if chunk.sheet is not sheet:
            if sheet is not None:
                yield sheet, rows
            sheet, rows = chunk.sheet, []
        rows.extend(chunk.rows)
    if sheet is not None:
        yield sheet, rows


def numbered(rows: list[Row]) -> list[tuple[int, tuple[str, ...]]]:
    return [(row.number, row.cells) for row in rows]


def assert_is_like(sheet: Sheet, rows: list[Row], table: Table) -> None:
    assert table.name in (None, sheet.name)
    assert table.positions in (None, sheet.positions)
    for row, line in zip(rows, table.lines, strict=True):
        assert_has_problems(row, line)


def assert_has_problems(row: Row, line: Line) -> None:
    assert {problem.cell for problem in row.problems} == set(line.problems)
    for problem in row.problems:
        assert re.search(line.problems[problem.cell], problem.message)
        assert problem.hint
        assert (problem.message + problem.hint).isprintable()


def assert_each_matches_one(notices: list[str], patterns: tuple[str, ...]) -> None:
    left = list(notices)
    for pattern in patterns:
        match = next((notice for notice in left if re.search(pattern, notice)), None)
        assert match is not None, f"no notice like {pattern!r} in {left}"
        left.remove(match)
    assert left == []
    assert all(notice.isprintable() for notice in notices)


def assert_is_for_a_person(error: SourceError, path: Path) -> None:
    """Name the file; one sentence and what to do, without the words of a program."""
    shown = path.name.encode("unicode_escape").decode() if not path.name.isprintable() else path.name
    assert shown[:100] in error.message
    assert error.hint
    for text in (error.message, error.hint):
        assert text.isprintable()
        assert len(text) < 700
        assert not _OF_A_PROGRAM.search(text)
        assert not _SAYS_NOTHING.search(text)
