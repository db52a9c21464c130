"""What was created stays, belongs to one sandbox at a time, and is emptied only on demand."""

# The loop of these tests has nothing else to do while a file is looked at.
# ruff: noqa: ASYNC240

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import anyio
import pytest

from importer.errors import SettingsError
from importer.sandbox.server import serve
from importer.sandbox.state import reset

from .client import Client, Clock, served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

PAIR = {"third_party_provider": "OPSGENIE", "remote_id": "72a8cb04-9e25-465d-a932-992f72077c61"}
PLATFORM = "/groups/7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d02/on-call-schedules"

#: Creates one of each through the real server, tells their ids, and is then killed without a chance to clean up.
KILLED = """
import asyncio, os, signal, sys, urllib.request
from pathlib import Path
from importer.sandbox.directory_file import TOKEN
from importer.sandbox.server import serve

def post(url, body, media_type):
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": media_type, "Content-Type": media_type}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
        return answer.read()

async def main():
    async with serve(Path(sys.argv[1])) as address:
        shadows = address.rootly + "/v1/schedules/primary/on_call_shadows"
        await asyncio.to_thread(post, address.opal + "/on-call-schedules", sys.argv[2].encode(), "application/json")
        await asyncio.to_thread(post, shadows, sys.argv[3].encode(), "application/vnd.api+json")
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def everything(client: Client) -> list[object]:
    paths = ["/on-call-schedules", PLATFORM]
    found = [(await client.opal("GET", path)).json for path in paths]
    return [*found, (await client.rootly("GET", "/v1/schedules/primary/on_call_shadows")).json["data"]]


async def test_state_survives_a_restart(state: Path, clock: Clock) -> None:
    async with served(state, clock) as client:
        made = (await client.opal("POST", "/on-call-schedules", PAIR)).json["on_call_schedule_id"]
        await client.opal("PUT", PLATFORM, {"on_call_schedule_ids": [made]})
        await client.shadow()
        before = await everything(client)
    async with served(state, clock) as client:
        assert await everything(client) == before


async def test_what_was_answered_survives_a_kill(state: Path, clock: Clock) -> None:
    opal = '{"third_party_provider": "PAGER_DUTY", "remote_id": "P1"}'
    rootly = """{"data": {"type": "on_call_shadows", "attributes": {"shadowable_type": "User", "shadowable_id": "1",
        "shadow_user_id": 2, "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2026-01-02T00:00:00Z"}}}"""
    killed = await anyio.run_process([sys.executable, "-c", KILLED, str(state), opal, rootly], check=False)
    assert killed.returncode == -9, killed.stderr.decode()
    async with served(state, clock) as client:
        schedules, _, shadows = await everything(client)
    assert isinstance(schedules, dict)
    assert [each["remote_id"] for each in schedules["on_call_schedules"]] == ["P1"]
    assert isinstance(shadows, list)
    assert len(shadows) == 1


async def test_a_second_sandbox_on_the_same_state_is_refused_by_name(state: Path, client: Client) -> None:
    with pytest.raises(SettingsError, match="in use") as caught:
        async with serve(state):
            pass
    assert str(state) in caught.value.message
    assert (await client.shadow()).status == 201


async def test_another_process_on_the_same_state_is_refused(state: Path, client: Client) -> None:
    code = "import sys; from pathlib import Path; from importer.sandbox.state import reset; reset(Path(sys.argv[1]))"
    other = await anyio.run_process([sys.executable, "-c", code, str(state)], check=False)
    assert b"is in use by another sandbox" in other.stderr
    assert (await client.shadow()).status == 201


async def test_reset_empties_the_state(state: Path, clock: Clock) -> None:
    async with served(state, clock) as client:
        empty = await everything(client)
        await client.opal("POST", "/on-call-schedules", PAIR)
        await client.shadow()
    for companion in ("-wal", "-shm", "-journal"):  # as a kill leaves them
        state.with_name(state.name + companion).write_bytes(b"")
    reset(state)
    assert [path.name for path in state.parent.iterdir()] == [state.name + ".lock"]
    async with served(state, clock) as client:
        assert await everything(client) == empty


async def test_reset_of_a_missing_state_does_nothing(tmp_path: Path) -> None:
    reset(tmp_path / "none" / "sandbox.sqlite3")
    assert list(tmp_path.iterdir()) == []


async def test_reset_of_a_state_being_served_is_refused(state: Path, client: Client) -> None:
    await client.shadow()
    with pytest.raises(SettingsError, match="in use"):
        reset(state)
    assert (await client.rootly("GET", "/v1/schedules/primary/on_call_shadows")).json["meta"]["total_count"] == 1


def foreign(path: Path, sort: str) -> None:
    if sort == "text":
        path.write_text("a,b\n1,2\n")
        return
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE rows (number INTEGER)")


@pytest.mark.parametrize("sort", ["text", "database"])
async def test_a_file_that_is_no_sandboxs_is_left_alone(state: Path, sort: str) -> None:
    foreign(state, sort)
    before = state.read_bytes()
    with pytest.raises(SettingsError, match="not the state of a sandbox"):
        reset(state)
    with pytest.raises(SettingsError, match="not the state of a sandbox"):
        async with serve(state):
            pass
    assert state.read_bytes() == before


async def test_a_state_of_another_version_is_refused(state: Path, clock: Clock) -> None:
    async with served(state, clock):
        pass
    with closing(sqlite3.connect(state)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(SettingsError, match="version 99") as caught:
        async with serve(state):
            pass
    assert "--reset" in caught.value.hint
    reset(state)
    async with served(state, clock) as client:
        assert (await client.shadow()).status == 201


async def test_the_empty_file_of_an_interrupted_start_is_used(state: Path, clock: Clock) -> None:
    state.touch()
    async with served(state, clock) as client:
        assert (await client.shadow()).status == 201


async def test_a_state_that_is_a_fifo_is_refused_without_waiting_for_a_writer(state: Path) -> None:
    os.mkfifo(state)
    with pytest.raises(SettingsError, match="is not a regular file"):
        async with serve(state):
            pass
    with pytest.raises(SettingsError, match="is not a regular file"):
        reset(state)


async def test_a_state_that_cannot_be_opened_is_one_clear_error(state: Path) -> None:
    state.mkdir()
    with pytest.raises(SettingsError, match="is not a regular file") as caught:
        async with serve(state):
            pass
    assert str(state) in caught.value.message
    blocked = state.parent / "file"
    blocked.touch()
    with pytest.raises(SettingsError, match="cannot be opened"):
        async with serve(blocked / "sandbox.sqlite3"):
            pass


async def test_a_damaged_state_is_one_clear_error(state: Path, clock: Clock) -> None:
    async with served(state, clock) as client:
        await client.shadow()
    damaged = bytearray(state.read_bytes())
    damaged[100:4096] = b"\xff" * (4096 - 100)
    state.write_bytes(damaged)
    with pytest.raises(SettingsError, match="cannot be used"):
        async with serve(state):
            pass


async def test_a_state_that_fails_while_serving_is_a_500_in_each_apis_form(state: Path, client: Client) -> None:
    with closing(sqlite3.connect(state)) as connection:
        connection.executescript(
            "DROP TABLE opal_group_schedules; DROP TABLE opal_schedules; DROP TABLE rootly_shadows"
        )
    opal = await client.opal("POST", "/on-call-schedules", PAIR)
    rootly = await client.shadow()
    assert (opal.status, set(opal.json)) == (500, {"Message"})
    assert (rootly.status, set(rootly.json)) == (500, {"error"})


async def test_the_state_is_its_owners_alone(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "reports"
    async with served(folder / "sandbox.sqlite3", clock) as client:
        await client.shadow()
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert set(modes.values()) == {0o600}
    assert {"sandbox.sqlite3", "sandbox.sqlite3-wal"} <= set(modes)
