"""The facts about a run: its name, command, sources, options, targets, stage. Opens nothing.

A journal stores them as named texts; everywhere else they are a `RunInfo`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson

from importer.records import TargetName

_BASE_URL = "base_url."
#: At the end of a rehearsal's name, so that every line of its report shows that its ids are not real.
_SANDBOX_MARK = "-sandbox"
#: At the end of an undo's name: its report is not a source.
UNDO_MARK = "-undo"


class RunStage(StrEnum):
    """The stages of a run."""

    READING = "reading"
    READ = "read"  #: everything is in the journal
    CANARY = "canary"  #: the first records may have been sent
    SENDING = "sending"  #: something may have been sent
    ENDED = "ended"

    @property
    def may_have_sent(self) -> bool:
        """True from the first request on."""
        return self in (RunStage.CANARY, RunStage.SENDING, RunStage.ENDED)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What is known about a run besides its rows."""

    run: str = ""  #: its name: its folder's when it was made
    command: str = "run"  #: run, rerun or undo
    stage: RunStage = RunStage.READ
    arguments: tuple[str, ...] = ()  #: the sources as absolute paths; of a rerun or an undo the earlier run
    command_line: tuple[str, ...] = ()  #: what was typed after the program's name; empty for a library's call
    options: Mapping[str, Any] = field(default_factory=dict)  #: how it reads and what it sends: settings by name
    mapping: str = ""  #: the text of its mapping; empty if there is none
    mapping_id: str = ""  #: the mapping's id in reports: the first 12 hex digits of its SHA-256
    is_sandbox: bool = False  #: a rehearsal: nothing of it is at a real target
    base_urls: Mapping[str, str] = field(default_factory=dict)  #: by target: where it sends, canonical
    rerun_of: str = ""  #: the run that it repeats
    undo_of: str = ""  #: the run that it takes back
    undone_path: str = ""  #: of an undo: that run's folder
    undone_by: tuple[str, ...] = ()  #: the folders of the undos of this run, the oldest first
    started_at: str = ""  #: ISO 8601, UTC
    finished_at: str = ""  #: empty while it goes on, and if it was killed
    version: str = ""  #: of oncall-importer
    settings_sha256: str = ""
    pid: str = ""  #: the process that made it

    @property
    def is_undo(self) -> bool:
        """True for an undo."""
        return self.command == "undo"

    @property
    def was_read(self) -> bool:
        """False if it ended before it had read its sources, so that nothing was sent."""
        return self.stage is not RunStage.READING


_FIELDS = {one.name for one in fields(RunInfo)}
_AS_JSON = frozenset({"arguments", "command_line", "options", "undone_by", "is_sandbox"})


def write_facts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return members of a `RunInfo` as the texts that a journal stores; empty ones are left out.

    Raises:
        ValueError: there is no such member.
    """
    if unknown := values.keys() - _FIELDS:
        raise ValueError(f"a run has no {', '.join(sorted(unknown))}")
    facts = {name: orjson.dumps(value).decode() if name in _AS_JSON else str(value) for name, value in values.items()}
    facts.pop("base_urls", None)
    return facts | {f"{_BASE_URL}{target}": url for target, url in values.get("base_urls", {}).items()}


def read_facts(facts: Mapping[str, str]) -> RunInfo:
    """Return the `RunInfo` in the texts of a journal.

    Raises:
        ValueError: one of them makes no sense.
    """
    known: dict[str, Any] = {name: text for name, text in facts.items() if name in _FIELDS}
    for name in _AS_JSON & known.keys():
        known[name] = orjson.loads(known[name])
    for name in {"arguments", "command_line", "undone_by"} & known.keys():
        if not isinstance(known[name], list) or not all(isinstance(one, str) for one in known[name]):
            raise ValueError(f"{name} is not a list of texts")
        known[name] = tuple(known[name])
    if not isinstance(known.get("options", {}), dict):
        raise ValueError("options is not an object")
    if "stage" in known:
        known["stage"] = RunStage(known["stage"])
    known["base_urls"] = {
        target.value: facts[f"{_BASE_URL}{target}"] for target in TargetName if f"{_BASE_URL}{target}" in facts
    }
    return RunInfo(**known)


def name_run(moment: datetime, *, is_sandbox: bool, is_undo: bool = False) -> str:
    """Return the name of a run that begins at a moment; its report carries it, even without a journal beside it."""
    return f"{moment:%Y%m%d-%H%M%S}{_SANDBOX_MARK if is_sandbox else ''}{UNDO_MARK if is_undo else ''}"


def import_again(run: str, hint: str = "To import again: oncall-importer run SOURCE") -> str:
    """Return a hint with a command for the SOURCE of a run: that of a rehearsal stays in the sandbox."""
    return hint.replace("SOURCE", "SOURCE --sandbox") if _SANDBOX_MARK in run else hint


def info_of_name(run: str) -> RunInfo:
    """Return what the name alone says about a run whose journal is not available."""
    is_undo = UNDO_MARK in run
    return RunInfo(run, command="undo" if is_undo else "run", is_sandbox=_SANDBOX_MARK in run)
