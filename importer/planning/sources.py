"""Finds the sources, folders and patterns included, and loads them, or what an earlier run left, into a journal.

Asks no target and sends nothing: source --read--> rows --normalize--> journal
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections import abc
from collections.abc import Sequence
from contextlib import aclosing, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import orjson

from importer.cells import WORKBOOKS
from importer.errors import InterruptedReadingError, SettingsError, SourceError, SourcesError, UsageError
from importer.journal.journal import Journal
from importer.journal.run_info import RunInfo
from importer.normalizer.header import is_known_header, rate_header
from importer.normalizer.mapping import NO_MAPPING, Mapping, make_rules
from importer.normalizer.mapping_file import read_mapping
from importer.normalizer.suggestions import refuse_lost_headers
from importer.notice import Notice, NoticeLevel, ReadingObserver
from importer.planning.loader import Loader
from importer.planning.previous_run import LeftOver, PreviousRun
from importer.reader.limits import Bounds
from importer.reader.read import Source, read, read_on_thread, spool
from importer.reporter.pulled_tables import HEADERS
from importer.settings.config_file import read_config_file
from importer.settings.options import Settings
from importer.settings.origins import name_as_set
from importer.wording import LONGEST_QUOTE, count_of, escape, is_unicode, keep_end, list_first

_EARLIER_MAPPING = "the mapping of the earlier run"
_SOURCES = "Pass the path of a file, - for standard input, or a pandas DataFrame."
_NAME_FILES = "Correct the path, or name the files."
_ENDINGS = (".csv", ".csv.gz", ".tsv", ".txt", *WORKBOOKS)  # of files in a folder
_MOST_LISTED = 5  # files that a notice names


def make_loader(
    journal: Journal,
    settings: Settings,
    mapping: Mapping,
    observer: ReadingObserver,
    *,
    run: str,
    is_resolving: bool = True,
    is_repeated: bool = False,
) -> Loader:
    """Make the loader of a journal; `is_repeated` says that an earlier run has read the rows before."""
    rules = make_rules(
        mapping,
        timezone=settings.timezone,
        provider=settings.provider,
        date_order=settings.date_order,
        until=settings.until,
        now=datetime.now(UTC),
        origins=settings.origins,
    )
    return Loader(
        journal,
        replace(rules, is_repeated=is_repeated),
        run,
        observer,
        is_resolving=is_resolving,
        hidden_rows=settings.hidden_rows,
        hidden_by=name_as_set("hidden_rows", settings.origins),
    )


async def gather_sources(loader: Loader, expanded: Expanded, settings: Settings, interrupted: anyio.Event) -> None:
    """Load sources.

    Raises:
        SourceError: a source cannot be read, or holds nothing to import.
        SettingsError: the mapping names a header that no source has.
        InterruptedReadingError: the user ended it.
    """
    for notice in expanded.notices:
        loader.notice(notice)
    sources, mapping = expanded.sources, loader.rules.mapping
    rows = 0
    unreadable: list[SourceError] = []
    sizes = [_size_of(source) for source in sources]
    for index, source in enumerate(sources):
        before, refused, seen = rows, len(loader.refused + loader.empty), len(loader.sheets)
        with await spool(source, interrupted, make_bounds(settings)) or nullcontext() as stdin:
            reading = read(
                source,
                sheets=settings.sheet,
                stdin=stdin,
                is_header=partial(rate_header, mapping=mapping),
                is_known=partial(is_known_header, mapping=mapping),
                header_row=mapping.header_row,
                encoding=settings.encoding,
                bounds=make_bounds(settings),
            )
            try:
                async with aclosing(read_on_thread(reading, interrupted)) as chunks:
                    async for number in loader.take_source(reading, chunks, is_one_of_several=len(sources) > 1):
                        rows += number
                        done = sum(sizes[:index]) + sizes[index] * reading.share
                        loader.observer.advanced(done / sum(sizes))
                        loader.observer.read(rows)
                        await let_signals_in(interrupted)
            except SourceError as error:  # the others are still read, so that all errors are reported together
                unreadable.append(error)
                continue
            if rows == before and len(loader.refused + loader.empty) == refused and not loader.has_skipped:
                named = name_source(source)
                why, hint = f"{named} has a header and no rows", "Fill in at least one row."
                is_pulled = all(sheet.header in HEADERS for sheet in loader.sheets[seen:])
                if reading.name in loader.left_out_by_mapping:
                    why, hint = f"the mapping leaves out every row of {named}", "Correct the mapping."
                    is_pulled = False
                (loader.empty if is_pulled else unreadable).append(SourceError(why, hint=hint))
    unreadable += [] if rows else loader.empty
    if not unreadable:  # otherwise a header may be in a source that was not read
        refuse_lost_headers(mapping, _shown_mapping(settings.mapping), loader.sheets)
    _refuse([*unreadable, *loader.refused])


def _size_of(source: Source) -> int:
    """Return the size of a file, as its share of the progress; 1 if it is not a file."""
    try:
        return max(1, Path(source).stat().st_size) if isinstance(source, str | os.PathLike) else 1
    except (OSError, ValueError):  # reading it will say why
        return 1


def _refuse(errors: Sequence[SourceError]) -> None:
    if len(errors) > 1:
        raise SourcesError(errors)
    for error in errors:
        raise error


async def gather_left_over(loader: Loader, previous: PreviousRun, settings: Settings, interrupted: anyio.Event) -> None:
    """Load what an earlier run left.

    Raises: as `gather_sources`.
    """
    rows = 0
    lines = LeftOver(previous, settings.reports)
    for number in loader.take_left_over(lines):
        rows += number
        loader.observer.read(rows)
        await let_signals_in(interrupted)
    if previous.journal_folder is None:  # reported once it is known to be a report
        words = (
            f"{previous.path} is read without the options of {previous.run or 'its run'}, because its journal is "
            "neither beside it nor in the reports folder, or is damaged; if the run had options, give them again"
        )
        loader.notice(Notice(words, NoticeLevel.WARNING))
    if not rows:
        raise SourceError(f"{previous.path} has no rows", hint="Give a report that has rows.")
    if settings.mapping is not None:  # otherwise it is the run's own, and was checked then
        refuse_lost_headers(loader.rules.mapping, _shown_mapping(settings.mapping), loader.sheets)
    for notice in lines.notices():
        loader.notice(notice)
    for name, path, sha256 in previous.sources():
        loader.journal.add_source(name, path, sha256)
    loader.journal.add_known(previous.known(), is_listed=False)


class UsedMapping(NamedTuple):
    """A mapping, and what a run keeps of it."""

    rules: Mapping = NO_MAPPING
    text: str = ""  #: TOML; JSON if a caller of the library gave a dict; empty if there is none
    id: str = ""  #: the first 12 hex digits of its SHA-256, as `import_mapping` says it


def load_mapping(given: Path | abc.Mapping[str, Any] | None, previous: RunInfo | None = None) -> UsedMapping:
    """Read a mapping file; without one, take over the mapping of an earlier run.

    Raises:
        SettingsError: it cannot be read.
    """
    if given is None:
        if previous is None or not previous.mapping:
            return UsedMapping()
        text = previous.mapping
        written = orjson.loads(text) if text.startswith("{") else text
        return UsedMapping(read_mapping(written, _EARLIER_MAPPING), text, previous.mapping_id)
    if not isinstance(given, Path):
        rules = read_mapping(given, _shown_mapping(given))
        text = orjson.dumps(given, option=orjson.OPT_SORT_KEYS).decode()
        return UsedMapping(rules, text, _digest(text.encode()))
    content = read_config_file(given, _shown_mapping(given))
    if content is None:
        raise SettingsError(
            f"there is no mapping file {given}", hint="Correct the path, or write one with: oncall-importer map SOURCE"
        )
    return UsedMapping(read_mapping(content, _shown_mapping(given)), content, _digest(given.read_bytes()))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]


def _check_sources(sources: Sequence[object]) -> None:
    """Check that each source is of a type that can be one."""
    if not sources:
        raise UsageError("no source was given", hint=_SOURCES)
    for source in sources:
        if isinstance(source, list | tuple | set | frozenset):
            raise UsageError(
                f"a {type(source).__name__} is not a source", hint="Pass several sources one by one: run(*sources)."
            )
        name = os.fspath(source) if isinstance(source, str | os.PathLike) else "-"
        is_other = not isinstance(source, str | os.PathLike) and not hasattr(source, "itertuples")
        if name == "" or isinstance(name, bytes) or is_other:
            raise UsageError(f"{escape(repr(source), 80)} is not a source", hint=_SOURCES)
        if name != "-" and not is_unicode(str(Path(name).absolute())):
            raise SourceError(
                f"the path {escape(name)} is not valid UTF-8", hint="Rename that file, or the folder it is in."
            )


class Expanded(NamedTuple):
    """The sources that folders and patterns stand for."""

    sources: tuple[Source, ...]
    notices: tuple[Notice, ...]  #: what was found, and what was left out


def expand_sources(sources: Sequence[Source]) -> Expanded:
    """Replace folders, and patterns such as `teams/*.xlsx`, by their files, in the order of their names.

    Hidden and temporary files are left out; so are a folder's subfolders and other files than CSV and workbooks. A file
    that several of them find is read once. The name of an existing file is never a pattern.

    Raises:
        UsageError: there is no source, or one is neither a path nor a DataFrame.
        SourceError: one of them finds no file, or a file's name is not UTF-8.
    """
    _check_sources(sources)
    found: list[Source] = []
    notices: list[Notice] = []
    seen: set[str] = set()
    for source in sources:
        name = os.fspath(source) if isinstance(source, str | os.PathLike) else "-"
        if name == "-" or "\0" in name or not is_several(name):
            found.append(source)
            seen |= set() if name == "-" or "\0" in name else {os.path.realpath(name)}
            continue
        paths = _list_files(name, notices)
        new = [path for path in paths if os.path.realpath(path) not in seen]
        if again := [path for path in paths if path not in new]:
            notices.append(Notice(f"{_shown(name)}: given twice, and read once: {_listed(again)}"))
        seen |= set(map(os.path.realpath, new))
        found += map(str, new)
    return Expanded(tuple(found), tuple(notices))


def is_several(name: str) -> bool:
    """Return whether a name is that of a folder, or a pattern of names."""
    return Path(name).is_dir() or (glob.has_magic(name) and not os.path.lexists(name))


def _list_files(name: str, notices: list[Notice]) -> list[Path]:
    """List the files of a folder or a pattern, and note what is left out."""
    given = Path(name)
    is_folder = given.is_dir()
    try:
        # Path.glob does not accept an absolute pattern.
        found = given.iterdir() if is_folder else map(Path, glob.glob(name, recursive=True, include_hidden=True))  # noqa: PTH207
        paths = sorted(found)
    except OSError as error:
        raise SourceError(f"{_shown(name)} cannot be opened: {error.strerror}", hint=_NAME_FILES) from None
    hidden = [path for path in paths if _is_hidden(path, given)]
    folders = [path for path in paths if path not in hidden and path.is_dir()]
    files = [path for path in paths if path not in hidden and path not in folders]
    others = [path for path in files if is_folder and not path.name.casefold().endswith(_ENDINGS)]
    files = [path for path in files if path not in others]
    if hidden:
        notices.append(Notice(f"{_shown(name)}: hidden and temporary files are left out: {_listed(hidden)}"))
    if others:
        words = f"{_shown(name)}: what is neither a CSV file nor a workbook is left out: {_listed(others)}"
        notices.append(Notice(words, NoticeLevel.LEFT_OUT))
    if folders and "**" not in name:
        deeper = _shown(str((given if is_folder else folders[0]) / "**" / "*.xlsx"))
        words = f"{_shown(name)}: folders are left out: {_listed(folders)}; '{deeper}' finds what is in them"
        notices.append(Notice(words, NoticeLevel.LEFT_OUT))
    if not files:
        nothing = f"there is no CSV file and no workbook in {_shown(name)}"
        raise SourceError(nothing if is_folder else f"no file matches {_shown(name)}", hint=_NAME_FILES)
    notices.append(Notice(f"{_shown(name)}: {count_of(len(files), 'file')}: {_listed(files)}"))
    return files


def _is_hidden(path: Path, given: Path) -> bool:
    """Return whether a file is hidden, in a hidden folder that was not named, or a program's temporary file."""
    parts = set(path.parts) - set(given.parts) - {".", ".."}
    return (
        any(part.startswith(".") for part in parts) or path.name.startswith("~$") or path.name.endswith(("~", ".tmp"))
    )


def _listed(paths: Sequence[Path]) -> str:
    return list_first([_shown(str(path)) for path in paths], _MOST_LISTED)


def _shown(path: str) -> str:
    return escape(path, 200)


def name_source(source: Source) -> str:
    """Name a source as the user did."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else "DataFrame"


def locate_source(source: Source) -> str:
    """Name a source so that a later run finds it again."""
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        return name if name == "-" else str(Path(name).absolute())
    return "DataFrame"


def _shown_mapping(given: Path | abc.Mapping[str, Any] | None) -> str:
    """Name a mapping so that its file's own name stays visible when a message cuts it."""
    text = str(given) if isinstance(given, Path) else _EARLIER_MAPPING if given is None else "the mapping"
    return keep_end(text, LONGEST_QUOTE)


def make_bounds(settings: Settings) -> Bounds:
    """Return how large a source may be."""
    return Bounds(
        bytes=settings.max_bytes, rows=settings.max_rows, columns=settings.max_columns, cell=settings.max_cell
    )


async def let_signals_in(interrupted: anyio.Event) -> None:
    """Let signals come through between two chunks of rows.

    Raises:
        InterruptedReadingError: the user ended the command.
    """
    await anyio.lowlevel.checkpoint()
    if interrupted.is_set():
        raise InterruptedReadingError
