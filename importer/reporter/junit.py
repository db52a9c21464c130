"""The report as JUnit XML, for continuous integration: a suite for each sheet, a case for each row.

Follows the schema of Jenkins' xUnit plugin (junit-10.xsd), the strictest in use.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from html import escape as escape_xml  # the XML five, and a tenth of a sax module's time to import
from itertools import groupby
from pathlib import Path
from typing import IO, BinaryIO

from importer.errors import UsageError
from importer.journal.run_folder import JOURNAL_FILE
from importer.records import ReportLine, Sheet
from importer.reporter.atomic_file import is_source, is_special, replace_file
from importer.statuses import Status, Tone
from importer.wording import escape

_LONGEST = 1000  # characters of a text
_BLOCK = 1 << 16  # bytes that are copied at a time
_ELEMENTS = {Tone.DOUBT: "error", Tone.WAITING: "skipped"}  # every other status that needs attention is a failure
_COUNTED = {"tests": "tests", "failures": "failure", "errors": "error", "skipped": "skipped"}


def check_junit_path(path: Path | None, sources: Iterable[str] = ()) -> None:
    """Check that the file can be written later: its folder exists, and it is neither a source nor in a run's folder.

    Raises:
        UsageError: it cannot.
    """
    if path is None:
        return
    for is_wrong, what in (
        (path.is_dir(), "it is a folder"),
        (path.is_socket(), "it is a socket"),
        (not path.parent.is_dir(), f"there is no folder {path.parent}"),
    ):
        if is_wrong:
            raise UsageError(f"{path} cannot be the JUnit file: {what}", hint="Name a file in a folder that is there.")
    if (path.parent / JOURNAL_FILE).exists():
        raise UsageError(
            f"{path} cannot be the JUnit file: {path.parent} is a run's folder, whose files are its own",
            hint="Name a file in another folder with --junit.",
        )
    for source in sources:
        if is_source(path, source):
            raise UsageError(f"{path} is the source itself and was not changed", hint="Name another file with --junit.")


def write_junit(
    path: Path, name: str, sheets: Sequence[Sheet], lines: Iterable[ReportLine], *, is_check: bool = False
) -> Path:
    """Write the lines, one by one as they come; return the file's final path.

    In a check, pending rows are good ones.

    Raises:
        ReportError: the file could not be written; an older one is still there.
    """
    folder = None if is_special(path) else path.parent
    return replace_file(path, lambda file: _write(file, folder, name, sheets, lines, is_check=is_check))


def _write(
    file: BinaryIO,
    folder: Path | None,
    name: str,
    sheets: Sequence[Sheet],
    lines: Iterable[ReportLine],
    *,
    is_check: bool,
) -> None:
    """Write the cases to a temporary file first: their count precedes them, and sheets can alternate in a report."""
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)  # by suite: cases of each sort
    stretches: defaultdict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)  # where they begin, and end
    # A suite can have several sheets: rows of one can stand in several tables of a report.
    suites = [(sheet.source, sheet.name) for sheet in sheets]
    # In a class name, dots separate packages.
    stems = [Path(sheet.source).stem.replace(".", "_") or "source" for sheet in sheets]
    classes = [_attribute(f"{stem}.{sheet.name}") for stem, sheet in zip(stems, sheets, strict=True)]
    with tempfile.TemporaryFile(prefix=".junit-", dir=folder) as scratch:
        at = 0
        for index, own in groupby(lines, key=lambda line: line.sheet):
            begin, suite = at, suites[index]
            for line in own:
                status = line.outcome.status
                is_wrong = status.needs_attention and not (is_check and status is Status.PENDING)
                element = _ELEMENTS.get(status.tone, "failure") if is_wrong else ""
                counts[suite].update(("tests", element))
                at += scratch.write(_case(line, sheets[index], classes[index], element).encode())
            stretches[suite].append((begin, at))
        total: Counter[str] = sum(counts.values(), Counter())
        numbers = " ".join(f'{key}="{total[_COUNTED[key]]}"' for key in ("tests", "failures", "errors"))
        file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name={_attribute(name)} {numbers}>\n'.encode())
        for suite in dict.fromkeys(suites):
            numbers = " ".join(f'{key}="{counts[suite][element]}"' for key, element in _COUNTED.items())
            source, sheet_name = map(_attribute, suite)
            file.write(f"<testsuite name={sheet_name} {numbers} file={source}>\n".encode())
            for begin, end in stretches[suite]:
                scratch.seek(begin)
                file.writelines(_parts(scratch, end - begin))
            file.write(b"</testsuite>\n")
        file.write(b"</testsuites>\n")


def _parts(scratch: IO[bytes], length: int) -> Iterator[bytes]:
    while length and (part := scratch.read(min(length, _BLOCK))):
        length -= len(part)
        yield part


def _case(line: ReportLine, sheet: Sheet, class_name: str, element: str) -> str:
    name = _attribute(f"row {line.row}, part {line.part}") if line.part else f'"row {line.row}"'
    start = f'<testcase classname={class_name} name={name} time="0"'
    outcome = line.outcome
    if not element:
        if not outcome.hint:
            return f"{start}/>\n"
        return f"{start}><system-out>{escape_xml(escape(outcome.hint, _LONGEST))}</system-out></testcase>\n"
    message = _attribute(outcome.error or outcome.status.value)
    details = {
        "cell": sheet.name_cells(outcome.cell),
        "hint": outcome.hint,
        "HTTP status": str(outcome.http_status or ""),
    }
    texts = [outcome.error, *(f"{name}: {text}" for name, text in details.items() if text)]
    body = "\n".join(escape_xml(escape(text, _LONGEST)) for text in texts if text)
    return f'{start}><{element} type="{outcome.status.value}" message={message}>{body}</{element}></testcase>\n'


def _attribute(text: str) -> str:
    """Quote a foreign text as an attribute: one line, without characters that XML does not allow."""
    return f'"{escape_xml(escape(text, _LONGEST))}"'
