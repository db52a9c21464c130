"""The report as JUnit XML, for the readers of a continuous integration: a suite for each sheet, a case for each row.

Written as the schema of Jenkins' xUnit plugin (junit-10.xsd) asks, the strictest that is in use.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from html import escape as escape_xml  # the XML five, and a tenth of a sax module's time to import
from itertools import groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple

from importer.errors import UsageError
from importer.journal.run_folder import JOURNAL_FILE
from importer.quoting import escape
from importer.reporter.atomic_file import is_source, is_special, replace_file
from importer.statuses import Status, Tone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from importer.records import ReportLine, Sheet


_LONGEST = 1000  # characters of a text
_BLOCK = 1 << 16  # bytes that are copied at a time
_ELEMENTS = {Tone.DOUBT: "error", Tone.WAITING: "skipped"}  # every other status that needs attention is a failure
_COUNTED = {"tests": "tests", "failures": "failure", "errors": "error", "skipped": "skipped"}


class _Stretch(NamedTuple):
    """Cases of one sheet that stand behind each other in the scratch file."""

    begins: int
    length: int


def check_junit_path(path: Path, sources: Iterable[str]) -> None:
    """See that the file can be written there at the end: its folder is there, it is no source, and in no run's folder.

    Raises:
        UsageError: it cannot.
    """
    if not path.parent.is_dir() or path.is_dir() or path.is_socket():
        what = (
            "it is a folder"
            if path.is_dir()
            else "it is a socket"
            if path.is_socket()
            else f"there is no folder {path.parent}"
        )
        raise UsageError(f"{path} cannot be the JUnit file: {what}", hint="Name a file in a folder that is there.")
    if (path.parent / JOURNAL_FILE).exists():
        raise UsageError(
            f"{path} cannot be the JUnit file: {path.parent} is a run's folder, whose files are its own",
            hint="Name a file in another folder with --junit.",
        )
    for source in sources:
        if is_source(path, source):
            raise UsageError(f"{path} is the source itself, and was left alone", hint="Name another file with --junit.")


def write_junit(
    path: Path, name: str, sheets: Sequence[Sheet], lines: Iterable[ReportLine], *, is_check: bool = False
) -> Path:
    """Write the lines, taken one by one, as they come; give the path the file has in the end.

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
    """Write the cases aside first: how many there are stands before them, and sheets can take turns in a report."""
    with tempfile.TemporaryFile(prefix=".junit-", dir=folder) as scratch:
        stretches, counts = _write_cases(scratch, sheets, lines, is_check=is_check)
        total: Counter[str] = sum(counts.values(), Counter())
        numbers = " ".join(f'{key}="{total[_COUNTED[key]]}"' for key in ("tests", "failures", "errors"))
        file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name={_attribute(name)} {numbers}>\n'.encode())
        for suite, sheet in {_suite(sheet): sheet for sheet in sheets}.items():
            _write_suite(file, sheet, counts[suite], (scratch, stretches[suite]))
        file.write(b"</testsuites>\n")


def _suite(sheet: Sheet) -> tuple[str, str]:
    """Return what makes a suite: rows of one sheet can stand in several tables of a report."""
    return sheet.source, sheet.name


def _write_cases(
    scratch: IO[bytes], sheets: Sequence[Sheet], lines: Iterable[ReportLine], *, is_check: bool
) -> tuple[defaultdict[tuple[str, str], list[_Stretch]], defaultdict[tuple[str, str], Counter[str]]]:
    """Write every case; give where those of each suite stand, and how many of each sort they are."""
    stretches: defaultdict[tuple[str, str], list[_Stretch]] = defaultdict(list)
    counts: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    classes = [_attribute(f"{_stem(sheet.source)}.{sheet.name}") for sheet in sheets]
    at = 0
    for index, own in groupby(lines, key=lambda line: line.sheet):
        suite, begins = _suite(sheets[index]), at
        for line in own:
            element = "" if is_check and line.outcome.status is Status.PENDING else _element(line.outcome.status)
            counts[suite]["tests"] += 1
            counts[suite][element] += 1
            at += scratch.write(_case(line, sheets[index], classes[index], element).encode())
        stretches[suite].append(_Stretch(begins, at - begins))
    return stretches, counts


def _element(status: Status) -> str:
    return _ELEMENTS.get(status.tone, "failure") if status.needs_attention else ""


def _write_suite(file: BinaryIO, sheet: Sheet, counts: Counter[str], cases: tuple[IO[bytes], list[_Stretch]]) -> None:
    numbers = " ".join(f'{key}="{counts[element]}"' for key, element in _COUNTED.items())
    file.write(f"<testsuite name={_attribute(sheet.name)} {numbers} file={_attribute(sheet.source)}>\n".encode())
    scratch, stretches = cases
    for stretch in stretches:
        scratch.seek(stretch.begins)
        file.writelines(_parts(scratch, stretch.length))
    file.write(b"</testsuite>\n")


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
    told = {"cell": sheet.name_cells(outcome.cell), "hint": outcome.hint, "HTTP status": str(outcome.http_status or "")}
    texts = [outcome.error, *(f"{name}: {text}" for name, text in told.items() if text)]
    body = "\n".join(escape_xml(escape(text, _LONGEST)) for text in texts if text)
    return f'{start}><{element} type="{outcome.status.value}" message={message}>{body}</{element}></testcase>\n'


def _attribute(text: str) -> str:
    """Quote a foreign text: one line, no character that XML cannot have."""
    return f'"{escape_xml(escape(text, _LONGEST))}"'


def _stem(source: str) -> str:
    """Name a source in a class name, in which dots part packages."""
    return Path(source).stem.replace(".", "_") or "source"
