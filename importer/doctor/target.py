"""What a look at one target means: pure functions from what was seen to findings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from importer.doctor.findings import Finding, Level
from importer.settings import TOKEN_VARIABLES
from importer.targets import TARGETS, escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.pool import Connection, Look
    from importer.records import TargetName
    from importer.settings import Settings
    from importer.turn import Holder

_MUCH_SKEW = 5.0  # seconds; a Date header and the way there explain two
_FEW_DAYS = 14


def describe_target(name: TargetName, connection: Connection, settings: Settings, look: Look) -> Iterator[Finding]:
    """Say what one question showed, in the order in which it can go wrong."""
    proxy = connection.route.proxy
    yield Finding(Level.OK, f"{name} proxy", f"through {proxy.url}" if proxy else "none: reached directly")
    yield _reach(name, connection, look)
    yield _seal(name, connection, look)
    yield _token(name, look)
    yield _clock(name, look)
    yield _limits(name, settings, look)


def describe_holder(name: TargetName, holder: Holder | None, settings: Settings) -> Finding:
    """Say whether another run sends with the same token."""
    about = f"{name} turn"
    if holder is None:
        return Finding(Level.OK, about, "free: no other run on this machine sends with this token")
    who = escape(holder.who, 500)
    if holder.is_held:
        level = Level.NOTE if settings.wait else Level.PROBLEM
        return Finding(level, about, f"held by {who}", "wait for it with --wait, or stop it")
    hint = f"nothing: the next run waits {settings.settle:g} s, then asks what became of it; or rerun that folder"
    return Finding(Level.NOTE, about, f"left by {who}, which ended with something on its way", hint)


def _reach(name: TargetName, connection: Connection, look: Look) -> Finding:
    about, url = f"{name} target", connection.base_url
    variable = f"{name.upper()}_BASE_URL"
    if not look.status:
        hint = f"check the network, HTTPS_PROXY and NO_PROXY, --ca-file, and {variable}"
        return Finding(Level.PROBLEM, about, f"{url} cannot be reached: {look.words}", hint)
    if look.status == 200 and not look.is_json:
        hint = f"open it in a browser: a login page of your network, or a wrong {variable}"
        return Finding(Level.PROBLEM, about, f"{url} answers, but not as the API does", hint)
    if look.status in (200, 401, 403, 429):
        return Finding(Level.OK, about, f"{url} answers, after {look.seconds * 1000:.0f} ms")
    if look.status == 404:
        path = TARGETS[name].probe_path
        return Finding(Level.PROBLEM, about, f"{url} has no {path} (404): {look.words}", f"check {variable}")
    hint = "try again later; ask whoever runs it if it stays so"
    return Finding(Level.PROBLEM, about, f"{url} answers {look.status}: {look.words}", hint)


def _seal(name: TargetName, connection: Connection, look: Look) -> Finding:
    about = f"{name} TLS"
    if connection.base_url.startswith("http:"):
        return Finding(Level.OK, about, "none: plain http, to this machine alone")
    if look.seal is None:
        return Finding(Level.NOTE, about, "no connection to look at", f"see {name} target")
    version, issuer, days = look.seal
    words = f"{version}, certificate from {escape(issuer)}, {days} days left"
    if days < _FEW_DAYS:
        return Finding(Level.NOTE, about, words, "whoever runs the target has to renew it in time")
    return Finding(Level.OK, about, words)


def _token(name: TargetName, look: Look) -> Finding:
    about, variable = f"{name} token", TOKEN_VARIABLES[name][0]
    if look.status == 200 and look.is_json:
        return Finding(Level.OK, about, "accepted")
    if look.status in (401, 403):
        hint = f"set {variable} to a valid token that may read and create, of the organization at this base URL"
        return Finding(Level.PROBLEM, about, f"refused ({look.status}): {look.words}", hint)
    if look.status == 429:
        return Finding(Level.NOTE, about, "not known: the limit is used up (429)", "try again in a minute")
    return Finding(Level.NOTE, about, "set; nobody could say whether it is accepted", f"see {name} target")


def _clock(name: TargetName, look: Look) -> Finding:
    about = f"{name} clock"
    if look.skew is None:
        return Finding(Level.NOTE, about, "not told", f"see {name} target")
    if abs(look.skew) <= _MUCH_SKEW:
        return Finding(Level.OK, about, "within seconds of the target's")
    side = "ahead of" if look.skew > 0 else "behind"
    hint = "set this machine's clock (NTP): shifts would count as past or future wrongly"
    return Finding(Level.NOTE, about, f"{abs(look.skew):.0f} s {side} the target's", hint)


def _limits(name: TargetName, settings: Settings, look: Look) -> Finding:
    rate = settings.rate.get(name, TARGETS[name].rate) * (1 - settings.headroom)
    pace = f"{rate:g} requests/s" if math.isfinite(rate) else "no limit of ours"
    words = f"{pace}, {settings.concurrency} in flight"
    if look.quota is not None:
        left, limit = look.quota
        words += f"; the target has {left} left" + (f" of {limit}" if limit else "")
    return Finding(Level.OK, f"{name} limits", words)
