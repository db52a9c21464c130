"""How requests leave this machine: directly or through a proxy, which authorities are trusted, and what went wrong."""

from __future__ import annotations

import os
import select
import ssl
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from importer.errors import SettingsError
from importer.settings.origins import Origin, blame
from importer.settings.proxy import Proxy
from importer.wording import escape

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "the host's name was not found"),
    (aiohttp.ConnectionTimeoutError, "no connection in time"),
    (aiohttp.ClientPayloadError, "the answer broke off"),
    (aiohttp.ServerDisconnectedError, "the connection was closed before an answer"),
)


def describe(error: Exception) -> str:
    """Return what went wrong, without aiohttp's repr, which shows headers and so the token."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return escape(f"the certificate was refused: {error.certificate_error}")
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    if isinstance(error, aiohttp.ClientSSLError):  # its errno is OpenSSL's
        return escape(f"no TLS connection: {error.strerror}")
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno) if error.errno > 0 else escape(str(error.strerror))
    return type(error).__name__


USER_AGENT = "oncall-importer"


class Transport(NamedTuple):
    """The way to a target."""

    proxy: Proxy | None = None  #: None: direct
    trust: ssl.SSLContext | None = None  #: None: what the system trusts

    @property
    def options(self) -> dict[str, Any]:
        """The options of each request for aiohttp; the proxy gets nothing of the request itself."""
        if self.proxy is None:
            return {}
        headers = {"User-Agent": USER_AGENT}
        if self.proxy.authorization:
            headers["Proxy-Authorization"] = self.proxy.authorization
        return {"proxy": self.proxy.url, "proxy_headers": headers}


DIRECT = Transport()


class Connection(NamedTuple):
    """Where a target is, and the token for it."""

    base_url: str
    token: str
    transport: Transport = DIRECT


class TunnelError(Exception):
    """There is no tunnel through the proxy, so no byte of the request left this machine."""

    def __init__(self, words: str, *, is_lasting: bool = False) -> None:
        super().__init__(words)
        self.words = words
        self.is_lasting = is_lasting


def load_trust(ca_file: Path | None, origin: Origin | None = None) -> ssl.SSLContext | None:
    """Trust the system's authorities and those in a PEM file; None if there is no file.

    Raises: as `make_trust`.
    """
    return None if ca_file is None else make_trust(ca_file, origin)


def make_trust(ca_file: Path | None, origin: Origin | None = None) -> ssl.SSLContext:
    """Trust the system's authorities, and those in a PEM file; `origin` is where the file was set.

    Raises:
        SettingsError: it is not there, or holds no certificate.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(("http/1.1",))
    if ca_file is None:
        return context
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        why = "it holds no certificate in PEM form"
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or "it cannot be read"
    else:
        return context
    hint = "Name a file with your authority's certificate; it begins with -----BEGIN CERTIFICATE-----."
    raise blame(origin, SettingsError(f"{ca_file}: {why}", hint=hint))


def make_connector(transport: Transport, *, limit: int) -> aiohttp.TCPConnector:
    """Make the connector, with at most `limit` connections at once."""
    trust = transport.trust or True
    if transport.proxy is None:
        return _CleanConnector(limit=limit, ssl=trust)
    return _TunnelConnector(transport.proxy, limit=limit, ssl=trust)


class _CleanConnector(aiohttp.TCPConnector):
    """Drops an idle connection on which bytes have arrived: they would be taken for the next request's answer."""

    async def connect(self, req: aiohttp.ClientRequest, *more: Any, **named: Any) -> aiohttp.connector.Connection:
        """Return a connection without unread bytes."""
        while _has_leftover(connection := await super().connect(req, *more, **named)):
            connection.close()
        return connection


def _has_leftover(connection: aiohttp.connector.Connection) -> bool:
    """Return whether unexpected bytes have arrived, or the other side has closed the connection."""
    if connection.protocol is not None and connection.protocol.should_close:
        return True
    sock = connection.transport.get_extra_info("socket") if connection.transport is not None else None
    if sock is None or sock.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class _TunnelConnector(_CleanConnector):
    """Opens connections through a proxy.

    aiohttp raises the same errors whether a proxy or a target breaks off; here it is known that nothing was sent yet.
    """

    def __init__(self, proxy: Proxy, **options: Any) -> None:
        super().__init__(**options)
        self._through = proxy

    async def connect(self, req: aiohttp.ClientRequest, *more: Any, **named: Any) -> aiohttp.connector.Connection:
        """Return a connection to the target.

        Raises:
            TunnelError: there is none.
        """
        try:
            return await super().connect(req, *more, **named)
        except aiohttp.ClientHttpProxyError as error:
            raise _refused(self._through, error.status, req.url.host or "") from None
        except TimeoutError:
            raise TunnelError(f"no connection in time through the proxy {self._through.url}") from None
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            raise _failed(self._through, error) from None


def _refused(proxy: Proxy, status: int, host: str) -> TunnelError:
    """Return what the proxy's answer means; a refusal by name or by rule would be repeated."""
    if status == 407:
        why = "refuses the user name and password" if proxy.authorization else "requires a user name and a password"
        return TunnelError(f"the proxy {proxy.url} {why} (407)", is_lasting=True)
    if status == 403:
        return TunnelError(f"the proxy {proxy.url} refuses to connect to {host} (403)", is_lasting=True)
    return TunnelError(f"the proxy {proxy.url} could not connect to {host} ({status})")


def _failed(proxy: Proxy, error: Exception) -> TunnelError:
    is_certificate = isinstance(error, aiohttp.ClientConnectorCertificateError)
    words = describe(error)
    if _is_about_proxy(proxy, error):
        return TunnelError(f"the proxy {proxy.url} cannot be reached: {words}", is_lasting=is_certificate)
    return TunnelError(f"{words} (through the proxy {proxy.url})", is_lasting=is_certificate)


def _is_about_proxy(proxy: Proxy, error: Exception) -> bool:
    """Return whether an error is about the connection to the proxy, which also looks up the targets' names."""
    if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientConnectorDNSError):
        return True
    return isinstance(error, aiohttp.ClientConnectorError) and proxy.url.endswith(f"//{error.host}:{error.port}")
