"""The stand-in for Rootly wants of every request what Rootly wants, and errs in Rootly's forms."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from .client import JSON_API, ROOTLY_HEADERS, SHADOW, Client

pytestmark = pytest.mark.anyio

#: One request of each sort: every one passes the same throttle.
REQUESTS = [
    ("GET", "/v1/users/me"),
    ("GET", "/v1/schedules/primary/on_call_shadows"),
    ("POST", "/v1/schedules/primary/on_call_shadows"),
    ("DELETE", "/v1/on_call_shadows/x"),
    ("GET", "/v1/nothing"),
]
RATE_HEADERS = {"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Used", "X-RateLimit-Reset"}


def without(name: str) -> dict[str, str]:
    return {header: value for header, value in ROOTLY_HEADERS.items() if header != name}


@pytest.mark.parametrize(("method", "path"), REQUESTS)
async def test_a_request_without_user_agent_is_refused_by_the_edge_in_html(
    client: Client, method: str, path: str
) -> None:
    reply = await client.rootly(method, path, headers=without("User-Agent"))
    assert (reply.status, reply.media_type) == (403, "text/html")
    assert b"<html>" in reply.body
    assert set(reply.headers) >= RATE_HEADERS


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.parametrize("header", ["Accept", "Content-Type"])
@pytest.mark.parametrize("value", [None, "application/json", "*/*"])
async def test_a_request_of_another_media_type_is_415(
    client: Client, method: str, path: str, header: str, value: str | None
) -> None:
    headers = without(header) | ({header: value} if value else {})
    reply = await client.rootly(method, path, headers=headers)
    assert (reply.status, reply.json["errors"][0]["status"]) == (415, "415")
    assert set(reply.headers) >= RATE_HEADERS


@pytest.mark.parametrize("value", [f"{JSON_API}; charset=utf-8", JSON_API.upper(), f"text/html, {JSON_API};q=0.9"])
async def test_the_media_type_may_have_company(client: Client, value: str) -> None:
    assert (await client.rootly("GET", "/v1/users/me", headers=ROOTLY_HEADERS | {"Accept": value})).status == 200


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic sandbox-token"])
async def test_a_request_without_the_token_is_401_as_plain_json(
    client: Client, method: str, path: str, authorization: str | None
) -> None:
    headers = without("Authorization") | ({"Authorization": authorization} if authorization else {})
    reply = await client.rootly(method, path, headers=headers)
    assert (reply.status, reply.media_type) == (401, "application/json")
    assert reply.json["errors"][0]["status"] == "401"
    assert set(reply.headers) >= RATE_HEADERS


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/v1/nothing"), ("PATCH", "/v1/users"), ("GET", "/v1/schedules/a/b/on_call_shadows")],
)
async def test_what_is_not_routed_is_a_flat_404(client: Client, method: str, path: str) -> None:
    reply = await client.rootly(method, path)
    assert (reply.status, reply.media_type, set(reply.json)) == (404, "application/json", {"error"})
    assert set(reply.headers) >= RATE_HEADERS


async def test_answers_are_json_api(client: Client) -> None:
    for reply in (
        await client.shadow(),
        await client.shadow(shadow_user_id="x"),
        await client.rootly("GET", "/v1/users"),
    ):
        assert reply.media_type == JSON_API
        assert set(reply.headers) >= RATE_HEADERS


@pytest.mark.parametrize(
    "path", ["/v1/users?filter[email]=%ff", "/v1/schedules/%ff%fe", "/v1/\udcff", "/v1/users?sort=%00"]
)
async def test_bytes_that_are_no_text_are_answered_all_the_same(client: Client, path: str) -> None:
    reply = await raw(client, f"GET /rootly{path} HTTP/1.1")
    assert reply.split()[1] in {b"200", b"400", b"404"}


async def test_a_client_that_goes_away_while_it_sends_leaves_the_sandbox_at_work(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    address = urlsplit(client.address.rootly)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(head("POST /rootly/v1/schedules/primary/on_call_shadows HTTP/1.1") + b"Content-Length: 9\r\n\r\n{")
    await writer.drain()
    assert (await client.rootly("GET", "/v1/users/me")).status == 200  # so it has come to the half body by now
    writer.close()
    await writer.wait_closed()
    assert (await client.shadow()).status == 201
    assert caplog.records == []


def head(line: str) -> bytes:
    headers = {"Host": "localhost", "Connection": "close"} | ROOTLY_HEADERS
    lines = [line, *(f"{name}: {value}" for name, value in headers.items())]
    return "".join(f"{each}\r\n" for each in lines).encode("utf-8", "surrogateescape")


async def raw(client: Client, line: str) -> bytes:
    """Send a request line as it stands, which no client library would."""
    address = urlsplit(client.address.rootly)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(head(line) + b"\r\n")
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_shadow_stays_one_request_away_from_its_schedule(client: Client) -> None:
    """The schedule stands in the path only: in the body it is refused."""
    reply = await client.shadow("primary")
    assert reply.status == 201
    body = {"data": {"type": "on_call_shadows", "attributes": SHADOW | {"schedule_id": "primary"}}}
    reply = await client.rootly("POST", "/v1/schedules/primary/on_call_shadows", body)
    assert (reply.status, reply.json["errors"][0]["source"]["pointer"]) == (422, "/data/attributes/schedule_id")
