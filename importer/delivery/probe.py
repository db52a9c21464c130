"""A look at one target: a single question, and what the connection shows."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from importer.delivery.client import Answer, open_client
from importer.delivery.pacer import read_quota
from importer.delivery.replies import read_clock, read_json, read_words
from importer.delivery.transport import make_trust
from importer.targets import TARGETS

if TYPE_CHECKING:
    from importer.delivery.transport import Connection
    from importer.records import TargetName
    from importer.settings import Settings


_PATIENCE = 10.0  # seconds: somebody waits for the answer


class TlsInfo(NamedTuple):
    """How a connection is secured."""

    version: str  #: such as TLSv1.3
    issuer: str  #: whoever signed the certificate, in its own words
    days: int  #: until the certificate ends


class ProbeResult(NamedTuple):
    """What one question to a target showed."""

    status: int  #: of the answer; 0 where there was none
    words: str  #: what went wrong, in the target's words where there are any; empty where nothing did
    is_json: bool  #: whether the answer is what an API would say
    seconds: float  #: that it took
    skew: float | None  #: seconds that this machine's clock is ahead of the target's; None where that was not told
    quota: tuple[int, int] | None  #: of the limit that the answer told: how much is left, and of how much
    seal: TlsInfo | None  #: None where there was no TLS, or no connection


async def look_at(name: TargetName, connection: Connection, settings: Settings) -> ProbeResult:
    """Ask a target who we are; nothing is written, and nothing is asked twice.

    Raises:
        SettingsError: the file of authorities cannot be read.
    """
    target, seen = TARGETS[name], list[ssl.SSLObject]()
    trust = make_trust(settings.ca_file)
    trust.sslobject_class = _recorder(seen)
    patience = min(_PATIENCE, settings.request_timeout)
    transport = connection.transport._replace(trust=trust)
    address = connection.base_url, connection.token, transport
    async with open_client(target, *address, concurrency=1, request_timeout=patience) as client:
        started = time.time()
        reply = await client.get(connection.base_url + target.probe_path)
        seconds = time.time() - started
    seal = _read_seal(seen[-1]) if seen else None
    if not isinstance(reply, Answer):
        return ProbeResult(0, reply.reason, is_json=False, seconds=seconds, skew=None, quota=None, seal=seal)
    words = "" if reply.status == 200 else read_words(reply, target)
    is_json = isinstance(read_json(reply.body), dict)
    skew = _skew(reply, started + seconds / 2)
    return ProbeResult(reply.status, words, is_json, seconds, skew, _quota(reply), seal)


def _recorder(seen: list[ssl.SSLObject]) -> type[ssl.SSLObject]:
    """Make what keeps each TLS connection that came to be; the last one is the target's, not a proxy's."""

    class Recorder(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            seen.append(self)

    return Recorder


def _read_seal(connection: ssl.SSLObject) -> TlsInfo:
    certificate: dict[str, Any] = connection.getpeercert() or {}
    issuer = {name: value for part in certificate.get("issuer", ()) for name, value in part}
    ends = ssl.cert_time_to_seconds(str(certificate["notAfter"])) if "notAfter" in certificate else time.time()
    words = issuer.get("organizationName") or issuer.get("commonName") or "an authority without a name"
    return TlsInfo(connection.version() or "TLS", words, int((ends - time.time()) // 86400))


def _skew(answer: Answer, now: float) -> float | None:
    """Return how far this machine's clock is ahead; a Date header is cut to whole seconds."""
    clock = read_clock(answer.headers, -1.0)
    return None if clock < 0 else now - (clock + 0.5)


def _quota(answer: Answer) -> tuple[int, int] | None:
    quota = read_quota(answer.headers, read_clock(answer.headers, time.time()))
    return None if quota is None else (int(quota.remaining), int(quota.limit))
