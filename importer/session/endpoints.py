"""Where the targets are for a run: the real ones with their tokens, or the embedded stand-in, served meanwhile."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from importer.delivery.transport import Connection, Transport, load_trust
from importer.records import TargetName

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterable

    from importer.settings import Settings


SANDBOX_STATE = "sandbox.sqlite3"


@asynccontextmanager
async def connect(targets: Iterable[TargetName], settings: Settings) -> AsyncIterator[dict[TargetName, Connection]]:
    """Give where each of the targets is, and the token for it.

    Raises:
        SettingsError: a token is not set, the proxy cannot be one, or the file of authorities cannot be read.
    """
    if settings.sandbox:
        from importer import sandbox

        settings.reports.mkdir(parents=True, exist_ok=True)
        async with sandbox.serve(settings.reports / SANDBOX_STATE) as address:
            urls = {TargetName.OPAL: address.opal, TargetName.ROOTLY: address.rootly}
            yield {target: Connection(urls[target], sandbox.TOKEN) for target in targets}
    else:
        trust = load_trust(settings.ca_file)
        yield {target: make_connection(target, settings, trust) for target in targets}


def make_connection(target: TargetName, settings: Settings, trust: ssl.SSLContext | None) -> Connection:
    """Say where a real target is and how it is reached.

    Raises:
        SettingsError: its token is not set, or the proxy cannot be one.
    """
    token = settings.token(target)
    return Connection(settings.base_url(target), token, Transport(settings.proxy(target), trust))
