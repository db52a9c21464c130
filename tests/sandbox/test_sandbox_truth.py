"""The truth is what the server holds, readable by anybody at any time, under the keys that records have."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_truth import read_truth

from importer.errors import SettingsError
from importer.kinds.schedule import ScheduleRecord
from importer.kinds.shadow import ShadowRecord
from importer.records import TargetName
from importer.sandbox.fault_plan import describe
from importer.sandbox.server import serve

from .client import PAIR, SHADOW, Client, Clock, create, plan, served

pytestmark = pytest.mark.anyio

POST_SHADOW = describe("POST", "/rootly/v1/schedules/primary/on_call_shadows")
POST_SCHEDULE = describe("POST", "/opal/v1/on-call-schedules")
SHADOW_RECORD = ShadowRecord(
    schedule_id="primary",
    shadowable_type="User",
    shadowable_id="101",
    shadow_user_id=102,
    starts_at=datetime(2026, 2, 20, 2, 12, 19, tzinfo=UTC),
    ends_at=datetime(2026, 7, 20, 2, 12, 19, tzinfo=UTC),
)
SCHEDULE_RECORD = ScheduleRecord(third_party_provider="PAGER_DUTY", remote_id="P1")

TESTS = Path(__file__).parents[1]
#: Tells what another process reads of a state.
READER = """
import sys
from pathlib import Path
from sandbox_truth import read_truth
found = read_truth(Path(sys.argv[1]))
print(len(found.objects), len(found.requests), found.commits)
"""


async def test_objects_have_the_keys_that_their_records_have(client: Client, state: Path) -> None:
    made = [(await client.opal("POST", "/on-call-schedules", PAIR)).json["on_call_schedule_id"]]
    made.append((await client.shadow()).json["data"]["id"])
    found = read_truth(state)
    assert [each.id for each in found.objects] == made
    assert found.ids == {SCHEDULE_RECORD.key: (made[0],), SHADOW_RECORD.key: (made[1],)}
    assert found.doubles == {}


async def test_what_was_made_twice_is_told(client: Client, state: Path) -> None:
    ids = [(await client.shadow()).json["data"]["id"] for _ in range(2)]
    await client.shadow(shadow_user_id=7)
    assert read_truth(state).doubles == {SHADOW_RECORD.key: tuple(ids)}


async def test_every_attempt_is_counted_by_its_key_and_every_commit_by_its_id(state: Path, clock: Clock) -> None:
    faults = plan(
        {"what": "status", "status": 503, "at": [1]},
        {"what": "html", "when": "before", "at": [2]},
        {"what": "html", "when": "after", "at": [3]},
    )
    async with served(state, clock, faults=faults) as client:
        for target in (TargetName.ROOTLY, *[TargetName.ROOTLY] * 3, TargetName.OPAL):
            await create(client, target)
        await client.shadow(shadow_user_id=422)
        await client.shadow(shadow_user_id="no number")
        await client.rootly("GET", "/v1/users/me")
    found = read_truth(state)
    refused = (*SHADOW_RECORD.key[:3], 422, *SHADOW_RECORD.key[4:])
    assert found.posts == {SHADOW_RECORD.key: 4, SCHEDULE_RECORD.key: 1, refused: 1}
    assert [each.status for each in found.requests] == [503, 201, 201, 201, 200, 422, 422, 200]
    assert [each.id for each in found.requests if each.id] == [
        each.id for each in sorted(found.objects, key=lambda made: made.target, reverse=True)
    ]
    assert found.commits == 3


async def test_a_request_is_logged_with_its_path_and_its_times(state: Path, clock: Clock) -> None:
    async with served(state, clock, faults=plan()) as client:
        await client.rootly("GET", "/v1/users?page[size]=1")
        clock.moment += 60
        await client.opal("GET", "/nothing")
        await client.opal("GET", "/groups", headers={})
    first, second, third = read_truth(state).requests
    assert (first.number, first.target, first.method, first.path) == (1, "rootly", "GET", "/v1/users?page%5Bsize%5D=1")
    assert (second.target, second.status, second.key) == ("opal", 404, ())
    assert (third.status, second.arrived_at - first.arrived_at) == (401, 60)
    assert first.monotonic <= second.monotonic <= third.monotonic


async def test_a_limit_that_was_met_is_in_the_log(state: Path, clock: Clock) -> None:
    async with served(state, clock, faults=plan()) as client:
        for _ in range(101):
            await client.opal("GET", "/groups")
    statuses = [request.status for request in read_truth(state).requests]
    assert statuses == [200] * 100 + [429]


async def test_the_log_goes_on_after_a_restart(state: Path, clock: Clock) -> None:
    for _ in range(2):
        async with served(state, clock, faults=plan()) as client:
            await client.shadow()
    assert [request.number for request in read_truth(state).requests] == [1, 2]


async def test_another_process_reads_it_while_it_is_served_and_afterwards(state: Path, clock: Clock) -> None:
    async with served(state, clock, faults=plan()) as client:
        await client.shadow()
        during = await anyio.run_process([sys.executable, "-c", READER, str(state)], cwd=TESTS)
        assert (await client.shadow()).status == 201
    after = await anyio.run_process([sys.executable, "-c", READER, str(state)], cwd=TESTS)
    assert (during.stdout, after.stdout) == (b"1 1 1\n", b"2 2 2\n")


async def test_reading_leaves_the_sandboxs_lock_alone(state: Path, client: Client) -> None:
    await client.shadow()
    read_truth(state)
    with pytest.raises(SettingsError, match="in use"):
        async with serve(state):
            pass


async def test_a_state_made_before_there_were_faults_is_served_and_read(state: Path, clock: Clock) -> None:
    async with served(state, clock) as client:
        await client.shadow()
    with closing(sqlite3.connect(state)) as connection:
        connection.executescript("DROP TABLE late; DROP TABLE requests")
    async with served(state, clock, faults=plan()) as client:
        await client.shadow()
    assert (len(read_truth(state).objects), read_truth(state).commits) == (2, 1)


@given(
    remote_id=st.text(min_size=1),
    user_id=st.integers(1, 2**64 - 1),
    starts_at=st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001  the zone is added below
    hours=st.integers(1, 100),
)
def test_the_key_of_a_posted_body_is_its_records(remote_id: str, user_id: int, starts_at: datetime, hours: int) -> None:
    starts_at = starts_at.replace(microsecond=0, tzinfo=UTC)
    ends_at = starts_at + timedelta(hours=hours)
    schedule = ScheduleRecord(third_party_provider="OPSGENIE", remote_id=remote_id[:255])
    posted = {"third_party_provider": "OPSGENIE", "remote_id": remote_id[:255]}
    assert POST_SCHEDULE.posted_key(orjson.dumps(posted)) == schedule.key
    changed = {"shadow_user_id": user_id, "starts_at": starts_at, "ends_at": ends_at}
    shadow = ShadowRecord.model_validate(SHADOW_RECORD.model_dump() | changed)
    attributes = SHADOW | {"shadow_user_id": user_id, "starts_at": starts_at, "ends_at": ends_at}
    body = orjson.dumps({"data": {"type": "on_call_shadows", "attributes": attributes}})
    assert POST_SHADOW.posted_key(body) == shadow.key


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"data": null}', b'{"remote_id": "P1"}', b"\xff"])
def test_a_body_that_creates_nothing_has_no_key(body: bytes) -> None:
    assert POST_SHADOW.posted_key(body) == POST_SCHEDULE.posted_key(body) == ()
