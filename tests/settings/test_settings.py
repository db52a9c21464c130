"""What the user set: where it may stand, what it may be, and that a token never shows."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.errors import SettingsError
from importer.records import TargetName
from importer.settings.config_file import CONFIG_FILE
from importer.settings.options import DECLARATIONS, DEFAULTS, IfExists, load_settings, write_setting
from importer.settings.origins import Stands, option_name, variables_of
from importer.settings.values import base_url, is_loopback, parse_rate

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = "canary-7f3a91c2"


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with no setting anywhere."""
    for name in list(os.environ):
        if name.upper().startswith(("OPAL_", "ROOTLY_", "IMPORTER_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], Path]:
    """Write importer.toml."""

    def _write(text: str) -> Path:
        path = tmp_path / CONFIG_FILE
        path.write_text(text, encoding="utf-8")
        return path

    return _write


def refused(**options: Any) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load_settings(options)
    return caught.value


# ---- where a setting may stand


def test_without_any_setting_the_documented_defaults_hold() -> None:
    settings = load_settings({})
    assert settings.base_url(TargetName.OPAL) == "https://api.opal.dev/v1"
    assert settings.base_url(TargetName.ROOTLY) == "https://api.rootly.com"
    assert str(settings.reports) == "reports"
    assert settings.if_exists is IfExists.SKIP
    assert settings.rate == {}
    assert not any((settings.strict, settings.yes, settings.sandbox, settings.quiet, settings.json))


def test_an_option_wins_over_the_environment_and_that_over_the_file(
    config: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config('concurrency = 1\nsettle = 1\nprovider = "file"')
    monkeypatch.setenv("IMPORTER_CONCURRENCY", "2")
    monkeypatch.setenv("IMPORTER_SETTLE", "2")
    settings = load_settings({"concurrency": 3, "timezone": None})
    assert (settings.concurrency, settings.settle, settings.provider) == (3, 2.0, "file")
    assert settings.timezone is None


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("IMPORTER_REPORTS", "elsewhere", "reports", "elsewhere"),
        ("IMPORTER_SHEET", "Schedules, Shadows ", "sheet", "('Schedules', 'Shadows')"),
        ("IMPORTER_TIMEZONE", "Europe/Berlin", "timezone", "Europe/Berlin"),
        ("IMPORTER_IF_EXISTS", "fail", "if_exists", "fail"),
        ("IMPORTER_STRICT", "1", "strict", "True"),
        ("IMPORTER_JSON", "true", "json", "True"),
        ("IMPORTER_SANDBOX", "yes", "sandbox", "True"),
        ("IMPORTER_HEADROOM", "20%", "headroom", "0.2"),
        ("IMPORTER_REQUEST_TIMEOUT", "2.5", "request_timeout", "2.5"),
        ("IMPORTER_BREAKER_TIMEOUT", "0", "breaker_timeout", "0.0"),
        ("OPAL_BASE_URL", "https://opal.example/v1/", "opal_base_url", "https://opal.example/v1"),
        ("ROOTLY_BASE_URL", "http://127.0.0.1:8080", "rootly_base_url", "http://127.0.0.1:8080"),
    ],
)
def test_a_setting_may_stand_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, field: str, value: str
) -> None:
    monkeypatch.setenv(name, text)
    assert str(getattr(load_settings({}), field)) == value


def test_settings_may_stand_in_the_file(config: Callable[[str], Path]) -> None:
    config('sheet = ["a, b"]\nrate = ["opal=5/s", "rootly=none"]\njson = true\nuntil = 2027-12-31')
    settings = load_settings({})
    assert settings.until == "2027-12-31"  # TOML has dates
    assert settings.sheet == ("a, b",)
    assert settings.rate == {TargetName.OPAL: 5.0, TargetName.ROOTLY: float("inf")}
    assert settings.json


def test_an_empty_variable_is_one_that_is_not_set(
    config: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    config("concurrency = 7")
    for name in ("OPAL_TOKEN", "ROOTLY_TOKEN", "OPAL_BASE_URL", "IMPORTER_CONCURRENCY", "IMPORTER_STRICT"):
        monkeypatch.setenv(name, "")
    settings = load_settings({})
    assert settings.opal_token is None
    assert settings.opal_base_url == "https://api.opal.dev/v1"
    assert settings.concurrency == 7


def test_an_unknown_setting_in_the_file_is_named(config: Callable[[str], Path]) -> None:
    config("concurency = 7\nsettel = 2")
    error = refused()
    assert error.message == (
        "importer.toml, line 1: concurency is not a known setting; importer.toml, line 2: settel is not a known setting"
    )
    assert error.hint.startswith("Did you mean concurrency? ")


@pytest.mark.parametrize("content", [b"concurrency = = 3", b"\xff\xfe", b"[", b'a = "\x00"'])
def test_a_file_that_is_no_toml_is_one_clear_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / CONFIG_FILE).write_bytes(content)
    error = refused()
    assert error.message.startswith("importer.toml cannot be read: ")
    assert error.hint in ("Correct importer.toml.", "Save importer.toml as UTF-8.")


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"concurrency": 0}, "0"),
        ({"concurrency": 1001}, "1001"),
        ({"concurrency": True}, "True"),
        ({"concurrency": 2.5}, "2.5"),
        ({"canary": 0}, "0"),
        ({"canary": 10**25}, "10000000000000000000000000"),
        ({"settle": -1}, "-1"),
        ({"settle": float("nan")}, "nan"),
        ({"settle": 10**400}, "1000"),
        ({"request_timeout": 0}, "0"),
        ({"breaker_timeout": float("inf")}, "inf"),
        ({"headroom": "120%"}, "120%"),
        ({"headroom": 1}, "1"),
        ({"if_exists": "overwrite"}, "overwrite"),
        ({"date_order": "ymd"}, "ymd"),
        ({"strict": "perhaps"}, "perhaps"),
        ({"timezone": 5}, "5"),
        ({"encoding": "undefined"}, "undefined"),
        ({"encoding": "rot13"}, "is not an encoding"),
        ({"encoding": "idna"}, "is not an encoding"),
        ({"encoding": "unicode_escape"}, "is not an encoding"),
        ({"sheet": 5}, "5"),
        ({"reports": ""}, '""'),
        ({"reports": "a\0b"}, "a"),
        ({"junit": b"x"}, "x"),
        ({"rate": "opal=0/s"}, "opal=0/s"),
        ({"rate": 5}, "5"),
        ({"rate": {"opal": 0}}, "0"),
        ({"rate": {"opal": -5}}, "-5"),
        ({"rate": {"opal": 10**400}}, "1000"),
        ({"rate": {"opal": float("nan")}}, "nan"),
        ({"rate": {"pagerduty": 5}}, "pagerduty"),
        ({"opal_base_url": "ftp://opal.example"}, "ftp://opal.example"),
        ({"rootly_base_url": "rootly.example"}, "rootly.example"),
    ],
)
def test_a_wrong_keyword_of_a_call_is_named_with_its_value(options: dict[str, Any], value: str) -> None:
    (name,) = options
    error = refused(**options)
    assert error.message.startswith(f"{name}: ")
    assert value in error.message
    assert error.hint == f"Correct the keyword {name}."


def test_a_keyword_that_does_not_exist_is_refused_with_the_nearest_that_does() -> None:
    error = refused(sanbox=True)
    assert error.message == "there is no option sanbox"
    assert error.hint.startswith("Did you mean sandbox? ")
    assert "command line only" in refused(quiet=True).message


@pytest.mark.parametrize(
    ("toml", "environment", "option", "name", "hint"),
    [
        (
            "strict = true\nconcurrency = 0",
            {},
            {},
            "importer.toml, line 2: concurrency",
            "Correct it in importer.toml.",
        ),
        (
            "",
            {"IMPORTER_CONCURRENCY": "0"},
            {},
            "IMPORTER_CONCURRENCY",
            "the environment variable IMPORTER_CONCURRENCY",
        ),
        ("", {}, {"concurrency": "0"}, "--concurrency", "Correct the option."),
        ("", {"OPAL_BASE_URL": "api.opal.dev"}, {}, "OPAL_BASE_URL", "OPAL_BASE_URL"),
        ("", {"OPAL_AUTH_TOKEN": "Bearer abc"}, {}, "OPAL_AUTH_TOKEN", "OPAL_AUTH_TOKEN"),
    ],
)
def test_a_wrong_value_is_named_as_the_user_set_it(
    config: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    toml: str,
    environment: dict[str, str],
    option: dict[str, str],
    name: str,
    hint: str,
) -> None:
    config(toml)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        load_settings(option, is_library=False)
    assert caught.value.message.startswith(f"{name}: ")
    assert hint in caught.value.hint


def test_an_option_can_be_set_again_by_the_words_that_set_it() -> None:
    settings = load_settings({"mapping": "m.toml", "rate": ("opal=5/s",)}, is_library=False)
    assert settings.origins["rate"].words == ("--rate", "opal=5/s")


@pytest.mark.parametrize(
    "words",
    [
        ["--sandbox"],
        ["--rate", "opal=1000/s", "--rate", "rootly=100/min"],
        ["--rate", "rootly=none"],
        ["--rate", "opal=0.3/s"],
        ["--headroom", "12.5%"],
        ["--sheet", "H1 2027", "--sheet", "H2"],
        ["--timezone", "Europe/Berlin"],
        ["--canary", "3"],
        ["--plan", "my plan.csv"],
    ],
)
def test_what_was_set_is_written_as_it_was_typed(words: list[str]) -> None:
    name = words[0].removeprefix("--")
    given = True if len(words) == 1 else tuple(words[1::2]) if DECLARATIONS[name].is_repeatable else words[1]
    settings = load_settings({name: given}, is_library=False)
    assert shlex.split(write_setting(name, settings.json_values()[name])) == words


def test_what_no_option_sets_is_written_as_its_variable() -> None:
    told = load_settings({"settle": 0, "opal_base_url": "https://opal.example/v1"}).json_values()
    assert write_setting("settle", told["settle"]) == "IMPORTER_SETTLE=0.0"
    assert write_setting("opal_base_url", told["opal_base_url"]) == "OPAL_BASE_URL=https://opal.example/v1"
    assert write_setting("mapping", {"columns": {"ID": "remote_id"}}) == "mapping (given in the call)"


# ---- what decides where a token or a file goes


@pytest.mark.parametrize(
    "line",
    [
        "opal_base_url = 'https://evil.example'",
        "rootly_base_url = 'https://evil.example'",
        "https_proxy = 'http://evil.example:3128'",
        "no_proxy = '*'",
        "ca_file = 'evil.pem'",
        "reports = '/tmp/elsewhere'",
        "junit = '~/.bashrc'",
    ],
)
def test_the_working_folders_file_may_not_say_where_a_token_or_a_file_goes(
    config: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """The user's own file may."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    file = config(f"strict = true\n{line}")
    name = line.partition(" ")[0]
    error = refused()
    assert error.message.startswith(f"importer.toml, line 2: {name} is not allowed in the importer.toml of a folder")
    assert variables_of(name, DECLARATIONS[name])[0] in error.hint
    own = tmp_path / "home" / "oncall-importer" / CONFIG_FILE
    own.parent.mkdir(parents=True)
    file.rename(own)
    assert name in load_settings({}).origins


def test_the_working_folders_file_wins_over_the_users_own(
    config: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    own = tmp_path / "oncall-importer" / CONFIG_FILE
    own.parent.mkdir()
    own.write_text('settle = 1\nprovider = "own"', encoding="utf-8")
    config("settle = 2")
    settings = load_settings({})
    assert (settings.settle, settings.provider) == (2.0, "own")
    monkeypatch.chdir(own.parent)  # there the two are one
    own.write_text("reports = 'x'", encoding="utf-8")
    assert str(load_settings({}).reports) == "x"


def test_a_settings_file_that_is_no_file_or_has_a_mark_of_windows(tmp_path: Path) -> None:
    """A FIFO is not waited for; Notepad's byte order mark is no part of a key."""
    os.mkfifo(tmp_path / CONFIG_FILE)
    assert refused().message == "importer.toml is not a regular file"
    (tmp_path / CONFIG_FILE).unlink()
    (tmp_path / CONFIG_FILE).write_bytes(b"\xef\xbb\xbfsettle = 3\r\nstrict = true\r\n")
    assert load_settings({}).settle == 3.0


def test_without_a_home_there_is_no_file_of_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("pathlib.Path.home", no_home)
    assert load_settings({}).settle == 5.0


# ---- one declaration


def test_the_keywords_of_a_call_are_the_settings_that_are_not_of_the_console() -> None:
    from importer import Options

    of_calls = {name for name, declared in DECLARATIONS.items() if declared.is_keyword and not declared.is_of_console}
    assert Options.__annotations__.keys() == of_calls | {"observer", "interrupted"}


def test_a_token_stands_in_no_option() -> None:
    assert {name for name, one in DECLARATIONS.items() if one.stands is Stands.ENVIRONMENT} == {
        "opal_token",
        "rootly_token",
        "pagerduty_token",
        "opsgenie_api_key",
    }
    assert not [name for name, one in DECLARATIONS.items() if one.commands and one.stands is Stands.ENVIRONMENT]


def test_the_page_of_commands_lists_every_setting_as_it_is_declared() -> None:
    import re

    from pages import read

    rows = dict(re.findall(r"^\| (`.*?) \| (?:[^|]* \| )?([^|]*) \|$", read("docs/commands.md"), re.MULTILINE))
    for name, declared in DECLARATIONS.items():
        metavar = declared.metavar.replace("|", "\\|")
        option = f"`{option_name(name)}{f' {metavar}' if metavar else ''}`"
        short = f", `{declared.short}`" if declared.short else ""
        cell = option + short if declared.commands else " or ".join(f"`{one}`" for one in variables_of(name, declared))
        if name not in ("https_proxy", "no_proxy"):  # of every program; Corporate networks tells of them
            assert rows[cell].startswith(declared.help), name
        default = DEFAULTS[name]
        if declared.commands and not isinstance(default, bool) and isinstance(default, int | str | Path) and default:
            assert f"Default {default}." in rows[cell]


def test_settings_cannot_be_changed_later() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(load_settings({}), "concurrency", 5)  # noqa: B010  (mypy knows that it is read-only)


# ---- tokens


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("OPAL_TOKEN", TargetName.OPAL),
        ("OPAL_AUTH_TOKEN", TargetName.OPAL),
        ("ROOTLY_TOKEN", TargetName.ROOTLY),
        ("ROOTLY_API_TOKEN", TargetName.ROOTLY),
    ],
)
def test_a_token_may_have_either_name(monkeypatch: pytest.MonkeyPatch, name: str, target: TargetName) -> None:
    monkeypatch.setenv(name, f" {TOKEN}\n")  # as `export X=$(cat file)` and copying leave it
    assert load_settings({}).token(target) == TOKEN


def test_the_first_name_of_a_token_wins_unless_it_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPAL_AUTH_TOKEN", "second")
    monkeypatch.setenv("OPAL_TOKEN", "first")
    assert load_settings({}).token(TargetName.OPAL) == "first"
    monkeypatch.setenv("OPAL_TOKEN", "")
    assert load_settings({}).token(TargetName.OPAL) == "second"


@pytest.mark.parametrize(("target", "variable"), [(TargetName.OPAL, "OPAL_TOKEN"), (TargetName.ROOTLY, "ROOTLY_TOKEN")])
def test_a_token_that_nobody_set_is_named(target: TargetName, variable: str) -> None:
    with pytest.raises(SettingsError, match=f"{variable} is not set") as caught:
        load_settings({}).token(target)
    assert variable in caught.value.hint


@pytest.mark.parametrize(
    "name",
    [
        "opal_token",
        "rootly_token",
        "OPAL_TOKEN",
        "OPAL_AUTH_TOKEN",
        "opal_auth_token",
        "ROOTLY_API_TOKEN",
        "Rootly_Token",
    ],
)
@pytest.mark.parametrize("text", ["{} = 'canary-7f3a91c2'", "[{}]\nvalue = 'canary-7f3a91c2'"])
def test_a_token_in_the_file_is_refused_under_each_of_its_names(
    config: Callable[[str], Path], name: str, text: str
) -> None:
    config(text.format(name))
    error = refused()
    assert name in error.message
    assert "environment" in error.message
    assert TOKEN not in error.message + error.hint


@pytest.mark.parametrize(
    "spoiled", ["a\r\nX-Evil: 1", "a\nb", "a b", "sécret", "a\x00b", "\u202ea", "   ", "a\tb", "a\x7f"]
)
def test_a_token_that_cannot_stand_in_a_header_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, spoiled: str
) -> None:
    error = refused(opal_token=TOKEN + spoiled if spoiled.strip() else spoiled)
    assert error.message.startswith("opal_token: ")
    assert TOKEN not in error.message + error.hint + repr(error)
    assert error.__cause__ is None


def test_a_token_shows_nowhere() -> None:
    settings = load_settings({"opal_token": TOKEN, "rootly_token": TOKEN})
    shown = [
        repr(settings),
        str(settings),
        f"{settings}",
        repr(dataclasses.asdict(settings)),
        json.dumps(settings.json_values()),
        repr(settings.origins),
        repr(copy.deepcopy(settings)),
        repr(dataclasses.replace(settings, quiet=True)),
        settings.fingerprint(),
    ]
    assert not [text for text in shown if TOKEN in text]


def test_a_wrong_value_beside_a_token_does_not_show_it() -> None:
    error = refused(opal_token=TOKEN, rootly_token=TOKEN + "\r\n" + TOKEN, concurrency=0)
    assert TOKEN not in error.message + error.hint + repr(error)


def test_the_fingerprint_tells_settings_apart_but_not_tokens() -> None:
    plain = load_settings({}).fingerprint()
    assert load_settings({}).fingerprint() == plain
    assert load_settings({"opal_token": TOKEN}).fingerprint() == plain
    assert load_settings({"concurrency": 7}).fingerprint() != plain
    assert load_settings({"rate": "opal=5/s"}).fingerprint() != plain


# ---- base URLs


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("https://api.rootly.com", "https://api.rootly.com"),
        ("https://api.rootly.com/", "https://api.rootly.com"),
        ("https://opal.example:8443/api/v1/", "https://opal.example:8443/api/v1"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1"),
    ],
)
def test_a_base_url_is_https_or_on_this_machine(text: str, base: str) -> None:
    assert base_url(text) == base


@pytest.mark.parametrize(
    "text",
    [
        "https://api.rootly.com@evil.com",
        "https://user:secret@api.rootly.com",
        "https://api.rootly.com\\@evil.com",
        "http://localhost@evil.com",
        "https://@api.rootly.com",
        "http://api.rootly.com",
        "http://127.0.0.1.evil.com",
        "http://localhost.evil.com",
        "http://localhost%2eevil.com",
        "http://0.0.0.0",
        "http://127.1",
        "http://0x7f.1",
        "http://2130706433",
        "http://①27.0.0.1",
        "ftp://localhost",
        "file:///etc/passwd",
        "//api.rootly.com",
        "api.rootly.com",
        "",
        "https://",
        "https:///v1",
        "https://api.rootly.com?x=1",
        "https://api.rootly.com?",
        "https://api.rootly.com/#",
        "https://api.rootly.com/#@evil.com",
        "https://api.rootly.com\\v1",
        "https://api rootly.com",
        "https://api.rootly.com\n/v1",
        " https://api.rootly.com",
        "https://api\u200b.rootly.com",
        "https://api.rootly.com/\x00",
        "https://api.rootly.com:99999",
        "https://api.rootly.com:https",
        "https://api.rootly.com:0",
        "https://[::1",
    ],
)
def test_any_other_base_url_is_refused_for_the_token_would_go_there(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        base_url(text)


def test_a_password_in_a_base_url_is_not_shown() -> None:
    assert TOKEN not in refused(opal_base_url=f"https://user:{TOKEN}@opal.example").message


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.255.255.254", "::1"])
def test_this_machine_is_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1.evil.com",
        "localhost.evil.com",
        "0.0.0.0",
        "::",
        "128.0.0.1",
        "localhost.",
        "evil.com",
        "",
        "127.1",
        "10.0.0.1",
    ],
)
def test_nothing_else_is_taken_for_this_machine(host: str) -> None:
    assert not is_loopback(host)


@given(st.text(max_size=20))
def test_no_text_before_another_domain_is_taken_for_this_machine(text: str) -> None:
    assert not is_loopback(f"{text}.evil.com")


# ---- rates


@pytest.mark.parametrize(
    ("text", "target", "rate"),
    [
        ("opal=50/s", TargetName.OPAL, 50.0),
        ("rootly=3000/min", TargetName.ROOTLY, 50.0),
        (" rootly = 1.5 / s ", TargetName.ROOTLY, 1.5),
        ("opal=6/min", TargetName.OPAL, 0.1),
        ("opal=none", TargetName.OPAL, float("inf")),
    ],
)
def test_a_rate_is_so_many_a_second_or_a_minute_or_none(text: str, target: TargetName, rate: float) -> None:
    assert parse_rate(text) == (target, rate)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "opal",
        "opal=",
        "opal=50",
        "50/s",
        "pagerduty=5/s",
        "opal=0/s",
        "opal=0.0/min",
        "opal=-5/s",
        "opal=5/h",
        "=5/s",
        "opal=1e3/s",
        "opal=inf/s",
        "opal=nan/s",
        "OPAL=5/s",
        "opal=5/s/s",
    ],
)
def test_anything_else_is_no_rate_and_the_message_shows_one(text: str) -> None:
    with pytest.raises(ValueError, match="write opal=50/s"):
        parse_rate(text)


def test_rates_may_be_given_as_a_list_or_as_one_text() -> None:
    expected = {TargetName.OPAL: 5.0, TargetName.ROOTLY: 1.0}
    assert load_settings({"rate": ["opal=5/s", "rootly=60/min"]}).rate == expected
    assert load_settings({"rate": "opal=5/s, rootly=60/min"}).rate == expected
    assert load_settings({"rate": {"opal": 5, "rootly": 1}}).rate == expected


@pytest.mark.parametrize("rate", [["opal=5/s", "rootly=1/s", "opal=none"], "opal=5/s,opal=none"])
def test_two_rates_of_one_target_contradict_each_other(rate: object, config: Callable[[str], None]) -> None:
    with pytest.raises(SettingsError, match=r"^rate: opal has two rates, 5/s and none: write one"):
        load_settings({"rate": rate})
    config(f"timezone = 'UTC'\nrate = {rate!r}")
    with pytest.raises(SettingsError, match=r"^importer\.toml, line 2: rate: opal has two rates"):
        load_settings({})
    assert load_settings({"rate": ["opal=5/s", "opal=300/min"]}).rate == {TargetName.OPAL: 5.0}


# ---- whatever is set


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.lists(st.text()),
    st.dictionaries(st.text(), st.one_of(st.floats(), st.integers(), st.text())),
    st.sampled_from(
        ["opal=1/s", "50%", "dmy", "skip", "Europe/Berlin", "https://[", "http://a@b", "\udcff", "1" * 5000]
    ),
)
_NAMES = st.sampled_from(sorted(DECLARATIONS))


@given(st.dictionaries(_NAMES, _VALUES, max_size=4))
def test_whatever_a_call_is_given_is_taken_or_refused_in_a_sentence(options: dict[str, Any]) -> None:
    with contextlib.suppress(SettingsError):
        settings = load_settings(options)
        json.dumps(settings.json_values(), ensure_ascii=True)
        settings.fingerprint()


@given(st.dictionaries(_NAMES, st.text(st.characters(exclude_characters="\0", codec="utf-8")), max_size=4))
def test_whatever_the_environment_says_is_taken_or_refused_in_a_sentence(texts: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, text in texts.items():
            patch.setenv(variables_of(name, DECLARATIONS[name])[0], text)
        with contextlib.suppress(SettingsError):
            load_settings({}).fingerprint()


@given(
    st.one_of(
        st.binary(max_size=200),
        st.tuples(_NAMES, st.text(max_size=60)).map(lambda pair: f"{pair[0]} = {pair[1]}".encode("utf-8", "replace")),
        st.integers(1, 5000).map(lambda depth: b"a = " + b"[" * depth + b"]" * depth),
        st.integers(1, 9000).map(lambda digits: b"concurrency = " + b"1" * digits),
    )
)
@example(b"a.b.c = 1")
@example(b"[concurrency]")
@example(b'"sheet" = [["x"]]')
@example(b'timezone = "\\u0000"')
def test_whatever_stands_in_the_file_is_taken_or_refused_in_a_sentence(content: bytes) -> None:
    Path(CONFIG_FILE).write_bytes(content)
    with contextlib.suppress(SettingsError):
        load_settings({}).fingerprint()
