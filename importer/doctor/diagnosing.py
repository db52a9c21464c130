"""The doctor's round: this machine first, then both targets at once. Writes nothing, and ends whatever is down."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from importer.connecting import connect
from importer.doctor.configuration import look_at_sources, try_settings
from importer.doctor.findings import Finding, Level
from importer.doctor.machine import look_at_reports, look_at_versions, look_at_zones
from importer.doctor.target import describe_holder, describe_target
from importer.errors import ImporterError
from importer.pool import look_at
from importer.records import TargetName
from importer.settings import TOKEN_VARIABLES
from importer.turn import look_at_turn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from importer.pool import Connection
    from importer.settings import Settings

_PATIENCE = 30.0  # seconds for both targets; one question takes ten at most


async def diagnose(options: Mapping[str, Any]) -> AsyncIterator[Finding]:
    """Look at everything that a run needs, and say what is to be done."""
    for finding in (*look_at_versions(), *look_at_sources(os.environ, Path.cwd())):
        yield finding
    settings = try_settings(options)
    if isinstance(settings, Finding):  # without them nobody knows where the targets are
        yield settings
        return
    yield Finding(Level.OK, "settings", "can be")
    yield look_at_zones(settings.timezone)
    yield look_at_reports(settings.reports)
    for finding in await _look_at_targets(settings):
        yield finding


async def _look_at_targets(settings: Settings) -> list[Finding]:
    """Look at both at once; what is said of them comes in their order."""
    found: dict[TargetName, list[Finding]] = {name: [] for name in TargetName}
    # The sandbox is both; of the real ones each fails for itself.
    apart = [[name] for name in TargetName if settings.has_token(name)]
    with anyio.move_on_after(_PATIENCE):
        async with anyio.create_task_group() as group:
            for names in [list(TargetName)] if settings.sandbox else apart:
                group.start_soon(_look_at_some, names, settings, found)
    for name, findings in found.items():
        if not findings:
            findings.append(_without_answer(name, settings))
    return [finding for findings in found.values() for finding in findings]


async def _look_at_some(names: list[TargetName], settings: Settings, found: dict[TargetName, list[Finding]]) -> None:
    try:
        async with connect(names, settings) as connections, anyio.create_task_group() as group:
            for name, connection in connections.items():
                group.start_soon(_look_at_one, name, connection, settings, found[name])
    except* ImporterError as errors:
        for error in _leaves(errors):
            found[names[0]].append(Finding(Level.PROBLEM, f"{names[0]} target", error.message, error.hint))


async def _look_at_one(name: TargetName, connection: Connection, settings: Settings, found: list[Finding]) -> None:
    look = await look_at(name, connection, settings)
    found.extend(describe_target(name, connection, settings, look))
    if not settings.sandbox:  # it is nobody else's
        found.append(describe_holder(name, look_at_turn(connection), settings))


def _leaves(group: BaseExceptionGroup[ImporterError]) -> Iterator[ImporterError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _without_answer(name: TargetName, settings: Settings) -> Finding:
    """Say why a target was not looked at; a run without records for it needs no token, but one of them it does."""
    if settings.sandbox or settings.has_token(name):
        return Finding(Level.PROBLEM, f"{name} target", "did not answer in time", "check the network, and try again")
    variable, other = TOKEN_VARIABLES[name]
    level = Level.NOTE if any(map(settings.has_token, TargetName)) else Level.PROBLEM
    hint = f"set {variable} (or {other}) in the environment to send to {name}, or rehearse with --sandbox"
    return Finding(level, f"{name} token", "not set", hint)
