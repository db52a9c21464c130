"""Makes a run's report files, and the result of a command, from the journal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, count, islice
from pathlib import Path, PurePath

from importer.errors import ImporterError, JournalError, ReportError
from importer.journal.journal import Journal
from importer.journal.run_folder import JOURNAL_FILE, RunFolder, restore_folder
from importer.journal.run_info import RunInfo, RunStage
from importer.kinds import KINDS, SHIFTS
from importer.notice import Notice, NoticeLevel
from importer.records import ReportLine, Severity
from importer.reporter.columns import shadow_cells
from importer.reporter.junit import write_junit
from importer.reporter.marked_cells import write_marked
from importer.reporter.page import write_page
from importer.reporter.page_contents import read_contents
from importer.reporter.report_csv import write_csv
from importer.reporter.report_xlsx import with_findings, write_xlsx
from importer.reporter.summary_json import SUMMARY_FILE, summarize, write_summary
from importer.result import Result
from importer.settings.options import FailOn, Settings
from importer.statuses import Status
from importer.wording import count_of, iso_utc, seconds_between

_XLSX_ROWS = 20_000  # beyond that, report.xlsx is made only with --xlsx
_MOST_PARTS = 3  # of a source's path in the name of its workbook
_not_in_names = re.compile(r"[^\w .()-]")
_MOST = 1000  # problems, and findings, in a result; the report has all of them


def make_report(folder: RunFolder, settings: Settings, stopped: dict[str, str], *, is_interrupted: bool) -> Result:
    """Make the report's files from the journal; they can be made again from it at any time."""
    journal, path = folder.journal, folder.path
    files: list[Path] = []
    restored = ""
    info = journal.info()
    again = f"undo {info.undone_path} again" if info.is_undo else f"rerun {path}"
    try:
        if restore_folder(folder):
            restored = f"{path} was removed while the run was in progress; it was made again from its journal"
            journal.add_notice(Notice(restored, NoticeLevel.WARNING))
        journal.change_info(stage=RunStage.ENDED, finished_at=iso_utc(datetime.now(UTC)))
        files.append(write_csv(path / "report.csv", journal.sheets(), journal.lines(), info.mapping_id))
        if settings.xlsx or journal.count_rows() <= _XLSX_ROWS:
            workbook = _write_workbook(path / "report.xlsx", journal, info, settings)
            files.extend([workbook] if workbook else [])
        if settings.mend_by_source:
            files.append(_write_by_source(path / "mend", journal, info, settings))
    except (JournalError, ReportError) as error:
        # Every outcome is safe, in the journal or in doubt there, unless that was removed with its folder.
        is_safe = (path / JOURNAL_FILE).exists()
        rest = f"; {again} makes it again" if is_safe else f". {error.hint}"
        stopped["report"] = f"{error.message}{rest}"
    if settings.junit is not None:
        files += _write_junit(settings.junit, path.name, journal, stopped)
    page, notice = _try_page(folder, settings, stopped, is_interrupted=is_interrupted)
    result = make_result(
        journal,
        run=path.name,
        folder=path,
        files=[*files, *page],
        stopped=stopped,
        is_interrupted=is_interrupted,
        notice=". ".join(filter(None, (restored, notice))),
        undone=info.undone_path,
        fails_on_warnings=settings.fail_on is FailOn.WARNING,
        seconds=seconds_between(info.started_at, journal.info().finished_at),
    )
    with suppress(ReportError):
        write_summary(path / SUMMARY_FILE, summarize(journal, result))
    return result


def _write_workbook(
    path: Path, journal: Journal, info: RunInfo, settings: Settings, only: Collection[int] | None = None
) -> Path | None:
    """Write all lines to a workbook, or those of some sheets, by their indices."""
    sheets = journal.sheets()
    places = sorted(range(len(sheets)) if only is None else only)
    numbers = {sheet: number for number, sheet in enumerate(places)}
    own = [sheets[place] for place in places]
    counts: Counter[tuple[str, Status]] = Counter()

    def lines() -> Iterator[ReportLine]:
        for line in journal.lines(None if only is None else places):
            counts[KINDS[line.kind].target if line.kind else "", line.outcome.status] += 1
            yield line._replace(sheet=numbers[line.sheet])

    shifts = (one for one in journal.shift_times(list(SHIFTS)) if only is None or one[0] in only)
    findings = (replace(one, sheet=numbers[one.sheet]) for one in journal.findings() if one.sheet in numbers)
    return write_xlsx(
        path,
        own,
        lines(),
        info,
        findings=findings,
        counts=counts,
        shadow_times=shadow_cells(journal.sheets(), shifts, journal.names()),
        warnings=_warnings(journal, only),
        contact=settings.contact or "",
        known=journal.known(),
    )


def _warnings(journal: Journal, only: Collection[int] | None) -> list[str]:
    """List the kinds of warnings with their numbers and, for all sheets together, the notices about the run."""
    topics = Counter(
        finding.problem.topic
        for finding in journal.findings()
        if finding.severity is Severity.WARNING and (only is None or finding.sheet in only)
    )
    notices = journal.notices() if only is None else []
    lines = [f"{topic}: {count_of(number, 'row')}" for topic, number in topics.items()]
    return lines + [notice.text for notice in notices if notice.level is not NoticeLevel.INFO]


def _write_by_source(folder: Path, journal: Journal, info: RunInfo, settings: Settings) -> Path:
    """Write a workbook for each source of a run, with the source's name, into one folder; return the folder."""
    sheets: dict[str, list[int]] = {}
    for index, sheet in enumerate(journal.sheets()):
        sheets.setdefault(sheet.original, []).append(index)
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, own in zip(_names_apart(list(sheets)), sheets.values(), strict=True):
        _write_workbook(folder / f"{name}.xlsx", journal, info, settings, own)
    return folder


def _names_apart(sources: Sequence[str]) -> Iterator[str]:
    """Yield a name for each source's workbook: the source's own, with its folders if several have the same."""
    found = [PurePath(source.replace("\\", "/")) for source in sources]
    paths = [path.with_name(path.stem) if path.name else path for path in found]
    stems = Counter(path.name.casefold() for path in paths)
    taken: set[str] = set()
    for path in paths:
        parts = path.parts[-_MOST_PARTS:] if stems[path.name.casefold()] > 1 else (path.name,)
        plain = _not_in_names.sub("_", "-".join(part for part in parts if part.strip("/."))).strip(" .-") or "source"
        names = chain((plain,), (f"{plain} ({number})" for number in count(2)))
        name = next(one for one in names if one.casefold() not in taken)
        taken.add(name.casefold())
        yield name


def _try_page(
    folder: RunFolder, settings: Settings, stopped: Mapping[str, str], *, is_interrupted: bool
) -> tuple[list[Path], str]:
    """Make report.html; if that fails, return why: no outcome is lost with it."""
    try:
        contents = read_contents(folder, settings, stopped, is_interrupted=is_interrupted)
        page = write_page(folder.path / "report.html", contents)
    except ImporterError as error:
        why, hint = f": {error.message}", error.hint
    except Exception as error:
        why, hint = f" ({type(error).__name__})", ""
    else:
        return [page], ""
    where = "report.csv" if (folder.path / "report.csv").exists() else "the run's journal"
    return [], f"report.html was not made{why}. Every outcome is in {where}. {hint}".strip()


def _write_junit(file: Path, run: str, journal: Journal, stopped: dict[str, str]) -> list[Path]:
    try:
        return [write_junit(file, f"oncall-importer {run}", journal.sheets(), journal.lines())]
    except (JournalError, ReportError) as error:
        stopped["junit"] = error.message
        return []


def make_check(
    journal: Journal, settings: Settings, output: Path | None, stopped: Mapping[str, str], *, is_interrupted: bool
) -> Result:
    """Make the result of a check; `output` is a workbook to write, with the sources and all findings marked.

    Raises:
        ReportError, UsageError: the workbook cannot be written.
    """
    sheets = journal.sheets()
    rows = with_findings(journal.rows(), lambda row: (row[0], row[1].number), journal.findings())
    marked = None if output is None else write_marked(output, sheets, rows)
    files = [marked.path] if marked else []
    if settings.junit is not None:
        files.append(write_junit(settings.junit, "oncall-importer check", sheets, journal.lines(), is_check=True))
    return make_result(
        journal,
        stopped=stopped,
        is_interrupted=is_interrupted,
        files=files,
        notice=marked.notice if marked else "",
        fails_on_warnings=settings.strict or settings.fail_on is FailOn.WARNING,
        unresolved=journal.count_unresolved(),
    )


def make_result(journal: Journal, **facts: object) -> Result:
    """Make a result from the journal."""
    sheets = journal.sheets()
    in_doubt = [line.outcome for line in journal.lines_of([Status.UNKNOWN])]
    return Result(
        journal.count_rows(),
        journal.counts(),
        [(sheets[line.sheet], line) for line in journal.wrong_lines(_MOST)],
        sources=len({sheet.source for sheet in sheets}),
        findings=[(sheets[finding.sheet], finding) for finding in islice(journal.findings(), _MOST)],
        topics=journal.topics(),
        kinds=journal.finding_kinds(),
        doubled=journal.count_doubled(),
        to_put_back=sum(outcome.is_to_put_back for outcome in in_doubt),
        to_undo_again=sum(outcome.is_to_undo_again for outcome in in_doubt),
        names=journal.names(),
        **facts,  # type: ignore[arg-type]  # by name
    )
