"""Connects to the targets: the real ones with their tokens, or the embedded stand-in, which is served meanwhile.

Also probes a target for doctor: a single question, and what the connection shows.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any, NamedTuple

from importer.delivery.client import Answer, open_client
from importer.delivery.pacer import read_quota
from importer.delivery.replies import read_json, read_words
from importer.delivery.retry import read_clock
from importer.delivery.transport import Connection, Transport, load_trust, make_trust
from importer.errors import SettingsError
from importer.records import TargetName
from importer.settings.options import Settings
from importer.targets import TARGETS

SANDBOX_STATE = "sandbox.sqlite3"


@asynccontextmanager
async def connect(targets: Iterable[TargetName], settings: Settings) -> AsyncIterator[dict[TargetName, Connection]]:
    """Return where each of the targets is, and the token for it.

    Raises:
        SettingsError: a token is not set, the proxy is invalid, or the file of authorities cannot be read.
    """
    if settings.sandbox:
        async with _serve_sandbox(settings) as connections:
            yield {target: connections[target] for target in targets}
    else:
        trust, found = load_trust(settings.ca_file, settings.origins.get("ca_file")), {}
        for target in targets:
            token, url = settings.token(target), settings.base_url(target)
            found[target] = Connection(url, token, Transport(settings.proxy_to(url, target), trust))
        yield found


@asynccontextmanager
async def connect_source(name: str, settings: Settings) -> AsyncIterator[Connection]:
    """Return where a system is that is only read (`pagerduty`, `opsgenie`, `rootly`), and its key.

    Raises:
        SettingsError: the key is not set, the proxy is invalid, or the file of authorities cannot be read.
    """
    if name == TargetName.ROOTLY:
        async with connect([TargetName.ROOTLY], settings) as connections:
            yield connections[TargetName.ROOTLY]
        return
    if settings.sandbox:
        async with _serve_sandbox(settings) as served:
            yield served[name]
        return
    field = {"pagerduty": "pagerduty_token", "opsgenie": "opsgenie_api_key"}[name]
    key, variable, url = getattr(settings, field), field.upper(), getattr(settings, f"{name}_base_url")
    if key is None:
        raise SettingsError(
            f"{variable} is not set", hint=f"Set {variable} in the environment, or try it with --sandbox."
        )
    transport = Transport(settings.proxy_to(url, name), load_trust(settings.ca_file, settings.origins.get("ca_file")))
    yield Connection(url, key.reveal(), transport)


@asynccontextmanager
async def _serve_sandbox(settings: Settings) -> AsyncIterator[Mapping[str, Connection]]:
    """Serve the stand-in; return the connections to its systems, by name."""
    from importer.sandbox.directory_file import TOKEN
    from importer.sandbox.server import serve

    async with serve(settings.reports / SANDBOX_STATE) as address:
        yield {name: Connection(url, TOKEN) for name, url in asdict(address).items()}


# ---- probing a target


_PATIENCE = 10.0  # seconds; a person waits for the answer


class TlsInfo(NamedTuple):
    """How a connection is secured."""

    version: str  #: such as TLSv1.3
    issuer: str  #: who signed the certificate, in its own words
    days: int  #: until the certificate ends


class ProbeResult(NamedTuple):
    """The result of one question to a target."""

    status: int  #: of the answer; 0 if there was none
    words: str  #: what went wrong, in the target's words if there are any; empty if nothing did
    is_json: bool  #: whether the answer is JSON, as an API's is
    seconds: float  #: how long it took
    skew: float | None  #: seconds by which this machine's clock is ahead of the target's; None if unknown
    quota: tuple[int, int] | None  #: of the limit in the answer's headers: how much is left, and of how much
    tls: TlsInfo | None  #: None if there was no TLS, or no connection


async def look_at(name: TargetName, connection: Connection, settings: Settings) -> ProbeResult:
    """Ask a target who we are; nothing is written, and nothing is asked twice.

    Raises:
        SettingsError: the file of authorities cannot be read.
    """
    target, seen = TARGETS[name], list[ssl.SSLObject]()
    trust = make_trust(settings.ca_file, settings.origins.get("ca_file"))
    trust.sslobject_class = _recorder(seen)
    patience = min(_PATIENCE, settings.request_timeout)
    transport = connection.transport._replace(trust=trust)
    address = connection.base_url, connection.token, transport
    async with open_client(target, *address, concurrency=1, request_timeout=patience) as client:
        started = time.time()
        reply = await client.get(connection.base_url + target.probe_path)
        seconds = time.time() - started
    tls = _read_tls(seen[-1]) if seen else None
    if not isinstance(reply, Answer):
        return ProbeResult(0, reply.reason, is_json=False, seconds=seconds, skew=None, quota=None, tls=tls)
    words = "" if reply.status == 200 else read_words(reply, target)
    is_json = isinstance(read_json(reply.body), dict)
    clock = read_clock(reply.headers, -1.0)  # a Date header is cut to whole seconds
    skew = None if clock < 0 else started + seconds / 2 - (clock + 0.5)
    quota = read_quota(reply.headers, read_clock(reply.headers, time.time()))
    left = None if quota is None else (int(quota.remaining), int(quota.limit))
    return ProbeResult(reply.status, words, is_json, seconds, skew, left, tls)


def _recorder(seen: list[ssl.SSLObject]) -> type[ssl.SSLObject]:
    """Make a class that keeps each TLS connection; the last one is the target's, not a proxy's."""

    class Recorder(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            seen.append(self)

    return Recorder


def _read_tls(connection: ssl.SSLObject) -> TlsInfo:
    certificate: dict[str, Any] = connection.getpeercert() or {}
    issuer = {name: value for part in certificate.get("issuer", ()) for name, value in part}
    ends = ssl.cert_time_to_seconds(str(certificate["notAfter"])) if "notAfter" in certificate else time.time()
    words = issuer.get("organizationName") or issuer.get("commonName") or "an authority without a name"
    return TlsInfo(connection.version() or "TLS", words, int((ends - time.time()) // 86400))
