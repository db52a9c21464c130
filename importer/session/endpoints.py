"""Where the targets are for a run: the real ones with their tokens, or the embedded stand-in, served meanwhile."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from importer.delivery.transport import Connection, Transport, load_trust
from importer.errors import SettingsError
from importer.records import TargetName

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterable, Mapping

    from importer.settings import Settings


SANDBOX_STATE = "sandbox.sqlite3"


@asynccontextmanager
async def connect(targets: Iterable[TargetName], settings: Settings) -> AsyncIterator[dict[TargetName, Connection]]:
    """Return where each of the targets is, and the token for it.

    Raises:
        SettingsError: a token is not set, the proxy cannot be one, or the file of authorities cannot be read.
    """
    if settings.sandbox:
        async with _serve_sandbox(settings) as connections:
            yield {target: connections[target] for target in targets}
    else:
        trust = load_trust(settings.ca_file)
        yield {target: make_connection(target, settings, trust) for target in targets}


def make_connection(target: TargetName, settings: Settings, trust: ssl.SSLContext | None) -> Connection:
    """Return where a real target is and how it is reached.

    Raises:
        SettingsError: its token is not set, or the proxy cannot be one.
    """
    token, url = settings.token(target), settings.base_url(target)
    return Connection(url, token, Transport(settings.proxy_to(url, target), trust))


@asynccontextmanager
async def connect_source(name: str, settings: Settings) -> AsyncIterator[Connection]:
    """Return where a system is that is only read (`pagerduty`, `opsgenie`, `rootly`), and the key for it.

    Raises:
        SettingsError: the key is not set, the proxy cannot be one, or the file of authorities cannot be read.
    """
    if name == TargetName.ROOTLY:
        async with connect([TargetName.ROOTLY], settings) as connections:
            yield connections[TargetName.ROOTLY]
        return
    if settings.sandbox:
        async with _serve_sandbox(settings) as served:
            yield served[name]
        return
    key, variable, url = (
        (settings.pagerduty_token, "PAGERDUTY_TOKEN", settings.pagerduty_base_url)
        if name == "pagerduty"
        else (settings.opsgenie_api_key, "OPSGENIE_API_KEY", settings.opsgenie_base_url)
    )
    if key is None:
        raise SettingsError(
            f"{variable} is not set", hint=f"Set {variable} in the environment, or try it with --sandbox."
        )
    transport = Transport(settings.proxy_to(url, name), load_trust(settings.ca_file))
    yield Connection(url, key.reveal(), transport)


@asynccontextmanager
async def _serve_sandbox(settings: Settings) -> AsyncIterator[Mapping[str, Connection]]:
    """Serve the stand-in; return where each of its systems is, by the system's name."""
    from importer.sandbox.directory_file import TOKEN
    from importer.sandbox.server import serve

    settings.reports.mkdir(parents=True, exist_ok=True)
    async with serve(settings.reports / SANDBOX_STATE) as address:
        yield {name: Connection(url, TOKEN) for name, url in asdict(address).items()}
