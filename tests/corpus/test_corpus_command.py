"""The command takes every odd file to its end: rows counted, or one sentence and status 2, and a clean terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from acceptance.command import Workplace
from acceptance.terminals import converse
from click.testing import CliRunner, Result

from importer.cli import app

from . import ODD_FILES
from .kit import OddFile, Reads, Refused

Written = Callable[[OddFile], Path]

_OPTIONS = {"sheets": "--sheet"}  # of the command, by those of `read`
_OWN_AFFAIRS = {"header_row", "bounds"}  # of which the command hears in other ways
_ONE_SENTENCE = re.compile(r"error: [^\n]+\n  [^\n]+\n")
_KNOWN = {"remote_id", "schedule_id"}  # columns by which the command takes a sheet

#: One of each sort: that every file is refused in a sentence is shown where it is read (test_corpus_reading.py).
_OF_EACH_SORT = (
    "huge_cell",
    "unclosed_quote",
    "text_with_a_nul",
    "name_that_commands_the_terminal",
    "packed_bomb",
    "truncated_packed_csv",
    "cells_in_opposite_corners",
    "billion_laughs_in_a_sheet",
    "zip_bomb",
    "zip_bomb_that_says_it_is_small",
    "truncated_archive",
    "encrypted_workbook",
    "truncated_old_workbook",
    "million_of_repeated_rows_with_text",
    "binary_sheet_that_breaks_off",
    "pdf_as_workbook",
)

READABLE = [
    odd_file
    for odd_file in ODD_FILES
    if isinstance(odd_file.expected, Reads)
    and _OWN_AFFAIRS.isdisjoint(odd_file.options)
    and odd_file.name != "error_in_the_header"  # what reads is refused by whoever knows the columns
    and any(table.lines and _KNOWN.intersection(table.header) for table in odd_file.expected.tables)
]
REFUSED = [odd_file for odd_file in ODD_FILES if odd_file.name in _OF_EACH_SORT]
#: The last one ends the process that parses it.
_IN_A_PROCESS = ("unclosed_quote", "zip_bomb_that_says_it_is_small", "cells_in_opposite_corners")


def each(odd_files: list[OddFile]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("odd_file", odd_files, ids=lambda odd_file: odd_file.name)


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command in this process."""
    monkeypatch.chdir(tmp_path)

    def run(odd_file: OddFile, path: Path, *more: str) -> Result:
        return CliRunner().invoke(app, [*arguments(odd_file, path), *more])

    return run


@each(READABLE)
def test_check_counts_every_row_of_an_odd_file(
    odd_file: OddFile, written: Written, check: Callable[..., Result]
) -> None:
    assert isinstance(odd_file.expected, Reads)
    done = check(odd_file, written(odd_file), "--json")
    assert done.exit_code in {0, 1}, done.stderr
    assert is_clean(done.stdout + done.stderr)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    tables = [table for table in odd_file.expected.tables if _KNOWN.intersection(table.header)]
    assert told["rows"] == sum(len(table.lines) for table in tables)


@each(REFUSED)
def test_check_refuses_an_odd_file_in_one_sentence_and_status_2(
    odd_file: OddFile, written: Written, check: Callable[..., Result]
) -> None:
    done = check(odd_file, written(odd_file))
    assert (done.exit_code, done.stdout) == (2, "")
    assert_one_sentence(odd_file, done.stderr)


@each([odd_file for odd_file in ODD_FILES if odd_file.name in _IN_A_PROCESS])
def test_the_process_of_the_command_ends_with_one_sentence(odd_file: OddFile, written: Written, tmp_path: Path) -> None:
    done = Workplace(tmp_path, TERM="dumb").run_process(*arguments(odd_file, written(odd_file)))
    assert (done.status, done.out) == (2, "")
    assert_one_sentence(odd_file, done.err)


@each(
    [odd_file for odd_file in ODD_FILES if odd_file.name in {"control_characters", "name_that_commands_the_terminal"}]
)
def test_no_escape_of_an_odd_file_reaches_a_terminal(odd_file: OddFile, written: Written, tmp_path: Path) -> None:
    # a dumb terminal is sent no colours: whatever escape arrives came out of the file
    _, said = converse(Workplace(tmp_path), arguments(odd_file, written(odd_file)), [])
    assert "\\x1b[" in said
    assert is_clean(said)


def test_one_of_each_sort_is_in_the_corpus() -> None:
    assert {odd_file.name for odd_file in REFUSED if isinstance(odd_file.expected, Refused)} == set(_OF_EACH_SORT)


def arguments(odd_file: OddFile, path: Path) -> list[str]:
    """Give the command's arguments for an odd file."""
    more = [
        argument
        for name, values in odd_file.options.items()
        if name in _OPTIONS
        for value in values
        for argument in (_OPTIONS[name], value)
    ]
    return ["check", str(path), "--provider", "pagerduty", "--hidden-rows", "send", *more]


def is_clean(said: str) -> bool:
    """Tell whether nothing in it could command a terminal."""
    return all(character.isprintable() or character in "\r\n" for character in said)


def assert_one_sentence(odd_file: OddFile, said: str) -> None:
    assert isinstance(odd_file.expected, Refused)
    assert _ONE_SENTENCE.fullmatch(said), said
    assert is_clean(said)
    assert re.search(odd_file.expected.says.removesuffix("$"), said)
    assert re.search(odd_file.expected.hint, said)
    assert "Traceback" not in said
