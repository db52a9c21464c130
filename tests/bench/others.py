"""Item 8: the same rows by other tools, how fast, and what became of them when answers were lost."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from .figures import in_turns
from .kit import CONCURRENCY
from .losing import Lost, lose
from .sources import write_csv
from .table import table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .kit import Kit
    from .processes import Spent

_ROWS = 1000
_LOST = 20
_HEADER = (
    "tool",
    "rows/s",
    "whole, s",
    "not there",
    "there twice",
    "there, but not told",
    "told, but not there",
    "exit",
)


@dataclass(frozen=True, slots=True)
class Tool:
    """Something else that could send the rows."""

    name: str
    command: list[str]  #: with ORIGIN where the address stands
    created: Callable[[Spent], int]  #: how many rows it says were created
    missing: str = ""  #: what is not installed


def others(kit: Kit) -> str:
    """Measure every tool that is installed; give the table, and a line for each that is not."""
    source = write_csv(kit.folder, kit.rows(_ROWS))
    known = tools(kit, source)
    installed = [tool for tool in known if not tool.missing]
    speeds = in_turns(kit.rounds, {tool.name: partial(kit.post, tool.command) for tool in installed}, kit.tell)
    lines = []
    for tool in installed:
        kit.tell(f"losing {_LOST} answers: {tool.name}")
        spent = [one for one, _ in speeds[tool.name]]
        rates = [posted.rate for _, posted in speeds[tool.name]]
        lost = lose(kit, tool.command, source, _LOST)
        figures = (f"{median(rates):,.0f}", f"{median(one.seconds for one in spent):.1f}")
        lines.append((tool.name, *figures, *_lost_cells(tool, lost)))
    absent = [f"Not installed: {tool.name} ({tool.missing})." for tool in known if tool.missing]
    return "\n".join([table(_HEADER, lines), *absent])


def _lost_cells(tool: Tool, lost: Lost) -> tuple[str, ...]:
    told = tool.created(lost.spent)
    there = lost.once + lost.twice
    untold, invented = max(0, there - told), max(0, told - there)
    return (str(lost.missing), str(lost.twice), str(untold), str(invented), str(lost.spent.status))


def tools(kit: Kit, source: Path) -> list[Tool]:
    """List the product and the others, each as it is likely to be used for this."""
    curl = kit.client("curl_config", "ORIGIN", source, CONCURRENCY, kit.folder)
    newman = kit.client("newman_collection", "ORIGIN", source, kit.folder)
    requests = kit.client("requests_threads", "ORIGIN", source, CONCURRENCY)
    dlt = kit.client("dlt_destination", "ORIGIN", source, CONCURRENCY)
    return [
        Tool("oncall-importer run", kit.run_command(source), partial(_report_created, kit.reports)),
        Tool("requests, 50 threads, 3 tries", requests, _printed_created, _without_module("requests")),
        Tool("curl --parallel, 3 retries", curl, _curl_created, _without_command("curl")),
        Tool("newman", newman, partial(_newman_created, kit.folder / "newman.json"), _without_command("newman")),
        Tool("dlt, custom destination", dlt, _printed_created, _without_module("dlt")),
    ]


def _without_module(name: str) -> str:
    return "" if importlib.util.find_spec(name) else f"pip install {name}"


def _without_command(name: str) -> str:
    return "" if shutil.which(name) else f"no {name} on the path"


def _report_created(reports: Path, _spent: Spent) -> int:
    newest = max(reports.glob("*/summary.json"), key=lambda path: path.stat().st_mtime)
    return int(json.loads(newest.read_text(encoding="utf-8"))["statuses"]["created"])


def _printed_created(spent: Spent) -> int:
    found = re.search(r"^(\d+)\s*\Z", spent.output, re.MULTILINE)
    return int(found[1]) if found else 0


def _curl_created(spent: Spent) -> int:
    return spent.output.split().count("201")


def _newman_created(report: Path, _spent: Spent) -> int:
    assertions = json.loads(report.read_text(encoding="utf-8"))["run"]["stats"]["assertions"]
    return int(assertions["total"]) - int(assertions["failed"])
