"""Whether all that a run made is still at its targets, unchanged, and shows in their calendars. Changes nothing."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import anyio

from importer.calendars import Interval, Role, Window, merge, rootly
from importer.calendars.pulled import RefusedError
from importer.delivery.source_api import SourceApi, open_source_api
from importer.errors import TargetError, UsageError
from importer.journal.run_folder import open_view
from importer.kinds import KINDS
from importer.kinds.kind import Names
from importer.planning.previous_run import find_earlier
from importer.planning.rerun_settings import at_its_place, refuse_other_target
from importer.records import TargetName
from importer.reporter.atomic_file import ROOM_HINT
from importer.reporter.columns import guard
from importer.reporter.page import add_verified
from importer.reporter.table_files import write_table
from importer.session.endpoints import connect
from importer.statuses import Status
from importer.targets import TARGETS
from importer.wording import iso_utc

if TYPE_CHECKING:
    from pathlib import Path

    from importer.calendars.pulled import Ask, ProgressCallback
    from importer.kinds.kind import RecordKind
    from importer.records import Key
    from importer.session.control import RunControl
    from importer.settings import Settings

_MADE = frozenset({Status.CREATED, Status.EXISTS})
_PATIENCE = 60.0  # seconds until a shift shows in Rootly's calendar
_ASK_AGAIN = 2.0  # seconds between two looks at the calendar
_RENDERED = {"shadow": Role.SHADOW, "override": Role.OVERRIDE}

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
    """What became of a record since the run made it."""

    THERE = "there"
    CHANGED = "changed"
    GONE = "gone"
    TWICE = "there twice"
    NOT_ASKED = "not known"  #: the target refused to list it


class VerifiedRecord(NamedTuple):
    """One record of the run, and what is at its target now."""

    row: int
    sheet: str
    part: str
    kind: str
    id: str
    words: str  #: the record in words
    verdict: RecordState
    detail: str = ""  #: what is different
    is_rendered: bool | None = None  #: the target's calendar shows it; None: it is no shift, or is not there

    @property
    def is_good(self) -> bool:
        """True where it is there as it was made, and shows where it should."""
        return self.verdict is RecordState.THERE and self.is_rendered is not False


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying a run came to."""

    run: str
    records: tuple[VerifiedRecord, ...]
    folder: Path  #: of the run

    @property
    def is_good(self) -> bool:
        """True where every record is."""
        return all(record.is_good for record in self.records)


class _Made(NamedTuple):
    """A record that the run made or found."""

    row: int
    sheet: str
    part: str
    kind: RecordKind
    id: str
    key: Key
    about: str  #: whom or what it is about, names before ids


async def verify(argument: str, settings: Settings, control: RunControl, progress: ProgressCallback) -> Verification:
    """Ask the targets for every record that a run made or found; `argument` is its folder or its name.

    Raises:
        ImporterError: it is no such run, or a target cannot be asked.
    """
    previous = find_earlier(argument, settings.reports)
    if not previous.path.is_dir() or previous.info.is_undo:
        what = "an undo" if previous.info.is_undo else "a report, and its cells can have been edited"
        raise UsageError(
            f"{previous.path} is {what}", hint="Name the folder of a run (oncall-importer runs lists them)."
        )
    settings = at_its_place(settings, previous, "it is not in the sandbox")
    refuse_other_target(settings, previous)
    with open_view(previous.path) as view:
        names = [sheet.name for sheet in view.sheets()]
        known = Names(view.names())
        made = [
            _Made(
                row.number, names[sheet], entry.part, kind, entry.outcome.id, entry.key, kind.describe(entry.key, known)
            )
            for sheet, row, entry in view.entries()
            if entry.state in _MADE and entry.key is not None and (kind := KINDS.get(entry.kind or ""))
        ]
    verified: list[VerifiedRecord] = []
    for target in TargetName:
        own = [one for one in made if one.kind.target is target]
        if own:
            verified += await _verify_at(target, own, settings, control, progress)
    order = {(one.sheet, one.row, one.part): number for number, one in enumerate(made)}
    verified.sort(key=lambda one: order[one.sheet, one.row, one.part])
    return Verification(previous.run, tuple(verified), previous.path)


async def _verify_at(
    target: TargetName, made: Sequence[_Made], settings: Settings, control: RunControl, progress: ProgressCallback
) -> list[VerifiedRecord]:
    described = TARGETS[target]
    api = SourceApi(target.title(), described.rate, described.headers, described.authorization)
    scopes: dict[tuple[str, str], list[_Made]] = defaultdict(list)
    for one in made:
        scopes[one.kind.name, one.kind.scope(one.key)].append(one)

    verified: list[VerifiedRecord] = []
    async with (
        connect([target], settings) as connections,
        open_source_api(api, connections[target], settings, control.observer, control.interrupted) as ask,
    ):
        for done, ((kind, scope), records) in enumerate(scopes.items(), 1):
            try:
                there = await _list(ask, KINDS[kind], scope)
            except RefusedError as error:
                words = f"{api.name} refuses to list it ({error})"
                verified += [_verified(one, RecordState.NOT_ASKED, words) for one in records]
            else:
                verified += [_judge(one, there) for one in records]
            progress(done, len(scopes), "lists")
        if target is TargetName.ROOTLY:
            verified = await _look_at_calendar(ask, verified, made)
    return verified


async def _list(ask: Ask, kind: RecordKind, scope: str) -> dict[str, Key | None]:
    """Return the keys of all that a scope holds, by id; None for an object that no record of ours can be."""
    there: dict[str, Key | None] = {}
    path: str | None = kind.list_path(scope)
    while path is not None:
        try:
            page = kind.read_page(await ask(path), scope)
        except ValueError as error:
            hint = "Verify again; if it stays so, report this as a bug."
            raise TargetError(f"a list of {kind.plural} cannot be read: {error}", hint=hint) from error
        fresh = page.ids - there.keys()
        there |= dict.fromkeys(fresh)
        there |= {found.id: found.key for found in page.found}
        path = page.next if fresh else None
    return there


def _judge(one: _Made, there: Mapping[str, Key | None]) -> VerifiedRecord:
    same = [id_ for id_, key in there.items() if key == one.key]
    if len(same) > 1:
        return _verified(one, RecordState.TWICE, f"it is there {len(same)} times: {', '.join(sorted(same))}")
    if one.id in there:
        key = there[one.id]
        if key == one.key:
            return _verified(one, RecordState.THERE)
        removal = one.kind.removal
        detail = removal.differences(one.key, key) if removal and key is not None else "its values are others now"
        return _verified(one, RecordState.CHANGED, detail)
    if same:
        return _verified(one, RecordState.CHANGED, f"it is there under another id: {same[0]}")
    return _verified(one, RecordState.GONE, "the target does not list it any more")


def _verified(one: _Made, verdict: RecordState, detail: str = "") -> VerifiedRecord:
    return VerifiedRecord(one.row, one.sheet, one.part, one.kind.name, one.id, one.about, verdict, detail)


async def _look_at_calendar(
    ask: Ask, verified: Sequence[VerifiedRecord], made: Sequence[_Made]
) -> list[VerifiedRecord]:
    """Return of every shift that is there whether the rendered calendar shows it; wait a while, for it comes late."""
    shifts: dict[str, list[tuple[int, Interval]]] = defaultdict(list)
    for number, (record, one) in enumerate(zip(verified, _in_order(verified, made), strict=True)):
        if record.verdict is RecordState.THERE and one.kind.shift is not None and one.kind.name in _RENDERED:
            shift = one.kind.shift(one.key)
            role = _RENDERED[one.kind.name]
            shifts[str(one.key[0])].append(
                (number, Interval(str(one.key[0]), shift.user, role, shift.starts_at, shift.ends_at))
            )
    seen: dict[int, bool] = {}
    deadline = anyio.current_time() + _PATIENCE
    while True:
        for schedule, wanted in shifts.items():
            left = [(number, one) for number, one in wanted if not seen.get(number)]
            if left:
                seen |= await _rendered(ask, schedule, left)
        if all(seen.values()) or anyio.current_time() >= deadline:
            break
        await anyio.sleep(_ASK_AGAIN)
    return [record._replace(is_rendered=seen.get(number)) for number, record in enumerate(verified)]


def _in_order(verified: Sequence[VerifiedRecord], made: Sequence[_Made]) -> list[_Made]:
    by_place = {(one.sheet, one.row, one.part): one for one in made}
    return [by_place[record.sheet, record.row, record.part] for record in verified]


async def _rendered(ask: Ask, schedule: str, wanted: Sequence[tuple[int, Interval]]) -> dict[int, bool]:
    window = Window(min(one.start for _, one in wanted), max(one.end for _, one in wanted))
    try:
        found = await rootly.shifts(ask, schedule, window)
    except RefusedError:
        return {number: False for number, _ in wanted}
    shown = merge(rootly.interval(one, schedule, str(one["attributes"].get("user_id"))) for one in found)
    return {
        number: any(
            (one.person, one.role) == (other.person, other.role) and other.start <= one.start and one.end <= other.end
            for other in shown
        )
        for number, one in wanted
    }


def write_verification(path: Path, verification: Verification) -> Path:
    """Write a line for each record as CSV; return the path the file has in the end.

    Raises:
        ReportError: the file could not be written.
    """
    rows = [
        tuple(
            map(guard, (str(one.row), one.sheet, one.part, one.kind, one.id, one.verdict, one.detail, calendar_of(one)))
        )
        for one in verification.records
    ]
    return write_table(path, [HEADER, *rows], hint=ROOM_HINT)


def add_to_page(verification: Verification) -> list[Path]:
    """Put what verifying came to into the run's page; return the page, or nothing where the run has none.

    Raises:
        ReportError: the page could not be written.
    """
    rows = [
        (one.sheet, str(one.row), one.kind, one.id, one.words, words_of(one), one.detail)
        for one in verification.records
        if not one.is_good
    ]
    shown = sum(one.is_rendered is True for one in verification.records)
    page = verification.folder / "report.html"
    moment = iso_utc(int(time.time())).replace("T", " ").replace("Z", " UTC")
    return [page] if add_verified(page, len(verification.records), shown, rows, moment) else []


def words_of(one: VerifiedRecord) -> str:
    """Return what was found, in words."""
    return one.verdict if one.verdict is not RecordState.THERE else f"there, {calendar_of(one)} in the calendar"


def calendar_of(one: VerifiedRecord) -> str:
    """Return whether the calendar shows a record, in a word; empty where that is no question."""
    return {True: "shown", False: "not shown", None: ""}[one.is_rendered]
