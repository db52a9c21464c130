"""A status that was told comes in the API's words or in none, with the headers told and no other hint."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sandbox_truth import read_truth

from importer.records import TargetName

from .client import JSON_API, Clock, Reply, create, plan, served

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("target", TargetName)]

HINTS = {"Retry-After", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Used", "X-RateLimit-Reset"}


async def refused(state: Path, clock: Clock, target: TargetName, **fault: object) -> Reply:
    async with served(state, clock, faults=plan({"what": "status", **fault})) as client:
        return await create(client, target)


@pytest.mark.parametrize("status", [301, 401, 403, 404, 408, 409, 425, 429, 500, 502, 503, 504, 520])
async def test_before_the_commit_nothing_was_made(state: Path, clock: Clock, target: TargetName, status: int) -> None:
    reply = await refused(state, clock, target, status=status, form="empty")
    assert (reply.status, reply.body) == (status, b"")
    assert read_truth(state).objects == ()
    assert [(request.fault, request.status, request.id) for request in read_truth(state).requests] == [
        ("status", status, "")
    ]


@pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 503, 504])
async def test_after_the_commit_it_is_there(state: Path, clock: Clock, target: TargetName, status: int) -> None:
    reply = await refused(state, clock, target, status=status, when="after", form="empty")
    assert reply.status == status
    (made,) = read_truth(state).objects
    assert read_truth(state).requests[0].id == made.id


@pytest.mark.parametrize("form", ["api", "html", "text"])
async def test_the_words_are_the_apis_or_those_of_a_machine_on_the_way(
    state: Path, clock: Clock, target: TargetName, form: str
) -> None:
    reply = await refused(state, clock, target, status=500, form=form)
    words = "The sandbox was told to answer 500."
    assert words in reply.body.decode()
    own = "application/json" if target is TargetName.OPAL else JSON_API
    assert reply.media_type == {"api": own, "html": "text/html", "text": "text/plain"}[form]
    if form == "api":
        assert reply.json.get("Message", words) == words
        assert reply.json.get("errors", [{"detail": words}])[0]["detail"] == words


async def test_a_refused_token_and_a_limit_are_worded_as_the_api_words_them(
    state: Path, clock: Clock, target: TargetName
) -> None:
    token = await refused(state, clock, target, status=401)
    assert (token.media_type, set(token.json)) == (
        "application/json",
        {"Message" if target is TargetName.OPAL else "errors"},
    )
    limit = await refused(state, clock, target, status=429)
    assert set(limit.json) == {"Message" if target is TargetName.OPAL else "error"}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, {}),
        ({"retry_after": 120}, {"Retry-After": "120"}),
        ({"retry_after": "Wed, 21 Oct 2099 07:28:00 GMT"}, {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}),
        ({"retry_after": "-5"}, {"Retry-After": "-5"}),
        ({"retry_after": "banana"}, {"Retry-After": "banana"}),
        ({"retry_date": 90}, {"Retry-After": "Thu, 01 Jan 2026 12:01:30 GMT"}),
        ({"reset_in": 30.5}, {"X-RateLimit-Reset": "1767268831"}),
        ({"reset_in": -10}, {"X-RateLimit-Reset": "1767268790"}),
    ],
)
async def test_a_429_hints_at_nothing_but_what_was_told(
    state: Path, clock: Clock, target: TargetName, told: dict[str, object], expected: dict[str, str]
) -> None:
    reply = await refused(state, clock, target, status=429, **told)
    assert {name: value for name, value in reply.headers.items() if name in HINTS} == expected
    assert reply.headers["Date"] == "Thu, 01 Jan 2026 12:00:00 GMT"


@pytest.mark.parametrize("to", ["", "http://127.0.0.1:9"])
async def test_a_redirect_leads_to_another_origin(state: Path, clock: Clock, target: TargetName, to: str) -> None:
    async with served(state, clock, faults=plan({"what": "status", "status": 307, "to": to})) as client:
        reply = await create(client, target)
    assert reply.headers["Location"].startswith((to or "http://elsewhere.invalid") + "/")


async def test_the_token_is_refused_from_a_request_on(state: Path, clock: Clock, target: TargetName) -> None:
    faults = plan({"what": "status", "status": 401, "first": 3, "target": target})
    async with served(state, clock, faults=faults) as client:
        statuses = [(await create(client, target)).status for _ in range(5)]
        other = TargetName.ROOTLY if target is TargetName.OPAL else TargetName.OPAL
        assert (await create(client, other)).status < 300
    assert statuses[2:] == [401] * 3
    assert sum(request.status == 401 for request in read_truth(state).requests) == 3
    assert read_truth(state).commits == len(read_truth(state).objects) == 3
