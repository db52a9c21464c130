"""The checks of `doctor`: this machine first, then both targets at once. Writes nothing; ends whatever is down."""

from __future__ import annotations

import math
import os
import platform
import shutil
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import anyio

from importer.calendars import opsgenie, pagerduty
from importer.commands.pull import APIS, refused_as_error
from importer.delivery.source_api import open_source_api
from importer.delivery.transport import Connection
from importer.errors import ImporterError, SettingsError, errors_of
from importer.journal.run_folder import SQLITE_VERSION
from importer.normalizer.zones import check_timezone, zone_of
from importer.records import TargetName
from importer.session.control import SilentObserver
from importer.session.endpoints import ProbeResult, connect, connect_source, look_at
from importer.session.target_lock import Holder, look_at_lock
from importer.settings.config_file import CONFIG_FILE, keys_of_file, own_config_file
from importer.settings.options import IN_FILES, TOKEN_VARIABLES, Settings, load_settings
from importer.settings.origins import PREFIX, variables_of
from importer.settings.proxy import NO_PROXY_VARIABLES, PROXY_VARIABLES
from importer.targets import TARGETS
from importer.wording import escape

# ---- the result of one check


class DiagnosisLevel(StrEnum):
    """What a diagnosis means for a run."""

    OK = "ok"
    NOTE = "note"  #: worth knowing; a run could start anyway
    PROBLEM = "problem"  #: a run could not start, or would fail


class Diagnosis(NamedTuple):
    """One line of doctor's output."""

    level: DiagnosisLevel
    about: str  #: what was checked, such as "opal token"
    message: str
    hint: str = ""  #: what to do; never empty for a problem


_ok = partial(Diagnosis, DiagnosisLevel.OK)
_note = partial(Diagnosis, DiagnosisLevel.NOTE)
_problem = partial(Diagnosis, DiagnosisLevel.PROBLEM)


# ---- settings


def look_at_sources(environ: Mapping[str, str], folder: Path) -> Iterator[Diagnosis]:
    """Yield which settings the environment and the folder's settings file set."""
    known = {one.upper() for name, declared in IN_FILES.items() for one in variables_of(name, declared)}
    known_here = (*PROXY_VARIABLES, *NO_PROXY_VARIABLES)
    own = sorted(name for name, value in environ.items() if value and (name.upper() in known or name in known_here))
    yield _ok("environment", f"sets {', '.join(own)}" if own else "sets nothing")
    for name in sorted(environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known | {f"{PREFIX}DEBUG"}:
            hint = "See docs/commands.md, Settings, for the names; unset it if it is not meant for oncall-importer."
            yield _note("environment", f"{name} is not a known setting and is ignored", hint)
    yield _look_at_file(folder / CONFIG_FILE, CONFIG_FILE, "in this folder")
    if in_home := own_config_file():
        yield _look_at_file(in_home, f"own {CONFIG_FILE}", f"at {in_home}")


def _look_at_file(path: Path, about: str, where: str) -> Diagnosis:
    try:
        written = keys_of_file(path)
    except SettingsError as error:
        return _problem(about, error.message, error.hint)
    if written is None:
        return _ok(about, f"there is none {where}")
    shown = ", ".join(escape(key) for key in sorted(written))
    return _ok(about, f"sets {shown or 'nothing'}")


# ---- this machine


_MENDED = (3, 51, 3)  # the first SQLite without a bug with two connections that write and checkpoint
_MEGABYTE = 1 << 20
_LITTLE = 500 * _MEGABYTE  # a run of 100,000 rows takes a tenth of it
_TOO_LITTLE = 20 * _MEGABYTE


def look_at_versions() -> Iterator[Diagnosis]:
    """Yield the versions of Python and the main packages."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "pandas", "tzdata"))
    ours = f"oncall-importer {version('oncall-importer')}, Python {platform.python_version()}"
    yield _ok("versions", f"{ours}, {packages}, {ssl.OPENSSL_VERSION}, {platform.system()}")
    is_mended = tuple(map(int, SQLITE_VERSION.split("."))) >= _MENDED
    why = "" if is_mended else " (3.51.3 fixed a bug with two connections that write; a run has only one)"
    yield _ok("sqlite", f"SQLite {SQLITE_VERSION}{why}")


def look_at_zones(settings: Settings) -> Diagnosis:
    """Try the time zone that is set, or any."""
    try:
        zone = zone_of(settings)
        check_timezone("Europe/Berlin")
    except SettingsError as error:
        return _problem("time zones", error.message, error.hint)
    read_in = f"times without an offset are read in {zone}" if zone else "none is set for times without an offset"
    return _ok("time zones", f"rules of tzdata {version('tzdata')}; {read_in}")


def look_at_reports(folder: Path) -> Diagnosis:
    """Return whether runs' folders can be made, and how much space there is. Makes nothing."""
    place = next((path for path in (folder.absolute(), *folder.absolute().parents) if path.exists()), folder)
    if not place.is_dir():
        return _problem("reports", f"{place} is not a folder", "Choose another one with --reports.")
    if not os.access(place, os.W_OK | os.X_OK):
        hint = "Make it writable, or choose another one with --reports."
        return _problem("reports", f"{place} cannot be written by you", hint)
    free = shutil.disk_usage(place).free
    amount = f"{free / (1 << 30):.0f} GB" if free >= 10 << 30 else f"{free // _MEGABYTE} MB"
    words = f"{folder} {'is writable' if place == folder.absolute() else 'can be created'}, {amount} free"
    hint = "Free some space, or choose another folder with --reports."
    if free >= _LITTLE:
        return _ok("reports", words)
    return _note("reports", words, hint) if free >= _TOO_LITTLE else _problem("reports", words, hint)


# ---- a target


_MUCH_SKEW = 5.0  # seconds; a Date header and the network explain two
_FEW_DAYS = 14


def describe_target(
    name: TargetName, connection: Connection, settings: Settings, look: ProbeResult
) -> Iterator[Diagnosis]:
    """Yield the results of one probe, in the order in which things can go wrong."""
    proxy = connection.transport.proxy
    yield _ok(f"{name} proxy", f"through {proxy.url}" if proxy else "none: reached directly")
    yield _reach(name, connection, look)
    yield _tls(name, connection, look)
    yield _token(name, look)
    yield _clock(name, look)
    yield _limits(name, settings, look)


def describe_holder(name: TargetName, holder: Holder | None, settings: Settings) -> Diagnosis:
    """Return whether another run sends to the target."""
    about = f"{name} lock"
    if holder is None:
        return _ok(about, "free: no other run of yours on this machine sends to it")
    who = escape(holder.who, 500)
    if holder.is_held:
        level = DiagnosisLevel.NOTE if settings.wait else DiagnosisLevel.PROBLEM
        return Diagnosis(level, about, f"held by {who}", "Wait for it with --wait, or stop it.")
    hint = f"Nothing: the next run waits {settings.settle:g} s, then asks what became of it; or rerun that folder."
    return _note(about, f"left by {who} with records in doubt", hint)


def _reach(name: TargetName, connection: Connection, look: ProbeResult) -> Diagnosis:
    about, url = f"{name} target", connection.base_url
    variable = f"{name.upper()}_BASE_URL"
    if not look.status:
        hint = f"Check the network, HTTPS_PROXY and NO_PROXY, --ca-file, and {variable}."
        return _problem(about, f"{url} cannot be reached: {look.words}", hint)
    if look.status == 200 and not look.is_json:
        hint = f"Open it in a browser: it is a login page of your network, or {variable} is wrong."
        return _problem(about, f"{url} answers, but not as the API does", hint)
    if look.status in (200, 401, 403, 429):
        return _ok(about, f"{url} answers, after {look.seconds * 1000:.0f} ms")
    if look.status == 404:
        path = TARGETS[name].probe_path
        return _problem(about, f"{url} has no {path} (404): {look.words}", f"Check {variable}.")
    hint = "Try again later; ask whoever runs it if that does not help."
    return _problem(about, f"{url} answers {look.status}: {look.words}", hint)


def _tls(name: TargetName, connection: Connection, look: ProbeResult) -> Diagnosis:
    about = f"{name} TLS"
    if connection.base_url.startswith("http:"):
        return _ok(about, "none: plain http, to this machine alone")
    if look.tls is None:
        return _note(about, "no connection to look at", f"See {name} target.")
    version, issuer, days = look.tls
    words = f"{version}, certificate from {escape(issuer)}, {days} days left"
    if days < _FEW_DAYS:
        return _note(about, words, "Whoever runs the target has to renew it in time.")
    return _ok(about, words)


def _token(name: TargetName, look: ProbeResult) -> Diagnosis:
    about, variable = f"{name} token", TOKEN_VARIABLES[name][0]
    if look.status == 200 and look.is_json:
        return _ok(about, "accepted")
    if look.status in (401, 403):
        hint = f"Set {variable} to a valid token that may read and create, of the organization at this base URL."
        return _problem(about, f"refused ({look.status}): {look.words}", hint)
    if look.status == 429:
        return _note(about, "not known: the limit is used up (429)", "Try again in a minute.")
    return _note(about, "set; whether it is accepted could not be checked", f"See {name} target.")


def _clock(name: TargetName, look: ProbeResult) -> Diagnosis:
    about = f"{name} clock"
    if look.skew is None:
        return _note(about, "not known", f"See {name} target.")
    if abs(look.skew) <= _MUCH_SKEW:
        return _ok(about, "within seconds of the target's")
    side = "ahead of" if look.skew > 0 else "behind"
    hint = "Set this machine's clock (NTP): otherwise shifts are wrongly taken as past or future."
    return _note(about, f"{abs(look.skew):.0f} s {side} the target's", hint)


def _limits(name: TargetName, settings: Settings, look: ProbeResult) -> Diagnosis:
    rate = TARGETS[name].pace_of(settings)
    pace = f"{rate:g} requests/s" if math.isfinite(rate) else "no limit is set"
    words = f"{pace}, {settings.concurrency} in flight"
    if look.quota is not None:
        left, limit = look.quota
        words += f"; the target has {left} left" + (f" of {limit}" if limit else "")
    return _ok(f"{name} limits", words)


# ---- all checks


_PATIENCE = 30.0  # seconds for both targets; one question takes ten at most


async def diagnose(options: Mapping[str, Any]) -> AsyncIterator[Diagnosis]:
    """Check everything that a run needs, and say what to do."""
    for finding in (*look_at_versions(), *look_at_sources(os.environ, Path.cwd())):
        yield finding
    try:
        settings = load_settings(options, is_library=False)
    except SettingsError as error:  # without settings it is unknown where the targets are
        yield _problem("settings", error.message, error.hint)
        return
    yield _ok("settings", "valid")
    yield look_at_zones(settings)
    yield look_at_reports(settings.reports)
    for finding in await _look_at_targets(settings):
        yield finding
    for name, key, paths in (
        ("pagerduty", settings.pagerduty_token, pagerduty.PROBES),
        ("opsgenie", settings.opsgenie_api_key, opsgenie.PROBES),
    ):
        if key is not None and not settings.sandbox:
            yield await _look_at_source(name, paths, settings)


async def _look_at_source(name: str, paths: Sequence[str], settings: Settings) -> Diagnosis:
    """Ask a system that is only read for a part of each list that a pull reads.

    A run could start without it, so its results are never problems.
    """
    about, api = f"{name} token", APIS[name]
    with anyio.move_on_after(_PATIENCE):
        try:
            async with connect_source(name, settings) as connection:
                with refused_as_error(api):
                    async with open_source_api(api, connection, settings, SilentObserver(), anyio.Event()) as ask:
                        for path in paths:
                            await ask(path)
        except ImporterError as error:
            return _note(about, f"pull cannot use it: {error.message}", error.hint)
        return _ok(about, "accepted: it may read users and schedules")
    return _note(about, f"{api.name} did not answer in time", "Check the network and the base URL, and try again.")


async def _look_at_targets(settings: Settings) -> list[Diagnosis]:
    """Probe both targets at once; yield the results in order."""
    found: dict[TargetName, list[Diagnosis]] = {name: [] for name in TargetName}
    # The sandbox is both; each of the real ones can fail by itself.
    apart = [[name] for name in TargetName if settings.has_token(name)]
    with anyio.move_on_after(_PATIENCE):
        async with anyio.create_task_group() as group:
            for names in [list(TargetName)] if settings.sandbox else apart:
                group.start_soon(_look_at_some, names, settings, found)
    for name, findings in found.items():
        if not findings:
            findings.append(_without_answer(name, settings))
    return [finding for findings in found.values() for finding in findings]


async def _look_at_some(names: list[TargetName], settings: Settings, found: dict[TargetName, list[Diagnosis]]) -> None:
    try:
        async with connect(names, settings) as connections, anyio.create_task_group() as group:
            for name, connection in connections.items():
                group.start_soon(_look_at_one, name, connection, settings, found[name])
    except* ImporterError as errors:
        for error in errors_of(errors):
            for name in names:
                found[name].append(_problem(f"{name} target", error.message, error.hint))


async def _look_at_one(name: TargetName, connection: Connection, settings: Settings, found: list[Diagnosis]) -> None:
    look = await look_at(name, connection, settings)
    found.extend(describe_target(name, connection, settings, look))
    if not settings.sandbox:  # the sandbox is this process's own
        found.append(describe_holder(name, look_at_lock(name, connection), settings))


def _without_answer(name: TargetName, settings: Settings) -> Diagnosis:
    """Return why a target was not probed; a run needs its token only for its own records, but it needs one."""
    if settings.sandbox or settings.has_token(name):
        return _problem(f"{name} target", "did not answer in time", "Check the network, and try again.")
    variable, other = TOKEN_VARIABLES[name]
    level = DiagnosisLevel.NOTE if any(map(settings.has_token, TargetName)) else DiagnosisLevel.PROBLEM
    hint = f"Set {variable} (or {other}) in the environment to send to {name}, or rehearse with --sandbox."
    return Diagnosis(level, f"{name} token", "not set", hint)
