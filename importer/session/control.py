"""What controls a run from outside, and the observers that get its progress."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol

import anyio

from importer.delivery.queue import Observer, Progress
from importer.errors import SettingsError, UsageError
from importer.notice import Notice, ReadingObserver
from importer.records import Finding, FindingKind, ReportLine, Sheet, TargetName
from importer.result import Overview
from importer.settings.options import Settings, load_settings
from importer.statuses import Status
from importer.wording import escape


class Consent(Enum):
    """The answer to the question before the first write."""

    YES = auto()
    NO = auto()
    SHOW = auto()  #: the plan; then ask again


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is about to do."""

    run: str
    rows: int
    invalid: int
    duplicates: int
    to_send: Mapping[TargetName, int]  #: records that are new or not known to have succeeded
    base_urls: Mapping[TargetName, str]
    is_sandbox: bool
    undo_of: str = ""  #: the run that an undo undoes; the records are then to be deleted, or taken out of groups
    by_hand: Mapping[TargetName, int] = field(default_factory=dict)  #: of an undo: records that the API cannot delete
    done: int = 0  #: of an undo: records that earlier undos dealt with
    to_bind: int = 0  #: how many of these records are also added to groups
    to_unbind: Mapping[TargetName, int] = field(default_factory=dict)  #: of an undo: records only taken out of groups
    groups: int = 0  #: how many groups these are
    schedules: Sequence[str] = ()  #: the schedules that it touches, by name
    overview: Overview | None = None  #: what would happen, if that was asked for
    seconds: float = 0.0  #: the least time that it takes, at the rates that are set


class Tried(NamedTuple):
    """One of the first records, and its outcome."""

    sheet: Sheet
    line: ReportLine
    link: str  #: the address of the object that the target has now; empty if it has none
    words: str = ""  #: whom and what it is about, by name, and when


@dataclass(frozen=True, slots=True)
class Canary:
    """The results of the first records."""

    rows: Sequence[Tried]
    left: Mapping[TargetName, int]  #: records that are still to be sent
    is_asked: bool  #: a person is asked whether these may be sent

    @property
    def failed(self) -> int:
        """How many of the first records did not succeed."""
        return sum(not row.line.outcome.status.is_success for row in self.rows)


class RunObserver(ReadingObserver, Observer, Protocol):
    """Gets the progress of a run."""

    def planned(self, plan: Plan) -> None:
        """Note that everything is read and checked; sending is next."""

    def tried(self, canary: Canary) -> None:
        """Note the results of the first records; whether the rest is sent is decided next."""


@dataclass(frozen=True, slots=True)
class RunControl:
    """Controls a run from outside."""

    observer: RunObserver
    interrupted: anyio.Event  #: set it to end the run early and in order
    confirm: Callable[[Plan], Awaitable[Consent]] | None = None  #: asked before the first write to a real API
    confirm_rest: Callable[[Canary], Awaitable[bool]] | None = None  #: asked after the first records (--canary)
    command_line: tuple[str, ...] = ()  #: what was typed, for the report; empty for a library's call


class SilentObserver:
    """An observer that ignores everything."""

    def read(self, rows: int) -> None: ...

    def advanced(self, share: float) -> None: ...

    def noticed(self, notice: Notice) -> None: ...

    def found(self, kinds: Sequence[FindingKind], findings: Iterable[tuple[Sheet, Finding]]) -> None: ...

    def planned(self, plan: Plan) -> None: ...

    def tried(self, canary: Canary) -> None: ...

    def sending(self, target: TargetName, progress: Progress) -> None: ...

    def decided(self, target: TargetName, status: Status, number: int) -> None: ...

    def target_noticed(self, target: TargetName, words: str) -> None: ...


def prepare(options: Mapping[str, Any]) -> tuple[Settings, RunControl]:
    """Make the settings and the control from a library call's options.

    Raises:
        SettingsError: there is no such option, or a value is invalid.
    """
    given = dict(options)
    observer, interrupted = given.pop("observer", None), given.pop("interrupted", None)
    lacking = [name for name in dir(SilentObserver) if name[0] != "_" and not callable(getattr(observer, name, None))]
    if observer is not None and lacking:
        raise SettingsError(
            f"observer: {type(observer).__name__} has no method {lacking[0]}",
            hint="Derive it from importer.SilentObserver, and override the methods that you need.",
        )
    if interrupted is not None and not callable(getattr(interrupted, "wait", None)):
        raise SettingsError(
            f"interrupted: {type(interrupted).__name__} is not an event", hint="Pass an anyio.Event or asyncio.Event."
        )
    control = RunControl(observer or SilentObserver(), interrupted or anyio.Event())
    return load_settings(given), control


def read_run(given: object) -> str:
    """Return the path or name of an earlier run that a library call was given.

    Raises:
        UsageError: it is neither.
    """
    if not isinstance(given, str | os.PathLike) or isinstance(named := os.fspath(given), bytes) or not named:
        raise UsageError(
            f"{escape(repr(given), 80)} is neither a run nor a report",
            hint="Pass a run's folder (result.folder), its name, or the path of its report.",
        )
    return named
