"""Nothing is sent to a server that cannot prove who it is."""

from __future__ import annotations

import os
import ssl
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
import orjson
import pytest
import trustme

from importer.delivery.client import Lost, NotSent, open_client
from importer.targets.rootly import ROOTLY

from .serving import http, says, serving

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

#: Asks each URL it is given, trusting what SSL_CERT_FILE names; aiohttp reads that when it is imported.
ASK = """
import asyncio, sys
import orjson
from importer.delivery.client import open_client
from importer.targets import ROOTLY

async def ask(url):
    async with open_client(ROOTLY, url, "token", concurrency=1, request_timeout=30) as client:
        reply = await client.post("/x", b"{}")
        return [type(reply).__name__, *map(str, reply)]

async def main():
    return [await ask(url) for url in sys.argv[1:]]

sys.stdout.buffer.write(orjson.dumps(asyncio.run(main())))
"""


def context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(made)
    return made


async def ask_trusting(authority: trustme.CA, folder: Path, urls: list[str]) -> list[list[str]]:
    certificates = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(certificates))
    environment = {**os.environ, "SSL_CERT_FILE": str(certificates), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = await anyio.run_process([sys.executable, "-c", ASK, *urls], env=environment, stderr=None)
    answers: list[list[str]] = orjson.loads(done.stdout)
    return answers


async def test_only_a_valid_certificate_of_the_very_host_from_a_trusted_authority_is_good(tmp_path: Path) -> None:
    authority = trustme.CA()
    expired = authority.issue_cert(
        "127.0.0.1", not_before=datetime(2019, 1, 1, tzinfo=UTC), not_after=datetime(2020, 1, 1, tzinfo=UTC)
    )
    certificates = [
        authority.issue_cert("127.0.0.1"),
        authority.issue_cert("api.rootly.com"),
        expired,
        trustme.CA().issue_cert("127.0.0.1"),
    ]
    async with AsyncExitStack() as stack:
        servers = [
            await stack.enter_async_context(serving(says(http(201, b"{}")), context(each))) for each in certificates
        ]
        good, *bad = await ask_trusting(authority, tmp_path, [server.url for server in servers])
    assert good[0] == "Answer"
    for (kind, reason, is_lasting), words in zip(bad, ["mismatch", "expired", "unable to get"], strict=True):
        assert (kind, is_lasting) == ("NotSent", "True")
        assert reason.startswith("the certificate was refused: ")
        assert words in reason
    assert [len(server.seen) for server in servers] == [1, 0, 0, 0]


async def test_a_self_signed_certificate_is_refused_and_nothing_is_sent() -> None:
    async with (
        serving(says(http(201)), context(trustme.CA().issue_cert("127.0.0.1"))) as served,
        open_client(ROOTLY, served.url, "token", concurrency=1, request_timeout=30) as client,
    ):
        for reply in (await client.post("/x", b"{}"), await client.get(served.url + "/x")):
            assert isinstance(reply, NotSent)
            assert reply.is_lasting
    assert not served.seen


async def test_a_server_that_speaks_no_tls_gets_nothing_and_the_reason_says_so() -> None:
    async with serving(says(b""), greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n") as served:
        url = served.url.replace("http:", "https:")
        async with open_client(ROOTLY, url, "token", concurrency=1, request_timeout=30) as client:
            reply = await client.post("/x", b"{}")
    assert isinstance(reply, NotSent)
    assert not reply.is_lasting
    assert reply.reason.startswith("no TLS connection: ")
    assert not served.seen


async def test_a_handshake_that_does_not_end_in_time_is_not_sent() -> None:
    async with serving(says(b"")) as served:
        url = served.url.replace("http:", "https:")
        async with open_client(ROOTLY, url, "token", concurrency=1, request_timeout=0.4) as client:
            assert await client.post("/x", b"{}") == NotSent("no connection in time")


async def test_plain_http_to_a_server_that_wants_tls_is_lost() -> None:
    async with serving(says(http(201)), context(trustme.CA().issue_cert("127.0.0.1"))) as served:
        url = served.url.replace("https:", "http:")
        async with open_client(ROOTLY, url, "token", concurrency=1, request_timeout=30) as client:
            assert isinstance(await client.post("/x", b"{}"), Lost)
    assert not served.seen
