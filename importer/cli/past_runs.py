"""Runs of the past, as texts for people and as objects for programs. Prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from rich.table import Table
from rich.text import Text

from importer.cli.findings import TONE_STYLES, place_of_line
from importer.commands.history import PastRun, Stage
from importer.records import ReportLine, Sheet
from importer.settings.options import write_setting
from importer.statuses import Status, possible_statuses
from importer.wording import escape, keep_end, list_first

NARROW = 70  #: columns of a terminal that a table of runs needs
_WIDE = 150  # columns of a terminal with room for the begin, the run before and the source in columns of their own
_LONG, _SHORT = 40, 20  # characters of a source's name in a wide and in a narrow table
_STAGES = {Stage.ENDED: "", Stage.INTERRUPTED: "yellow", Stage.RUNNING: "cyan", Stage.DAMAGED: "red"}


def runs_table(runs: Sequence[PastRun], width: int) -> Table:
    """Return the table of runs for a terminal; in a narrow one only the name shows the time."""
    names, rows = _cells(runs, is_wide=width >= _WIDE)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in names:  # a run's name must stay whole, to be copied
        side: Literal["left", "right"] = "right" if name == "took" else "left"
        table.add_column(name, overflow="fold", justify=side, no_wrap=name == "run")
    for cells in rows:
        table.add_row(*cells)
    return table


def run_cards(runs: Sequence[PastRun]) -> Iterator[Text]:
    """Return the runs for a terminal too narrow for a table."""
    for run in runs:
        cells = _run_cells(run, is_wide=False)
        yield Text(cells["run"].plain, style="bold")
        yield Text("  ") + Text(", ").join(cells[name] for name in ("what", "stage", "took") if cells[name])
        yield from (Text("  ") + line for line in cells["records"].split("\n"))


def run_lines(runs: Sequence[PastRun]) -> Iterator[str]:
    """Return the table for a file or a pipe: each run complete, on a line of its own."""
    names, rows = _cells(runs, is_wide=True)
    texts = [names, *([cell.plain for cell in cells] for cells in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for line in texts:
        yield "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()


def _cells(runs: Sequence[PastRun], *, is_wide: bool) -> tuple[list[str], list[list[Text]]]:
    if is_wide:
        names = ["run", "what", "began (UTC)", "took", "stage", "of", "source", "records"]
    else:
        names = ["run", "what", "took", "stage", "records"]
    return names, [[cells[name] for name in names] for cells in (_run_cells(run, is_wide=is_wide) for run in runs)]


def _run_cells(run: PastRun, *, is_wide: bool) -> dict[str, Text]:
    origin = escape(run.origin)
    records = _records(run) if is_wide or not origin else f"{_records(run)}, {escape(run.info.command)} of {origin}"
    return {
        "run": Text(escape(run.name)),
        "what": Text(escape(run.info.command) or "?"),
        "began (UTC)": Text(escape(run.info.started_at[:16].replace("T", " "))),
        "took": Text(duration(run.seconds)),
        "stage": _stage(run),
        "of": Text(origin),
        "source": Text(_sources(run, _LONG)),
        "records": Text(records if is_wide else "\n".join(filter(None, (records, _sources(run, _SHORT))))),
    }


def _stage(run: PastRun) -> Text:
    status = f" ({run.exit_status})" if run.stage is Stage.ENDED and run.exit_status else ""
    return Text(f"{run.stage}{status}", style=_STAGES[run.stage])


def _records(run: PastRun) -> str:
    """Count the records by status, or say why that is not possible."""
    if run.fault:
        return escape(run.fault)
    return ", ".join(f"{number:,} {_name(run, status)}" for status, number in run.statuses.items()) or "none"


def _name(run: PastRun, status: Status) -> str:
    """Name a status; during a run nothing is unknown yet."""
    return "on their way" if status is Status.UNKNOWN and run.stage is Stage.RUNNING else status.value


def _sources(run: PastRun, longest: int) -> str:
    """Name the first source by the end of its path, and count the others."""
    return list_first([keep_end(escape(name), longest) for name, _ in run.sources], 1)


def duration(seconds: float | None) -> str:
    """Write a duration for people: `3 s`, `4 min 10 s`, `2 h 5 min`; empty if it is not known."""
    if seconds is None:
        return ""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def object_of_run(run: PastRun) -> dict[str, object]:
    """Return one run."""
    possible = possible_statuses(is_undo=run.info.command == "undo")
    return {
        "type": "run",
        "run": run.name,
        "folder": str(run.path),
        "command": run.info.command or None,
        "stage": run.stage,
        "rerun_of": run.info.rerun_of or None,
        "undo_of": run.info.undo_of or None,
        "sources": [name for name, _ in run.sources],
        "started_at": run.info.started_at or None,
        "finished_at": run.info.finished_at or None,
        "seconds": run.seconds,
        "rows": run.rows,
        "statuses": {status.value: run.statuses.get(status, 0) for status in possible},
        "exit_status": run.exit_status,
        "is_sandbox": run.info.is_sandbox,
        "error": run.fault or None,
    }


def object_of_details(run: PastRun) -> dict[str, object]:
    """Return one run with all details."""
    return {
        **object_of_run(run),
        "version": run.info.version or None,
        "sources": [{"name": name, "sha256": sha256 or None} for name, sha256 in run.sources],
        "base_urls": dict(run.info.base_urls),
        "options": run.options,
        "targets": {name: dict(counts) for name, counts in run.targets.items()},
        "stopped": dict(run.stopped),
        "files": [str(run.path / name) for name in run.files],
    }


def detail_lines(run: PastRun) -> Iterator[Text]:
    """Return the lines that describe one run, without its rows."""
    for name, text in _facts(run):
        if text:
            yield Text.assemble((f"{name + ':':<10}", "bold"), text)
    for what, why in run.stopped.items():
        yield Text(f"stopped:  {escape(what)}: {escape(why, 1000)}", style="red")


def _facts(run: PastRun) -> Iterator[tuple[str, str | Text]]:
    yield "run", escape(run.name)
    yield "what", escape(run.info.command) + (f" of {escape(run.origin)}" if run.origin else "")
    yield "stage", _stage_with_hint(run)
    yield "began", escape(run.info.started_at)
    yield "ended", escape(run.info.finished_at)
    yield "took", duration(run.seconds)
    yield "version", escape(run.info.version)
    for name, sha256 in run.sources:
        yield "source", escape(name, 4096) + (f"  SHA-256 {escape(sha256)}" if sha256 else "")
    for target, url in run.info.base_urls.items():
        yield "target", f"{escape(target)} at {escape(url)}"
    for name, value in run.options.items():
        yield "option", escape(write_setting(name, value), 4096)
    yield "rows", "" if run.fault else f"{run.rows:,}"
    for target, counts in run.targets.items():
        known = ((Status(status), number) for status, number in counts.items() if status in set(Status))
        shown = (f"{number:,} {_name(run, status)}" for status, number in known)
        yield "records", f"{escape(target)}: {', '.join(shown)}"
    yield "folder", escape(str(run.path), 4096)
    yield "files", escape(", ".join(run.files), 4096)
    yield "damaged", escape(run.fault, 1000)
    yield "hint", escape(run.hint, 1000)


def _stage_with_hint(run: PastRun) -> Text:
    """Return the run's stage, and what to do if it did not finish."""
    text = _stage(run)
    if run.stage is Stage.RUNNING and run.info.pid:
        text.append(f" (process {escape(run.info.pid)})")
    elif run.stage is Stage.INTERRUPTED:
        text.append(f"; {f'undo {escape(run.info.undo_of)}' if run.info.undo_of else 'rerun'} continues it")
    return text


def row_line(sheet: Sheet, line: ReportLine, *, about: str = "") -> Text:
    """Return the line with the outcome of one row; `about` says what it is about, names before ids."""
    outcome = line.outcome
    words = ": ".join(filter(None, (escape(about, 300), escape(outcome.id), escape(outcome.error, 300))))
    where = f"{place_of_line(sheet, line)}{': ' if words else ''}"
    text = Text.assemble((f"{outcome.status} ", TONE_STYLES[outcome.status.tone]), where, words)
    if outcome.hint:
        text.append(f" ({escape(outcome.hint, 300)})", style="dim")
    return text
