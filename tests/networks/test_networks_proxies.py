"""What HTTPS_PROXY and NO_PROXY mean."""

from __future__ import annotations

import pytest

from importer.errors import SettingsError
from importer.records import TargetName
from importer.settings.options import load_settings
from importer.settings.proxy import Proxy, is_direct, read_proxy

VARIABLES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://proxy.corp.example:3128", "http://proxy.corp.example:3128"),
        ("proxy.corp.example:3128", "http://proxy.corp.example:3128"),
        ("http://proxy/", "http://proxy:80"),
        ("https://proxy", "https://proxy:443"),
        ("HTTP://Proxy:8080", "http://proxy:8080"),
        ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
    ],
)
def test_a_proxy_is_read_as_other_tools_read_it(text: str, url: str) -> None:
    assert read_proxy(text) == Proxy(url)


def test_a_password_goes_into_a_header_and_is_shown_nowhere() -> None:
    proxy = read_proxy("http://corp%5Cme:p%40ss@proxy:3128")
    assert (proxy.url, proxy.authorization) == ("http://proxy:3128", "Basic Y29ycFxtZTpwQHNz")
    assert "Basic" not in repr(proxy)


@pytest.mark.parametrize(
    "text",
    ["socks5://proxy:1080", "http://", "http://pro xy:1", "http://proxy:99999", "http://proxy:0", "http://proxy/path",
     "http://me:swordfish@[proxy", "ftp://proxy", "http://proxy:port", "swordfish://x"],
)  # fmt: skip
def test_what_can_be_no_proxy_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValueError, match=r"proxy|proxies") as caught:
        read_proxy(text)
    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize(
    ("no_proxy", "is_matched"),
    [
        ("", False),
        ("*", True),
        ("rootly.corp.example", True),
        ("corp.example", True),
        (".corp.example", True),
        ("*.corp.example", True),
        ("CORP.Example.", True),
        ("other.example, corp.example", True),
        ("other.example corp.example", True),
        ("corp.example:8443", True),
        ("corp.example:443", False),
        ("p.example", False),
        ("rp.example", False),
        ("example.corp", False),
        ("10.0.0.0/8", False),
        (",,", False),
    ],
)
def test_no_proxy_names_hosts_and_all_below_them(no_proxy: str, is_matched: bool) -> None:
    assert is_direct("https://rootly.corp.example:8443/v1", no_proxy) is is_matched


@pytest.mark.parametrize(
    ("url", "no_proxy", "is_matched"),
    [
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://10.1.2.3", "10.1.2.3", True),
        ("https://10.1.2.3:8443", "10.1.2.3:8443", True),
        ("https://10.1.2.3", "10.2.0.0/16", False),
        ("https://10.1.2.3", "2.3", False),
        ("https://[2001:db8::1]:8443", "2001:db8::/32", True),
        ("https://[2001:db8::1]:8443", "[2001:db8::1]:8443", True),
        ("https://[2001:db8::1]", "2001:db8::2", False),
    ],
)
def test_no_proxy_names_addresses_and_networks(url: str, no_proxy: str, is_matched: bool) -> None:
    assert is_direct(url, no_proxy) is is_matched


def proxy_of(target: TargetName = TargetName.ROOTLY) -> str:
    settings = load_settings({})
    proxy = settings.proxy_to(settings.base_url(target), target)
    return proxy.url if proxy else ""


def test_the_variables_count_in_the_order_of_other_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower case first, then HTTPS_PROXY, then ALL_PROXY; one that is set to nothing means: no proxy."""
    assert proxy_of() == ""
    for name in ("ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, f"http://{name.replace('_', '-')}:1")
        assert proxy_of() == f"http://{name.replace('_', '-').lower()}:1"
    monkeypatch.setenv("https_proxy", "")
    assert proxy_of() == ""


def test_http_proxy_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is for plain http, which goes to this machine alone, and never through a proxy."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy:1")
    assert proxy_of() == ""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    for url in ("http://127.0.0.1:8765", "http://localhost:8765", "https://localhost:8443", "https://[::1]:8443"):
        monkeypatch.setenv("ROOTLY_BASE_URL", url)
        assert proxy_of() == ""
    assert proxy_of(TargetName.OPAL) == "http://proxy:1"


def test_one_target_can_be_direct_and_the_other_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:1")
    monkeypatch.setenv("NO_PROXY", "rootly.com")
    assert (proxy_of(TargetName.ROOTLY), proxy_of(TargetName.OPAL)) == ("", "http://proxy:1")


def test_a_proxy_that_is_none_names_the_variable_and_not_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://me:swordfish@proxy:1")
    settings = load_settings({})
    with pytest.raises(SettingsError, match="HTTPS_PROXY has the scheme") as caught:
        settings.proxy_to(settings.opal_base_url, TargetName.OPAL)
    assert "swordfish" not in caught.value.message + caught.value.hint + repr(settings)


def test_the_way_to_a_target_does_not_change_a_runs_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fingerprint of a run at home and one at the office is the same, and holds no password."""
    before = load_settings({}).fingerprint()
    monkeypatch.setenv("HTTPS_PROXY", "http://me:swordfish@proxy:1")
    assert load_settings({}).fingerprint() == before
