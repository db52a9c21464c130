"""summary.json says what it was given, in that order."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from importer.records import TargetName
from importer.reporter.summary_json import write_summary
from importer.statuses import Status

if TYPE_CHECKING:
    from pathlib import Path


def test_the_summary_keeps_its_order_and_is_indented(tmp_path: Path) -> None:
    path = write_summary(tmp_path / "summary.json", {"run": "r1", "counts": {"opal": {"created": 2}}, "again": None})
    assert path.read_text(encoding="utf-8") == (
        '{\n  "run": "r1",\n  "counts": {\n    "opal": {\n      "created": 2\n    }\n  },\n  "again": null\n}\n'
    )


def test_statuses_targets_and_times_are_written_as_their_texts(tmp_path: Path) -> None:
    summary = {"counts": {TargetName.OPAL: {Status.CREATED: 2}}, "at": datetime(2026, 3, 29, 1, tzinfo=UTC)}
    path = write_summary(tmp_path / "summary.json", summary)
    assert json.loads(path.read_bytes()) == {"counts": {"opal": {"created": 2}}, "at": "2026-03-29T01:00:00+00:00"}


def test_a_source_whose_name_is_no_text_does_not_lose_the_summary(tmp_path: Path) -> None:
    path = write_summary(tmp_path / "summary.json", {"sources": [{"name": "caf\udce9.csv"}]})
    assert json.loads(path.read_bytes()) == {"sources": [{"name": r"caf\udce9.csv"}]}
