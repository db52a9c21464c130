"""What cannot be run is refused in one clear sentence: exit status 2, nothing sent, no folder left behind."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from .command import Done, Workplace, table
from .front import CANARY
from .sources import schedules

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "good.csv"
REPORT = "report-of-a-run.csv"
TOKENS = {"OPAL_TOKEN": CANARY, "ROOTLY_TOKEN": CANARY}
NOWHERE = {
    "OPAL_BASE_URL": "https://127.0.0.1:9/v1",
    "ROOTLY_BASE_URL": "https://127.0.0.1:9",
    "IMPORTER_BREAKER_TIMEOUT": "0",
}


@dataclass(frozen=True)
class Case:
    """A command that is refused, and words that its sentence must have."""

    arguments: list[str]
    words: list[str]
    variables: dict[str, str] = field(default_factory=lambda: TOKENS)
    stdin: bytes = b""


RUN = {
    "missing": Case(["run", "nosuch.csv"], ["nosuch.csv", "does not exist"]),
    "empty": Case(["run", "empty.csv"], ["empty.csv", "is empty"]),
    "header-only": Case(["run", "header.csv"], ["header.csv", "no rows"]),
    "header-only-among-good": Case(["run", GOOD, "header.csv"], ["header.csv", "no rows"]),
    "unknown-columns": Case(
        ["run", "unknown.csv"], ["unknown.csv", "lacks the columns that make a record", "Colour, Shoe size"]
    ),
    "unclosed-quote": Case(["run", "quote.csv"], ["quote.csv", "line 3", "quote"]),
    "unreadable": Case(["run", "loop.csv"], ["loop.csv", "could not be read"]),
    "folder-without-sources": Case(["run", "nothing"], ["there is no CSV file and no workbook in nothing"]),
    "pattern-without-files": Case(["run", "teams/*.xlsx"], ["no file matches teams/*.xlsx"]),
    "pdf": Case(["run", "rota.pdf"], ["rota.pdf", "PDF"]),
    "broken-workbook": Case(["run", "broken.xlsx"], ["broken.xlsx"]),
    "no-such-sheet": Case(["run", "two.xlsx", "--sheet", "Rota"], ["two.xlsx", '"Rota"']),
    "empty-input": Case(["run", "-"], ["standard input", "is empty"]),
    "report-to-run": Case(["run", REPORT], [REPORT, "report of an earlier run", "rerun"]),
    "source-to-rerun": Case(["rerun", GOOD], [GOOD, "not a report", "run"]),
    "no-such-run": Case(["rerun", "20260101-000000"], ["20260101-000000"]),
    "folder-of-no-run": Case(["rerun", "."], ["journal.sqlite3"]),
    "no-token": Case(["run", GOOD], ["OPAL_TOKEN", "not set", "--sandbox"], {}),
    "empty-token": Case(["run", GOOD], ["OPAL_TOKEN", "not set"], {"OPAL_TOKEN": ""}),
    "no-token-online": Case(["check", GOOD, "--online"], ["OPAL_TOKEN", "not set"], {}),
    "token-with-a-line-end": Case(["run", GOOD], ["OPAL_TOKEN"], {"OPAL_TOKEN": f"{CANARY}\nX-Evil: 1"}),
    "token-with-an-accent": Case(["run", GOOD], ["ROOTLY_TOKEN"], {"ROOTLY_TOKEN": f"{CANARY}é"}),
    "http-opal": Case(["run", GOOD], ["OPAL_BASE_URL", "https"], {**TOKENS, "OPAL_BASE_URL": "http://api.example.com"}),
    "http-rootly": Case(
        ["run", GOOD], ["ROOTLY_BASE_URL", "https"], {**TOKENS, "ROOTLY_BASE_URL": "http://10.0.0.1/v1"}
    ),
    "user-in-url": Case(
        ["run", GOOD], ["ROOTLY_BASE_URL", "@"], {**TOKENS, "ROOTLY_BASE_URL": "https://api.rootly.com@evil.example"}
    ),
    "rate-without-number": Case(["run", GOOD, "--rate", "opal=fast"], ["opal=fast", "opal=50/s"]),
    "rate-of-nothing": Case(["run", GOOD, "--rate", "opal=0/s"], ["opal=0/s"]),
    "rate-of-nobody": Case(["run", GOOD, "--rate", "pagerduty=5/s"], ["pagerduty=5/s"]),
    "concurrency-0": Case(["run", GOOD, "--concurrency", "0"], ["concurrency", "1"]),
    "concurrency-of-words": Case(["run", GOOD, "--concurrency", "many"], ["--concurrency", "many"]),
    "if-exists": Case(["run", GOOD, "--if-exists", "shout"], ["--if-exists", "skip, fail"]),
    "zone": Case(["run", GOOD, "--timezone", "Mars/Olympus"], ["Mars/Olympus", "Europe/Berlin"]),
    "provider": Case(["run", GOOD, "--provider", "VICTOROPS"], ["VICTOROPS", "PAGER_DUTY or OPSGENIE"]),
    "setting-of-no-such-name": Case(["run", GOOD], ["importer.toml", "colour"]),
    "authorities": Case(["run", GOOD, "--ca-file", "no.pem"], ["--ca-file: no.pem: No such file"], TOKENS),
    "authorities-of-a-variable": Case(
        ["run", GOOD], ["IMPORTER_CA_FILE: no.pem: No such file"], {**TOKENS, "IMPORTER_CA_FILE": "no.pem"}
    ),
    "no-source": Case(["run"], ["SOURCE"]),
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Done, list[str]]]:
    """Every case in a folder of its own; what each left: its words, and what lies in the folder."""
    results = {}
    for name, case in RUN.items():
        place = Workplace(tmp_path_factory.mktemp(name), **NOWHERE)
        make_sources(place.path, name)
        done = place.run(*case.arguments, stdin=case.stdin, variables=case.variables)
        results[name] = done, sorted(str(path.relative_to(place.path)) for path in place.path.rglob("reports/*"))
    return results


def make_sources(folder: Path, name: str) -> None:
    """Make what the cases name."""
    texts = {
        GOOD: table(schedules(3)),
        REPORT: table([["import_row", "import_status", "remote_id"], ["2", "created", "P1"]]),
        "empty.csv": "",
        "header.csv": table(schedules(0)),
        "unknown.csv": "Colour,Shoe size\nBerg,41\n",
        "quote.csv": 'third_party_provider,remote_id\nOPSGENIE,1\nOPSGENIE,"2\nOPSGENIE,3\n',
        "rota.pdf": "%PDF-1.7\n",
        "broken.xlsx": "PK\x03\x04 and no more",
    }
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="utf-8", newline="")
    (folder / "nothing").mkdir()
    (folder / "loop.csv").symlink_to("loop.csv")  # the mode alone would not keep root out
    if name == "no-such-sheet":
        import openpyxl

        openpyxl.Workbook().save(folder / "two.xlsx")
    if name == "setting-of-no-such-name":
        (folder / "importer.toml").write_text('colour = "blue"\n')


@pytest.mark.parametrize("name", RUN)
def test_it_is_refused_in_one_clear_sentence(refused: dict[str, tuple[Done, list[str]]], name: str) -> None:
    done, left = refused[name]
    assert done.status == 2, done
    assert done.out == ""
    assert all(words in done.err for words in RUN[name].words), done.err
    assert "Traceback" not in done.err
    assert done.err.lower().count("error:") == 1
    assert done.err.startswith("Usage:") or len(done.err.splitlines()) <= 2  # what happened, and what to do
    assert CANARY not in done.err
    assert left == []


def test_only_what_the_source_needs_must_be_set(refused: dict[str, tuple[Done, list[str]]]) -> None:
    """A source of schedules asks for no token of Rootly's."""
    assert "ROOTLY" not in refused["no-token"][0].err


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_source_that_may_not_be_read_is_refused(place: Workplace) -> None:
    place.write("mine.csv", schedules(1)).chmod(0)
    done = place.run("run", "mine.csv", "--sandbox")
    assert done.status == 2
    assert "mine.csv" in done.err
    assert place.runs == []


def test_a_refused_rerun_leaves_the_earlier_run_as_it_was(place: Workplace) -> None:
    """An edited report that has lost what makes it one."""
    first = place.run("run", place.write(GOOD, schedules(2)), "--sandbox")
    runs = place.runs
    report = place.path / first.run / "report.csv"
    report.write_text(report.read_text(encoding="utf-8-sig").replace("import_status", "Status"), encoding="utf-8")
    done = place.run("rerun", report)
    assert done.status == 2
    assert "is not a report" in done.err
    assert place.runs == runs
