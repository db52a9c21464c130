"""In a company's network: through its proxy, trusting its authority, and not one byte of a secret on the way."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import anyio.from_thread
import pytest
import trustme
from networks.proxying import Proxied, encrypting, proxying

from .command import Workplace, statuses
from .front import CANARY
from .sources import schedules, shadows
from .truth import disagreements, read_truth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .front import Front

PASSWORD = "canary-proxy-81f0"
BASIC = f"Basic {base64.b64encode(f'me:{PASSWORD}'.encode()).decode()}"


@pytest.fixture
def proxied(front: Front) -> Iterator[tuple[Proxied, trustme.CA]]:
    """A proxy that wants a password, before targets whose certificates a private authority signed."""
    authority = trustme.CA()
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(
            encrypting(authority.issue_cert("opal.corp.example", "rootly.corp.example"), front.port)
        ) as port,
        portal.wrap_async_context_manager(proxying(Proxied(port, wants=BASIC))) as proxied,
    ):
        yield proxied, authority


@pytest.fixture
def office(place: Workplace, front: Front, proxied: tuple[Proxied, trustme.CA]) -> Workplace:
    """A machine in that network. A .netrc that knows the hosts must count for nothing."""
    proxy, authority = proxied
    authority.cert_pem.write_to_path(str(place.path / "corp.pem"))
    netrc = place.path / ".netrc"
    netrc.write_text("machine opal.corp.example login me password netrc-secret\n")
    netrc.chmod(0o600)
    return Workplace(
        place.path,
        **front.variables
        | {
            "OPAL_BASE_URL": "https://opal.corp.example/opal/v1",
            "ROOTLY_BASE_URL": "https://rootly.corp.example/rootly",
            "HTTPS_PROXY": f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}",
        },
    )


def everything(office: Workplace) -> bytes:
    return b"".join(path.read_bytes() for path in office.path.rglob("*") if path.is_file() and path.name != ".netrc")


def test_a_run_goes_through_the_proxy_to_targets_of_a_private_authority(
    office: Workplace, front: Front, proxied: tuple[Proxied, trustme.CA]
) -> None:
    """Every request of it; the proxy sees neither token nor path, and its password stands nowhere."""
    sources = office.write("s.csv", schedules(3)), office.write("t.csv", shadows(3))
    done = office.run("run", *sources, "--ca-file", "corp.pem")
    assert done.status == 0, done
    lines = office.lines(done.run)
    assert statuses(lines) == {"created": 6}
    assert disagreements(lines, read_truth(front.state)) == []
    assert set(proxied[0].asked) == {"opal.corp.example:443", "rootly.corp.example:443"}
    assert CANARY not in "".join(proxied[0].heads)
    assert PASSWORD not in done.out + done.err
    assert BASIC not in done.out + done.err
    for secret in (PASSWORD, BASIC, CANARY, "netrc-secret"):
        assert secret.encode() not in everything(office)


def test_a_proxy_that_refuses_the_password_ends_the_run_at_once_and_nothing_was_sent(
    office: Workplace, front: Front, proxied: tuple[Proxied, trustme.CA]
) -> None:
    url = f"http://127.0.0.1:{proxied[0].port}"
    wrong = {"HTTPS_PROXY": url.replace("//", f"//me:old-{PASSWORD}@"), "IMPORTER_CA_FILE": "corp.pem"}
    done = office.run("run", office.write("s.csv", schedules(3)), variables=wrong)
    assert done.status == 4
    assert front.requests == []
    assert statuses(office.lines(done.run)) == {"pending": 3}
    assert f"the proxy {url} refuses the user name and password (407)" in done.out.replace("\n", " ")
    assert PASSWORD not in done.out + done.err


def test_without_the_authority_the_target_is_not_trusted(office: Workplace, front: Front) -> None:
    done = office.run("run", office.write("s.csv", schedules(1)))
    assert done.status == 4
    assert "the certificate was refused" in done.out
    assert front.requests == []


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"HTTPS_PROXY": f"socks5://me:{PASSWORD}@127.0.0.1:1080"}, 'HTTPS_PROXY has the scheme "socks5"'),
        ({"HTTPS_PROXY": f"http://me:{PASSWORD}@127.0.0.1:port"}, "HTTPS_PROXY is not the URL of a proxy"),
        ({"IMPORTER_CA_FILE": "nowhere.pem"}, "IMPORTER_CA_FILE: nowhere.pem: No such file or directory"),
        ({"IMPORTER_CA_FILE": "s.csv"}, "IMPORTER_CA_FILE: s.csv: it holds no certificate in PEM form"),
    ],
)
def test_a_setting_that_cannot_be_is_two_lines_and_leaves_nothing(
    office: Workplace, variables: dict[str, str], words: str
) -> None:
    done = office.run("run", office.write("s.csv", schedules(1)), variables=variables)
    assert (done.status, done.out) == (2, "")
    assert words in done.err
    assert len(done.err.strip().splitlines()[-2:]) == 2
    assert PASSWORD not in done.err
    assert office.runs == []


def test_the_sandbox_is_never_looked_for_behind_a_proxy(place: Workplace) -> None:
    """Even one that could not be used: this machine is reached directly."""
    source = place.write("s.csv", schedules(1))
    for proxy in ("http://127.0.0.1:9", "socks5://127.0.0.1:9"):
        proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "http_proxy", "ALL_PROXY"), proxy)
        assert place.run("run", source, "--sandbox", variables=proxies).status == 0
