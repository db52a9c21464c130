"""Sources, or what an earlier run left, to a journal that is ready to send from. Sends nothing.

source --read--> rows --normalize--> journal --ask for ids--> --find duplicates and overlaps--> ready
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from importer.delivery.listing import look_up
from importer.errors import InterruptedReadingError, SettingsError, SourceError, SourcesError, UsageError
from importer.normalizer.directory import Directory, Group, Person
from importer.normalizer.layout import is_header
from importer.normalizer.mapping import NO_MAPPING, Mapping, read_mapping, refuse_lost_headers
from importer.normalizer.rules import make_rules
from importer.planning.loader import Loader
from importer.planning.overlaps import tell_overlaps
from importer.planning.previous_run import left_over
from importer.quoting import escape
from importer.reader.limits import Bounds
from importer.reader.read import read
from importer.reader.stdin import spool
from importer.records import TargetName
from importer.session.endpoints import connect
from importer.settings.origins import read_config_file
from importer.targets.opal import takes_no_schedules

if TYPE_CHECKING:
    from collections import abc
    from collections.abc import Collection, Sequence

    from importer.delivery.listing import LookedUp
    from importer.journal.journal import Journal
    from importer.journal.run_folder import RunFolder
    from importer.normalizer.rules import Rules
    from importer.planning.previous_run import PreviousRun
    from importer.reader.read import Source
    from importer.session.control import RunControl
    from importer.settings import Settings


_EARLIER_MAPPING = "the mapping of the earlier run"
_SOURCES = "Pass the path of a file, - for standard input, or a pandas DataFrame."
_LONGEST_NAME = 80  # characters; messages cut what is longer, at its end

_ASKING = {
    TargetName.ROOTLY: "asking Rootly for the ids of the users and schedules that rows name",
    TargetName.OPAL: "asking Opal for the groups that rows name",
}


async def gather_sources(
    journal: Journal,
    sources: Sequence[Source],
    settings: Settings,
    mapping: Mapping,
    control: RunControl,
    *,
    run: str,
    is_resolving: bool = True,
) -> dict[str, str]:
    """Take sources in; `is_resolving` asks the target for the ids of what rows name.

    Gives the targets that could not be asked, and why; what waits for their answer stays pending.

    Raises:
        SourceError: a source cannot be read, or holds nothing to import.
        SettingsError: the mapping names what no source has, or a token that is needed is not set.
    """
    rules = _rules(settings, mapping)
    intake = Loader(journal, rules, run, control.observer, is_resolving=is_resolving)
    rows = 0
    unreadable: list[SourceError] = []
    for source in sources:
        before = rows
        with await spool(control.interrupted) if name_source(source) == "-" else nullcontext() as stdin:
            reading = read(
                source,
                sheets=settings.sheet,
                stdin=stdin,
                is_header=partial(is_header, mapping=mapping),
                header_row=mapping.header_row,
                bounds=make_bounds(settings),
            )
            try:
                for number in intake.take_source(reading):
                    rows += number
                    control.observer.read(rows)
                    await _let_signals_in(control)
            except SourceError as error:  # the others are read all the same, so that all is told at once
                unreadable.append(error)
                continue
            if rows == before and not intake.refused:
                unreadable.append(
                    SourceError(f"{name_source(source)} has a header and no rows", hint="fill in at least one row")
                )
    if not unreadable:  # else a header may stand in what was not read
        refuse_lost_headers(mapping, _shown_mapping(settings.mapping), intake.mapped, intake.headers)
    _refuse([*unreadable, *intake.refused])
    stopped = await _resolve(intake, settings, control) if is_resolving else {}
    _finish(journal, rules, run, control)
    return stopped


def _refuse(errors: Sequence[SourceError]) -> None:
    if len(errors) > 1:
        raise SourcesError(errors)
    for error in errors:
        raise error


async def gather_left_over(
    folder: RunFolder, previous: PreviousRun, settings: Settings, mapping: Mapping, control: RunControl
) -> dict[str, str]:
    """Take in what an earlier run left.

    Gives and raises: as `gather_sources`.
    """
    rules = replace(_rules(settings, mapping), is_repeated=True)
    journal, run = folder.journal, folder.path.name
    intake = Loader(journal, rules, run, control.observer)
    rows = 0
    if previous.is_without_journal:
        control.observer.noticed(
            f"{previous.path} is read without the mapping and options of {previous.run or 'its run'}, whose journal is "
            "neither beside it nor among the reports; where that had some, give --mapping and the options again"
        )
    for number in intake.take_left_over(left_over(previous)):
        rows += number
        control.observer.read(rows)
        await _let_signals_in(control)
    if not rows:
        raise SourceError(f"{previous.path} has no rows", hint="give a report that has some")
    if settings.mapping is not None:  # else it is the run's own, and that was looked at
        refuse_lost_headers(mapping, _shown_mapping(settings.mapping), intake.mapped, intake.headers)
    for name, path, sha256 in previous.sources():
        journal.add_source(name, path, sha256)
    stopped = await _resolve(intake, settings, control)
    _finish(journal, rules, run, control)
    return stopped


def load_mapping(given: Path | abc.Mapping[str, Any] | None, previous: str = "") -> Mapping:
    """Read a mapping file; without one, take over what an earlier run wrote down.

    Raises:
        SettingsError: it cannot be read.
    """
    if given is None:
        return read_mapping(previous, _EARLIER_MAPPING) if previous else NO_MAPPING
    if not isinstance(given, Path):
        return read_mapping(given, _shown_mapping(given))
    text = read_config_file(given, _shown_mapping(given))
    if text is None:
        raise SettingsError(
            f"there is no mapping file {given}", hint="Correct the path, or write one with: oncall-importer map SOURCE"
        )
    return read_mapping(text, _shown_mapping(given))


def check_sources(sources: Sequence[object]) -> None:
    """See that each source is something that can be one.

    Raises:
        UsageError: there is none, or one is neither a path nor a DataFrame.
        SourceError: a file's name is not UTF-8.
    """
    if not sources:
        raise UsageError("no source was given", hint=_SOURCES)
    for source in sources:
        if isinstance(source, list | tuple | set | frozenset):
            raise UsageError(
                f"a {type(source).__name__} is not a source", hint="Pass several sources one by one: run(*sources)."
            )
        if not (isinstance(source, str | os.PathLike) or hasattr(source, "itertuples")):
            raise UsageError(f"{escape(repr(source), 80)} is not a source", hint=_SOURCES)
        name = os.fspath(source) if isinstance(source, str | os.PathLike) else ""
        if (name == "" and isinstance(source, str)) or isinstance(name, bytes):
            raise UsageError(f"{escape(repr(source), 80)} is not a source", hint=_SOURCES)
        try:
            (name if name == "-" else str(Path(name).absolute())).encode()
        except UnicodeEncodeError:
            raise SourceError(
                f"the path {escape(name)} is not valid UTF-8", hint="Rename that file, or the folder it is in."
            ) from None


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
    """Name a mapping so that its file's own name stays to be seen where messages cut it."""
    text = str(given) if isinstance(given, Path) else _EARLIER_MAPPING if given is None else "the mapping"
    return text if len(text) <= _LONGEST_NAME else f"…{text[1 - _LONGEST_NAME :]}"


def _rules(settings: Settings, mapping: Mapping) -> Rules:
    return make_rules(
        mapping,
        timezone=settings.timezone,
        provider=settings.provider,
        date_order=settings.date_order,
        until=settings.until,
        now=datetime.now(UTC),
    )


def make_bounds(settings: Settings) -> Bounds:
    """Give how large a source may be."""
    return Bounds(
        bytes=settings.max_bytes, rows=settings.max_rows, columns=settings.max_columns, cell=settings.max_cell
    )


async def _resolve(intake: Loader, settings: Settings, control: RunControl) -> dict[str, str]:
    """Ask the targets for what some row names by something else than its id."""
    stopped: dict[str, str] = {}
    for target, lists in intake.needed.targets.items():
        control.observer.noticed(_ASKING[target])
        async with connect([target], settings) as connections:
            found = await look_up(
                target,
                connections[target],
                settings,
                lists=lists,
                observer=control.observer,
                interrupted=control.interrupted,
            )
        await _let_signals_in(control)
        if why_not := _why_not(found, lists):
            intake.leave_unresolved(target, why_not)
            stopped[target] = why_not
            continue
        for _ in intake.resolve(target, _directory(found)):
            await _let_signals_in(control)
    return stopped


def _why_not(found: LookedUp, lists: Collection[str]) -> str:
    """Say why nothing can be looked up now; empty where it can, or where it never will."""
    wanted = [getattr(found, what) for what in lists]
    missing = [listing.words for listing in wanted if listing.entries is None and not listing.refused]
    return found.words if found.reason is not None else next(iter(missing), "")


def _directory(found: LookedUp) -> Directory:
    users, schedules, groups = found.users.entries, found.schedules.entries, found.groups.entries
    return Directory(
        None if users is None else [Person(entry.id, entry.name, entry.email) for entry in users],
        None if schedules is None else [(entry.id, entry.name) for entry in schedules],
        None if groups is None else [Group(one.id, one.name, one.type, takes_no_schedules(one.type)) for one in groups],
        no_users=found.users.words,
        no_schedules=found.schedules.words,
        no_groups=found.groups.words,
    )


def _finish(journal: Journal, rules: Rules, run: str, control: RunControl) -> None:
    journal.finish_reading()
    tell_overlaps(journal, rules.mapping.checks.overlap, run, control.observer)


async def _let_signals_in(control: RunControl) -> None:
    await anyio.lowlevel.checkpoint()
    if control.interrupted.is_set():
        raise InterruptedReadingError("interrupted while reading; nothing was sent", hint="start it again")
