"""Verifies a run: is everything it created still at the targets, unchanged, and in their calendars? Changes nothing."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urljoin

import anyio

from importer.calendars import ROLES, Ask, Interval, ProgressCallback, RefusedError, Window, merge, rootly
from importer.delivery.source_api import SourceApi, open_source_api
from importer.errors import TargetError, UsageError
from importer.journal.run_folder import LOOK, open_view
from importer.journal.view import View
from importer.kinds import KINDS, Names, RecordKind
from importer.planning.previous_run import Undone, find_earlier
from importer.planning.report_lines import PreviousLine
from importer.planning.rerun_settings import at_its_place, refuse_other_target
from importer.records import Key, TargetName
from importer.reporter.page import add_verified
from importer.reporter.report_csv import write_texts
from importer.session.control import RunControl
from importer.session.endpoints import connect
from importer.settings.options import Settings
from importer.statuses import Status
from importer.targets import TARGETS
from importer.targets.target import EntryList, EntryPage, Page
from importer.wording import iso_utc

_MADE = frozenset({Status.CREATED, Status.EXISTS})
_PATIENCE = 60.0  # seconds until a shift shows in Rootly's calendar
_AnyPage = TypeVar("_AnyPage", Page, EntryPage)
_ASK_AGAIN = 2.0  # seconds between two looks at the calendar

HEADER = (
    "import_row",
    "import_sheet",
    "import_part",
    "import_kind",
    "import_id",
    "verified",
    "difference",
    "calendar",
)


class RecordState(StrEnum):
    """The state of a record since the run created it."""

    THERE = "there"
    CHANGED = "changed"
    GONE = "gone"
    TWICE = "there twice"
    NOT_ASKED = "not known"  #: the target refused to list it


class VerifiedRecord(NamedTuple):
    """One record of the run, and its state at the target now."""

    row: int
    sheet: str
    part: str
    kind: str
    id: str
    words: str  #: the record in words
    verdict: RecordState
    detail: str = ""  #: what is different
    is_rendered: bool | None = None  #: the target's calendar shows it; None if it is not a shift, or does not exist
    hint: str = ""  #: what to do, where an undo took it back or may have

    @property
    def is_good(self) -> bool:
        """True if it is there as it was created, and the calendar shows it if it should."""
        return self.verdict is RecordState.THERE and self.is_rendered is not False

    @property
    def calendar(self) -> str:
        """Whether the calendar shows it, in a word; empty if that does not apply."""
        return {True: "shown", False: "not shown", None: ""}[self.is_rendered]

    @property
    def found(self) -> str:
        """What was found, in words."""
        is_there = self.verdict is RecordState.THERE
        return f"there, {self.calendar} in the calendar" if is_there else self.verdict


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of verifying a run."""

    run: str
    records: tuple[VerifiedRecord, ...]
    folder: Path  #: of the run

    @property
    def wrong(self) -> list[VerifiedRecord]:
        """The records that are not as the run made them."""
        return [record for record in self.records if not record.is_good]

    @property
    def shown(self) -> int:
        """How many records the calendar shows."""
        return sum(record.is_rendered is True for record in self.records)


class _Made(NamedTuple):
    """A record that the run created or found."""

    record: VerifiedRecord  #: as it is before the target was asked
    kind: RecordKind
    key: Key
    groups: tuple[tuple[str, str], ...]  #: the groups that it is in by the run: id, and what to call it
    line: PreviousLine


async def verify(argument: str, settings: Settings, control: RunControl, progress: ProgressCallback) -> Verification:
    """Ask the targets about every record that a run created or found; `argument` is its folder or its name.

    Raises:
        ImporterError: there is no such run, or a target cannot be asked.
    """
    previous = find_earlier(argument, settings.reports, LOOK)
    if not previous.path.is_dir() or previous.info.is_undo:
        what = "an undo" if previous.info.is_undo else "a report, and its cells can have been edited"
        raise UsageError(
            f"{previous.path} is {what}", hint="Name the folder of a run (oncall-importer runs lists them)."
        )
    settings = at_its_place(settings, previous, "it is not in the sandbox")
    refuse_other_target(settings, previous)
    with open_view(previous.path) as view:
        made = list(_read_made(view))
    verified: dict[int, VerifiedRecord] = {}
    for target in TargetName:
        own = {number: one for number, one in enumerate(made) if one.kind.target is target}
        if own:
            verified |= await _verify_at(target, own, settings, control, progress)
    undone = Undone({previous.path.parent, settings.reports})
    records = (_explain(verified[number], made[number], undone) for number in sorted(verified))
    return Verification(previous.run, tuple(records), previous.path)


def _explain(record: VerifiedRecord, made: _Made, undone: Undone) -> VerifiedRecord:
    """Return the record; one that is gone, or not in its group any more, names the undo that took it back."""
    is_gone = record.verdict is RecordState.GONE or (record.verdict is RecordState.CHANGED and made.groups)
    entry = undone.mark(made.line).entry if is_gone else None
    if entry is None or entry.state in _MADE:
        return record
    return record._replace(detail=entry.outcome.error, hint=entry.outcome.hint)


def _read_made(view: View) -> Iterator[_Made]:
    sheets = list(view.sheets())
    known = Names(view.names())
    for sheet, row, entry in view.entries():
        if entry.state in _MADE and entry.key is not None and (kind := KINDS.get(entry.kind or "")):
            about = kind.describe(entry.key, known)
            where = (row.number, sheets[sheet].name, entry.part)
            record = VerifiedRecord(*where, kind.name, entry.outcome.id, about, RecordState.NOT_ASKED)
            groups = tuple((group, known.show("group", group)) for group in entry.bound)
            yield _Made(record, kind, entry.key, groups, PreviousLine(sheets[sheet], row, entry))


async def _verify_at(
    target: TargetName, made: Mapping[int, _Made], settings: Settings, control: RunControl, progress: ProgressCallback
) -> dict[int, VerifiedRecord]:
    """Ask a target about records, by their numbers; return them with their state now."""
    described = TARGETS[target]
    api = SourceApi(target.title(), described.rate, described.headers, described.authorization)
    scopes: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number, one in made.items():
        scopes[one.kind.name, one.kind.scope(one.key)].append(number)

    verified: dict[int, VerifiedRecord] = {}
    async with (
        connect([target], settings) as connections,
        open_source_api(api, connections[target], settings, control.observer, control.interrupted) as ask,
    ):
        for done, ((kind, scope), numbers) in enumerate(scopes.items(), 1):
            try:
                there = await _list(ask, KINDS[kind], scope)
            except RefusedError as error:
                words = f"{api.name} refuses to list it ({error})"
                verified |= {number: made[number].record._replace(detail=words) for number in numbers}
            else:
                verified |= {number: _judge(made[number], there) for number in numbers}
            progress(done, len(scopes), "lists")
        if described.grouping is not None:
            await _look_at_groups(ask, described.grouping.members, verified, made)
        if target is TargetName.ROOTLY:
            await _look_at_calendar(ask, verified, made)
    return verified


async def _list(ask: Ask, kind: RecordKind, scope: str) -> dict[str, Key | None]:
    """Return the keys of a scope's objects, by id; None for an object that cannot be one of our records."""
    there: dict[str, Key | None] = {}
    async for page in _pages(ask, kind.list_path(scope), lambda payload: kind.read_page(payload, scope), kind.plural):
        there |= dict.fromkeys(page.ids - there.keys())
        there |= {found.id: found.key for found in page.found}
    return there


async def _pages(ask: Ask, path: str, read: Callable[[Any], _AnyPage], what: str) -> AsyncIterator[_AnyPage]:
    seen: set[str] = set()
    after: str | None = path
    while after is not None:
        try:
            page = read(await ask(after))
        except ValueError as error:
            hint = "Verify again; if it stays so, report this as a bug."
            raise TargetError(f"a list of {what} cannot be read: {error}", hint=hint) from error
        yield page
        after = urljoin(after, page.next) if page.next and page.ids - seen else None
        seen |= page.ids


async def _look_at_groups(
    ask: Ask, members: Callable[[str], EntryList], verified: dict[int, VerifiedRecord], made: Mapping[int, _Made]
) -> None:
    """Note which records are not in a group in which the run left them."""
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for number in verified:
        for one in made[number].groups:
            groups[one].append(number)
    for (group, name), numbers in groups.items():
        listed = members(group)
        state, words, ids = RecordState.CHANGED, f"it is not in {name} any more", set[str]()
        try:
            async for page in _pages(ask, listed.path, listed.read_page, listed.what):
                ids |= page.ids
        except RefusedError as error:
            state, words = RecordState.NOT_ASKED, f"whether it is in {name} could not be asked ({error})"
        for number in numbers:
            record = verified[number]
            if record.verdict is not RecordState.GONE and record.id.lower() not in ids:
                detail = "; ".join(filter(None, (record.detail, words)))
                verdict = state if record.verdict is RecordState.THERE else record.verdict
                verified[number] = record._replace(verdict=verdict, detail=detail)


def _judge(one: _Made, there: Mapping[str, Key | None]) -> VerifiedRecord:
    record, key = one.record, there.get(one.record.id)
    same = sorted(id_ for id_, other in there.items() if other == one.key)
    if len(same) > 1:
        words = f"it is there {len(same)} times: {', '.join(same)}"
        return record._replace(verdict=RecordState.TWICE, detail=words)
    if record.id in same:
        return record._replace(verdict=RecordState.THERE)
    if record.id in there:
        removal = one.kind.removal
        words = removal.differences(one.key, key) if removal and key is not None else "its values have changed"
        return record._replace(verdict=RecordState.CHANGED, detail=words)
    if same:
        return record._replace(verdict=RecordState.CHANGED, detail=f"it is there under another id: {same[0]}")
    return record._replace(verdict=RecordState.GONE, detail="the target does not list it any more")


async def _look_at_calendar(ask: Ask, verified: dict[int, VerifiedRecord], made: Mapping[int, _Made]) -> None:
    """Note whether the rendered calendar shows each existing shift; wait a while, because it updates late."""
    shifts: dict[str, list[tuple[int, Interval]]] = defaultdict(list)
    for number, record in verified.items():
        kind, key = made[number].kind, made[number].key
        if record.verdict is RecordState.THERE and kind.shift is not None and kind.name in ROLES:
            shift = kind.shift(key)
            span = Interval(shift.schedule, shift.user, ROLES[kind.name], shift.starts_at, shift.ends_at)
            shifts[shift.schedule].append((number, span))
    seen: dict[int, bool] = {}
    deadline = anyio.current_time() + _PATIENCE
    while True:
        for schedule, wanted in list(shifts.items()):
            left = [(number, one) for number, one in wanted if not seen.get(number)]
            try:
                seen |= await _rendered(ask, schedule, left) if left else {}
            except RefusedError as error:  # nothing is known of its calendar, now or later
                words = f"Rootly refuses to show the calendar of this schedule ({error})"
                refused = {number: verified[number]._replace(is_rendered=False, detail=words) for number, _ in left}
                verified |= refused
                del shifts[schedule]
                seen = {number: is_seen for number, is_seen in seen.items() if number not in refused}
        if all(seen.values()) or anyio.current_time() >= deadline:
            break
        await anyio.sleep(_ASK_AGAIN)
    verified |= {number: verified[number]._replace(is_rendered=is_seen) for number, is_seen in seen.items()}


async def _rendered(ask: Ask, schedule: str, wanted: Sequence[tuple[int, Interval]]) -> dict[int, bool]:
    window = Window(min(one.start for _, one in wanted), max(one.end for _, one in wanted))
    found = await rootly.shifts(ask, schedule, window)
    shown = merge(rootly.interval(one, schedule, str(one["attributes"].get("user_id"))) for one in found)
    return {
        number: any(
            (one.person, one.role) == (other.person, other.role) and other.start <= one.start and one.end <= other.end
            for other in shown
        )
        for number, one in wanted
    }


def write_verification(path: Path, verification: Verification) -> Path:
    """Write a line for each record as CSV; return the file's final path.

    Raises:
        ReportError: the file could not be written.
    """
    rows = [
        (str(one.row), one.sheet, one.part, one.kind, one.id, one.verdict, one.detail, one.calendar)
        for one in verification.records
    ]
    return write_texts(path, HEADER, rows)


def add_to_page(verification: Verification) -> list[Path]:
    """Put the result into the run's page; return the page, or nothing if the run has none.

    Raises:
        ReportError: the page could not be written.
    """
    rows = [(one.sheet, str(one.row), one.kind, one.id, one.words, one.found, one.detail) for one in verification.wrong]
    page = verification.folder / "report.html"
    moment = iso_utc(int(time.time())).replace("T", " ").replace("Z", " UTC")
    return [page] if add_verified(page, len(verification.records), verification.shown, rows, moment) else []
