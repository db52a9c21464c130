"""Runs with the made-up kind: its two files are found as if they lay in the package; nothing else is told of them."""

from __future__ import annotations

import csv
import json
import sys
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from openpyxl import Workbook

import importer.sandbox.api

if TYPE_CHECKING:
    from importer.result import Result

HERE = Path(__file__).parent
# The package looks for its kinds when it is imported, so the folder must be known before.
SPEC = find_spec("importer.kinds")
assert SPEC is not None
assert SPEC.loader is not None
assert SPEC.submodule_search_locations is not None
SPEC.submodule_search_locations.append(str(HERE / "kinds"))
sys.modules[SPEC.name] = module_from_spec(SPEC)
SPEC.loader.exec_module(sys.modules[SPEC.name])
importer.sandbox.api.__path__.append(str(HERE / "handlers"))


async def main(folder: Path) -> dict[str, object]:
    """Run twice, undo, and write a template; return what each came to."""
    from importer.reporter.template import write_template

    source, reports = folder / "plan.csv", folder / "reports"
    first = await importer.run(source, sandbox=True, reports=reports)
    lines = _lines(first)
    second = await importer.run(source, sandbox=True, reports=reports)
    undone = await importer.undo(first.folder or reports, sandbox=True, reports=reports)
    template = write_template(folder / "template.csv").read_text(encoding="utf-8-sig")
    workbook = Workbook()
    workbook.active.append(["schedule_id", "handed_to", "handed_at"])
    workbook.active.append(["primary", 101, "2027-03-01T08:00Z"])
    workbook.active["B2"].number_format = "0%"
    workbook.save(folder / "plan.xlsx")
    checked = await importer.check(folder / "plan.xlsx")
    return {
        "percentage": [line.outcome.error for _, line in checked.problems],
        "first": lines,
        "second": [line["import_status"] for line in _lines(second)],
        "undone": [line["import_status"] for line in _lines(undone)],
        "template": template,
    }


def _lines(result: Result) -> list[dict[str, str]]:
    assert result.folder
    with (result.folder / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    print(json.dumps(anyio.run(main, Path(sys.argv[1]))))
