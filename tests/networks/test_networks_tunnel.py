"""Requests through a proxy: what it sees, and that whatever it does wrong carried no request."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest
import trustme
from delivery.serving import http, reset, says, serving

from importer.delivery.client import Answer, Lost, NotSent, open_client
from importer.delivery.transport import Transport, load_trust
from importer.errors import SettingsError
from importer.settings.proxy import Proxy, read_proxy
from importer.targets.rootly import ROOTLY

from .proxying import Proxied, encrypting, proxying

if TYPE_CHECKING:
    from pathlib import Path

    from importer.delivery.client import Reply

pytestmark = pytest.mark.anyio

TOKEN = "canary-5d0c7e11"
PASSWORD = "canary-pa:ss@word"
URL = "https://api.example"


async def post(proxy: Proxy, ca_file: Path | None, *, patience: float = 30) -> Reply:
    route = Transport(proxy, load_trust(ca_file))
    async with open_client(ROOTLY, URL, TOKEN, route, concurrency=2, request_timeout=patience) as client:
        return await client.post("/x", b"{}")


async def test_a_tunnel_leads_to_the_target_and_the_proxy_sees_the_hosts_name_alone(
    authority: trustme.CA, ca_file: Path
) -> None:
    """Neither the token nor the path; and the target does not see the proxy's password."""
    async with (
        serving(says(http(201, b"{}"))) as served,
        encrypting(authority.issue_cert("api.example"), int(served.url.rpartition(":")[2])) as port,
        proxying(Proxied(port, wants="Basic dXNlcjpjYW5hcnktcGE6c3NAd29yZA==")) as proxied,
    ):
        proxy = read_proxy(f"http://user:canary-pa%3Ass%40word@127.0.0.1:{proxied.port}")
        for _ in range(2):
            assert isinstance(await post(proxy, ca_file), Answer)
    assert proxied.asked == ["api.example:443"] * 2
    assert TOKEN not in "".join(proxied.heads)
    assert "aiohttp" not in "".join(proxied.heads)
    assert [seen.headers["authorization"] for seen in served.seen] == [f"Bearer {TOKEN}"] * 2
    assert not any("proxy" in name for seen in served.seen for name in seen.headers)
    assert served.seen[0].headers["content-type"] == "application/vnd.api+json"


async def test_a_proxy_that_is_spoken_to_with_tls_opens_tunnels_too(authority: trustme.CA, ca_file: Path) -> None:
    own = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(own)
    async with (
        serving(says(http(201, b"{}"))) as served,
        encrypting(authority.issue_cert("api.example"), int(served.url.rpartition(":")[2])) as port,
        proxying(Proxied(port), own) as proxied,
    ):
        assert isinstance(await post(Proxy(f"https://127.0.0.1:{proxied.port}"), ca_file), Answer)
        refused = await post(Proxy(f"https://127.0.0.1:{proxied.port}"), None)
    assert isinstance(refused, NotSent)
    assert refused.reason.startswith(f"the proxy https://127.0.0.1:{proxied.port} cannot be reached: the certificate")


REFUSALS = {
    407: ("requires a user name and a password (407)", True),
    403: ("refuses to connect to api.example (403)", True),
    502: ("could not connect to api.example (502)", False),
}


@pytest.mark.parametrize("status", REFUSALS)
async def test_what_a_proxy_refuses_was_not_sent_and_the_proxy_is_named(status: int) -> None:
    """By whom it is refused and why; where a rule or a password is lacking, trying again is no use."""
    async with proxying(Proxied(answer=http(status, b"<html>go away</html>"))) as proxied:
        reply = await post(Proxy(proxied.url), None)
    words, is_lasting = REFUSALS[status]
    assert reply == NotSent(f"the proxy {proxied.url} {words}", is_lasting)


async def test_a_password_that_is_refused_is_never_shown() -> None:
    async with proxying(Proxied(wants="Basic else")) as proxied:
        reply = await post(read_proxy(f"http://me:{PASSWORD.replace('@', '%40')}@127.0.0.1:{proxied.port}"), None)
    assert reply == NotSent(f"the proxy {proxied.url} refuses the user name and password (407)", is_lasting=True)


async def test_a_proxy_that_nobody_serves_is_named() -> None:
    async with proxying(Proxied()) as proxied:
        gone = proxied.url
    assert await post(Proxy(gone), None) == NotSent(f"the proxy {gone} cannot be reached: Connection refused")
    reply = await post(Proxy("http://no-such-proxy.invalid:3128"), None)
    assert isinstance(reply, NotSent)
    assert "http://no-such-proxy.invalid:3128 cannot be reached: the host's name was not found" in reply.reason


@pytest.mark.parametrize(
    "proxied",
    [
        Proxied(answer=b""),
        Proxied(answer=b"SSH-2.0-OpenSSH_9\r\n\r\n"),
        Proxied(is_silent=True),
        Proxied(answer=b"HTTP/1.1 200 OK\r\n\r\nno TLS at all\r\n\r\n"),
    ],
    ids=["hangs up", "is none", "says nothing", "leads nowhere"],
)
async def test_a_tunnel_that_breaks_off_carried_no_request(proxied: Proxied) -> None:
    """A target that does the same leaves a record in doubt, which here nobody needs to ask about."""
    async with proxying(proxied):
        reply = await post(Proxy(proxied.url), None, patience=2 if proxied.is_silent else 30)
    assert isinstance(reply, NotSent), reply
    assert proxied.url in reply.reason
    assert TOKEN not in "".join(proxied.heads)


async def test_what_breaks_off_behind_the_tunnel_is_lost(authority: trustme.CA, ca_file: Path) -> None:
    """The request was on its way: whether the proxy or the target hung up, the target must be asked."""
    async with (
        serving(reset) as served,
        encrypting(authority.issue_cert("api.example"), int(served.url.rpartition(":")[2])) as port,
        proxying(Proxied(port)) as proxied,
    ):
        assert isinstance(await post(Proxy(proxied.url), ca_file), Lost)
    assert len(served.seen) == 1


async def test_a_private_authority_is_trusted_where_it_is_named_and_nowhere_else(
    authority: trustme.CA, ca_file: Path
) -> None:
    """Beside the system's: what is named does not take its place, and a host's name must fit all the same."""
    other = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("elsewhere.example").configure_cert(other)
    good = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(good)
    replies = []
    async with serving(says(http(200, b"{}")), good) as served, serving(says(http(200)), other) as wrong:
        for url, trust in ((served.url, ca_file), (served.url, None), (wrong.url, ca_file)):
            route = Transport(trust=load_trust(trust))
            async with open_client(ROOTLY, url, TOKEN, route, concurrency=1, request_timeout=30) as client:
                replies.append(await client.get(f"{url}/x"))
    assert [type(reply) for reply in replies] == [Answer, NotSent, NotSent]
    trusted = load_trust(ca_file)
    assert trusted is not None
    assert trusted.verify_mode is ssl.CERT_REQUIRED
    assert trusted.cert_store_stats()["x509"] == ssl.create_default_context().cert_store_stats()["x509"] + 1


def test_a_file_of_authorities_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    for path, words in ((tmp_path / "none.pem", "No such file"), (text, "no certificate"), (tmp_path, "irectory")):
        with pytest.raises(SettingsError, match=words) as caught:
            load_trust(path)
        assert str(path) in caught.value.message
        assert caught.value.hint
