"""report.html holds what it was given as data, and a policy that lets nothing else run."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from page_contents import CONTENTS, HOSTILE, LINE, hostile_contents, many_lines

from importer.errors import ReportError
from importer.reporter.page import _chunks, write_page
from importer.statuses import Status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def rows_of(page: str) -> list[list[object]]:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    rows: list[list[object]] = json.loads(text)
    return rows


def test_the_page_is_for_its_owner_only_and_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("older")
    path.chmod(0o644)
    assert write_page(path, CONTENTS) == path
    assert oct(path.stat().st_mode & 0o777) == oct(0o600)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.html"]


def test_lines_that_break_off_leave_the_older_page(tmp_path: Path) -> None:
    def lines() -> Iterator[list[tuple[object, ...]]]:
        yield [LINE]
        raise OSError(28, "No space left on device")

    path = tmp_path / "report.html"
    path.write_text("older")
    with pytest.raises(ReportError, match="No space left"):
        write_page(path, replace(CONTENTS, lines=lines()))  # type: ignore[arg-type]
    assert path.read_text() == "older"


def test_no_foreign_text_becomes_markup_and_all_of_it_is_there_as_data(tmp_path: Path) -> None:
    page = write_page(tmp_path / "report.html", hostile_contents()).read_text(encoding="utf-8")
    outside = page.partition('<script type="module">')[0]
    assert "<img" not in page.partition("<script")[0]
    assert outside.count("<script") == 2
    assert "document.title='run'</script>" not in page
    assert "<a href" not in re.sub(r'<a href="#[a-z]+"|<a class="skip" href="#rows"', "", outside)
    assert [row[7] for row in rows_of(page)] == list(HOSTILE)
    assert [row[9] for row in rows_of(page)] == [[text, "plain"] for text in HOSTILE]
    assert not re.search("[\u202a-\u202e\u2028\x1b\x00]", page.partition("<script")[0])


def test_the_policy_allows_the_script_and_the_styles_of_this_file_and_nothing_else(tmp_path: Path) -> None:
    page = write_page(tmp_path / "report.html", CONTENTS).read_text(encoding="utf-8")
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    (script,) = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    hashes = [b64encode(sha256(text.encode()).digest()).decode() for text in (script, style)]
    assert policy.replace("&#39;", "'") == (
        f"default-src 'none'; script-src 'sha256-{hashes[0]}'; style-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert " style=" not in page.partition("<script")[0]
    assert page.index("Content-Security-Policy") < page.index("<style>")


def test_the_same_contents_make_the_same_bytes(tmp_path: Path) -> None:
    pages = [write_page(tmp_path / name, hostile_contents()).read_bytes() for name in ("a.html", "b.html")]
    assert pages[0] == pages[1]


def test_a_page_that_is_shortened_says_so(tmp_path: Path) -> None:
    counts = {("rootly", Status.CREATED): 60_000}
    page = write_page(tmp_path / "report.html", replace(CONTENTS, counts=counts)).read_text(encoding="utf-8")
    assert "This run has 60,000 records. Here are the first 50,000" in page


def test_rows_are_taken_one_chunk_at_a_time(tmp_path: Path) -> None:
    """Memory stays flat: a chunk is asked for only when the one before is on its way to the file."""
    taken: list[int] = []

    def lines() -> Iterator[list[tuple[object, ...]]]:
        for number, chunk in enumerate(many_lines(5000, [Status.CREATED])):
            taken.append(number)
            yield chunk

    contents = replace(CONTENTS, lines=lines())  # type: ignore[arg-type]
    pieces = _chunks(contents.sheets, contents.lines)
    next(pieces)
    assert taken == [0]
    assert len(rows_of(write_page(tmp_path / "report.html", contents).read_text(encoding="utf-8"))) == 4000


def test_a_page_of_a_short_run_is_small(tmp_path: Path) -> None:
    """It can be attached to a ticket, or sent by mail: 300 KB is what a run of 32 rows may weigh."""
    lines = many_lines(32, [Status.CREATED, Status.INVALID])
    page = write_page(tmp_path / "report.html", replace(CONTENTS, lines=lines))  # type: ignore[arg-type]
    assert page.stat().st_size < 100_000
