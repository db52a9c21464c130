"""Which proxy a request goes through, by what HTTPS_PROXY, ALL_PROXY and NO_PROXY say."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, unquote, urlsplit

from importer.settings.values import DEFAULT_PORTS, read_address

#: In order of precedence; one that is set to an empty text means: no proxy.
PROXY_VARIABLES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
NO_PROXY_VARIABLES = ("no_proxy", "NO_PROXY")
_HOST = re.compile(r"[A-Za-z0-9._:-]+")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that opens tunnels (CONNECT), so that it sees no more of a request than the host's name."""

    url: str  #: without user name and password: it may be shown
    authorization: str = field(default="", repr=False)  #: the header Proxy-Authorization; never shown


def first_set(names: tuple[str, ...], environ: Mapping[str, str]) -> str:
    """Return the value of the first of these variables that is set; empty if none is."""
    return next((environ[name].strip() for name in names if name in environ), "")


def read_proxy(text: str) -> Proxy:
    """Read a proxy's URL as HTTPS_PROXY has it: `proxy:3128`, `http://user:password@proxy:3128`.

    Raises:
        ValueError: it cannot be used. The words never contain any of it but its scheme.
    """
    with_scheme = text if "://" in text else f"http://{text}"
    try:
        url = urlsplit(with_scheme)
        host, port = url.hostname or "", url.port
    except ValueError:
        raise ValueError("is not the URL of a proxy: write http://host:port") from None
    if url.scheme not in DEFAULT_PORTS:
        known = url.scheme if re.fullmatch(r"socks\w{0,2}|ftp|ws|wss", url.scheme) else "unknown"
        raise ValueError(f'has the scheme "{known}": only http:// and https:// proxies can be used')
    if not _HOST.fullmatch(host) or port == 0 or url.path not in ("", "/") or url.query or url.fragment:
        raise ValueError("is not the URL of a proxy: write http://host:port")
    shown = f"[{host}]" if ":" in host else host
    return Proxy(f"{url.scheme}://{shown}:{port or DEFAULT_PORTS[url.scheme]}", _authorization(url))


def is_direct(url: str, no_proxy: str) -> bool:
    """Return whether requests to a URL go directly: plain http always does, because it is only for this machine.

    NO_PROXY holds hosts separated by commas or blanks: `corp.example` and `.corp.example` mean that host and all below
    it, `host:8443` only that port, `10.0.0.0/8` addresses, `*` everything. Names are not looked up.
    """
    split = urlsplit(url)
    host = (split.hostname or "").rstrip(".").lower()
    if split.scheme != "https":
        return True
    port = split.port or DEFAULT_PORTS["https"]
    return any(_names(entry.lower(), host, port) for entry in re.split(r"[,\s]+", no_proxy) if entry)


def _names(entry: str, host: str, port: int) -> bool:
    """Return whether an entry of NO_PROXY covers a host."""
    if entry == "*" or _holds_address(entry, host):
        return True
    name, colon, digits = entry.rpartition(":")
    if colon and digits.isdecimal() and (":" not in name or name.startswith("[")):
        return int(digits) == port and _names(name, host, port)
    name = entry.strip("[]").removeprefix("*").strip(".")
    return bool(name) and (host == name or (host.endswith(f".{name}") and read_address(host) is None))


def _holds_address(network: str, host: str) -> bool:
    try:
        return ip_address(host) in ip_network(network.strip("[]"), strict=False)
    except ValueError:
        return False


def _authorization(url: SplitResult) -> str:
    """Return the header for the user name and password in the URL; empty if there are none."""
    if url.username is None:
        return ""
    pair = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
