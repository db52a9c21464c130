"""report.html comes with every run, tells of its requests, and never costs an outcome."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from .command import Workplace
    from .front import Front

HEADER = ["schedule_id", "shadowable_type", "shadowable_id", "shadow_user_id", "starts_at", "ends_at", "note"]


def shadow(user: str, note: str = "", *, ends_at: str = "2027-03-01T18:00:00Z") -> list[str]:
    return ["sched-1", "User", "101", user, "2027-03-01T08:00:00Z", ends_at, note]


def rows_of(page: Path) -> list[list[object]]:
    (text,) = re.findall(r'id="data">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)
    rows: list[list[object]] = json.loads(text)
    return rows


def test_a_run_has_a_page_with_its_rows_its_requests_and_its_shadows(online: Workplace, front: Front) -> None:
    hostile = "</script><img src=x onerror=alert(1)>"
    source = online.write("roster.csv", [HEADER, shadow("201", hostile), shadow("202", ends_at="never")])
    done = online.run("run", source.name)
    path = online.path / done.run / "report.html"
    assert done.status == 1
    assert f"report: {done.run}/report.html" in done.out
    assert json.loads((path.parent / "summary.json").read_text())["files"][-1] == "report.html"
    assert oct(path.stat().st_mode & 0o777) == oct(0o600)
    page = path.read_text(encoding="utf-8")
    assert [(row[1], row[4]) for row in rows_of(path)] == [(2, "created"), (3, "invalid")]
    assert [row[9][-1] for row in rows_of(path)] == [hostile, ""]  # type: ignore[index]
    assert hostile not in page
    assert f"<strong>rootly</strong>: {len(front.requests)} requests" in page
    assert front.variables["ROOTLY_BASE_URL"] in page
    assert "oncall-importer run roster.csv<" in page
    assert str(online.path) not in page
    assert "1 of 2 records needs attention" in page
    assert "Shifts on schedule sched-1, by day" in page


def test_a_rerun_has_a_page_of_its_own_with_the_earlier_successes_and_its_own_requests(
    online: Workplace, front: Front
) -> None:
    first = online.run("run", online.write("roster.csv", [HEADER, shadow("201"), shadow("202", ends_at="never")]))
    before = len(front.requests)
    again = online.run("rerun", first.run)
    page = online.path / again.run / "report.html"
    assert [row[4] for row in rows_of(page)] == ["created", "invalid"]
    text = page.read_text(encoding="utf-8")
    assert f"<dt>Rerun of</dt><dd>{first.run.rpartition('/')[2]}</dd>" in text
    made = len(front.requests) - before
    assert (
        (f"<strong>rootly</strong>: {made} requests" in text) if made else ("No request of this run is known" in text)
    )


def test_a_page_that_cannot_be_made_costs_neither_outcome_nor_report_and_is_said(online: Workplace) -> None:
    source = online.write("roster.csv", [HEADER, shadow("201")])
    broken = online.path / "broken"
    (broken / "jinja2").mkdir(parents=True)
    (broken / "jinja2" / "__init__.py").write_text("raise RuntimeError('broken')")
    variables = {"PYTHONPATH": f"{broken}:{online.variables['PYTHONPATH']}"}
    done = online.run_process("run", source, variables=variables)
    assert done.status == 0
    assert "report.html was not made (RuntimeError). Every outcome is in report.csv." in done.out
    assert [line["import_status"] for line in online.lines(done.run)] == ["created"]
    objects = online.run_process("rerun", done.run, "--json", variables=variables)
    assert "report.html was not made" in json.loads(objects.out.splitlines()[-1])["notice"]


def test_the_command_line_does_not_load_what_only_a_page_needs(online: Workplace) -> None:
    code = "import sys, importer.cli; print(sorted({'jinja2', 'icalendar'} & set(sys.modules)))"
    probe = [sys.executable, "-c", code]
    assert subprocess.check_output(probe, cwd=online.path, env=online.variables) == b"[]\n"
