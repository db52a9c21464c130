"""The sandbox serves this machine only, says clearly why it cannot, and lets everything go when it stops."""

from __future__ import annotations

import asyncio
import resource
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
import pytest

from importer.errors import UsageError
from importer.sandbox.api.answers import Limits
from importer.sandbox.directory_file import RESERVED
from importer.sandbox.server import serve

from .client import OPAL_HEADERS, Client, Clock, served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


async def test_one_port_serves_both_apis(client: Client) -> None:
    opal, rootly = urlsplit(client.address.opal), urlsplit(client.address.rootly)
    assert (opal.hostname, opal.path, rootly.path) == ("127.0.0.1", "/opal/v1", "/rootly")
    assert opal.port == rootly.port


async def test_a_port_in_use_is_refused_by_its_number(state: Path, client: Client, tmp_path: Path) -> None:
    port = urlsplit(client.address.opal).port or 0
    with pytest.raises(UsageError, match=f"port {port} on 127.0.0.1 is in use"):
        async with serve(tmp_path / "another.sqlite3", port=port):
            pass


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:8765"}, 421),
        ({"Host": "localhost.evil.example"}, 421),
        ({"Host": "127.0.0.1@evil.example"}, 421),
        ({"Host": ""}, 421),
        ({"Host": "192.0.2.1"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost", "Origin": "https://localhost"}, 403),
        ({"Host": "localhost:8765", "Origin": "http://localhost:3000"}, 403),
        ({"Host": "localhost:8765", "Origin": "http://localhost:8765"}, 200),
        ({"Host": "LOCALHOST"}, 200),
        ({"Host": "[::1]:8765"}, 200),
        ({"Host": "127.9.9.9"}, 200),
    ],
)
async def test_a_web_page_of_another_site_cannot_reach_the_sandbox(
    client: Client, headers: dict[str, str], status: int
) -> None:
    """A page can resolve its own name to this machine (DNS rebinding), or send forms to it."""
    assert (await client.opal("GET", "/groups", headers={**OPAL_HEADERS, **headers})).status == status


@pytest.mark.parametrize("port", [-1, 65536])
async def test_what_is_no_port_is_refused(state: Path, port: int) -> None:
    with pytest.raises(UsageError, match="is not a valid port"):
        async with serve(state, port=port):
            pass


async def test_a_cancelled_sandbox_lets_its_port_and_its_state_go(state: Path, clock: Clock) -> None:
    with anyio.CancelScope() as scope:
        async with served(state, clock) as client:
            address = urlsplit(client.address.opal)
            scope.cancel()
            await anyio.sleep_forever()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname or "", address.port or 0))
    async with served(state, clock, port=address.port) as client:
        assert (await client.shadow()).status == 201


async def test_an_error_of_the_block_comes_out_of_it_as_it_was(state: Path) -> None:
    with pytest.raises(KeyError, match="ours"):
        async with serve(state):
            raise KeyError("ours")


async def test_many_clients_at_once_get_an_object_each(state: Path, clock: Clock) -> None:
    async with served(state, clock, limits=Limits("none")) as client:
        replies = await asyncio.gather(*(client.shadow(shadow_user_id=1 + number) for number in range(200)))
        page = (await client.rootly("GET", "/v1/schedules/primary/on_call_shadows")).json
    assert {reply.status for reply in replies} == {201}
    assert len({reply.json["data"]["id"] for reply in replies}) == page["meta"]["total_count"] == 200


async def test_connections_wait_while_no_more_files_may_be_open_and_nothing_is_logged(
    state: Path, clock: Clock
) -> None:
    """Asyncio's own server logs a traceback for each of 128 tries, again and again."""
    loop, logged = asyncio.get_running_loop(), list[dict[str, Any]]()
    async with served(state, clock) as client:
        port = urlsplit(client.address.opal).port
        flood = [socket.socket() for _ in range(40)]
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        loop.set_exception_handler(lambda _, context: logged.append(context))
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(one.fileno() for one in flood) + 8, before[1]))
        try:
            for one in flood:
                one.setblocking(False)
                await loop.sock_connect(one, ("127.0.0.1", port))
            for one in flood[1:]:
                one.close()
            assert (await client.opal("GET", "/groups")).status == 200
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            loop.set_exception_handler(None)
            flood[0].close()
    assert logged == []


async def test_every_reserved_id_fails_as_the_table_says(client: Client) -> None:
    for entry in RESERVED:
        if entry.field == "remote_id":
            body = {"third_party_provider": "PAGER_DUTY", "remote_id": entry.value}
            reply = await client.opal("POST", "/on-call-schedules", body)
        elif entry.field == "schedule_id":
            reply = await client.shadow(entry.value)
        elif entry.field == "user_id":
            times = {"starts_at": "2027-03-01T08:00:00Z", "ends_at": "2027-03-01T16:00:00Z"}
            override = {"data": {"type": "shifts", "attributes": {"user_id": int(entry.value), **times}}}
            reply = await client.rootly("POST", "/v1/schedules/primary/override_shifts", override)
        else:
            reply = await client.shadow(**{entry.field: int(entry.value)})
        assert reply.status == entry.status
        assert entry.words in reply.body.decode()
