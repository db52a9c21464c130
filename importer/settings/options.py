"""Every option and setting, declared once: name, type, default, help, and which commands take it.

The command line, the library's keywords, the environment, importer.toml, what a rerun takes over, and the tables of
docs/commands.md follow from the declarations. One frozen `Settings` is made and passed down. Importing this must stay
cheap: `--help` needs it.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from importer.errors import SettingsError
from importer.settings import proxy, values
from importer.settings.config_file import find_in_files
from importer.settings.origins import (
    Decides,
    Declaration,
    FoundSetting,
    Stands,
    declaration_of,
    find_keywords,
    find_options,
    find_variables,
    option_name,
    setting,
    variables_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.records import TargetName
    from importer.settings.origins import Origin
    from importer.settings.proxy import Proxy
    from importer.settings.values import Rates, Secret


#: The environment variables of each target's token, by the target's name.
TOKEN_VARIABLES = {"opal": ("OPAL_TOKEN", "OPAL_AUTH_TOKEN"), "rootly": ("ROOTLY_TOKEN", "ROOTLY_API_TOKEN")}
_READS = "run check rerun"
_SOURCES = f"{_READS} compare"  # what a source means
_SENDS = "run rerun"
_WRITES = "run rerun undo"
_REACHES = "run check rerun undo doctor"
_CALENDARS = "pull compare verify"


class IfExists(StrEnum):
    """What to do with a record that the target has already."""

    SKIP = "skip"  #: it is `exists`: a success
    FAIL = "fail"  #: it is `rejected`: someone should look


class DateOrder(StrEnum):
    """How a date such as 03/04/2026 is meant."""

    DMY = "dmy"
    MDY = "mdy"


class FailOn(StrEnum):
    """The least finding that makes the exit status 1."""

    PROBLEM = "problem"  #: a row that needs attention
    WARNING = "warning"  #: a warning about a row, too


class HiddenRows(StrEnum):
    """What to do with rows that are hidden in a workbook."""

    SEND = "send"  #: read them like the others
    SKIP = "skip"  #: leave them out, and say which


def _read_mapping(value: object) -> Path | Mapping[str, Any] | None:
    return value if isinstance(value, dict) else values.path(value)


def _token(help: str, *variables: str) -> Secret | None:  # noqa: A002  (what click calls it)
    return setting(None, values.secret, help, stands=Stands.ENVIRONMENT, variables=variables)


def _base_url(default: str, variable: str, help: str) -> str:  # noqa: A002
    return setting(default, values.base_url, help, stands=Stands.NOT_IN_FOLDER, variables=(variable,))


def _switch(help: str, commands: str, **more: Any) -> bool:  # noqa: A002
    return setting(False, values.flag, help, commands, **more)


def _text(help: str, commands: str, metavar: str, **more: Any) -> str | None:  # noqa: A002
    return setting(None, values.text, help, commands, metavar=metavar, **more)


def _word(choices: type[StrEnum], help: str, commands: str, decides: Decides, default: StrEnum | None = None) -> Any:  # noqa: A002
    return setting(default, values.one_of(choices), help, commands, metavar="|".join(choices), decides=decides)


def _file(help: str, commands: str, **more: Any) -> Path | None:  # noqa: A002
    return setting(None, values.path, help, commands, metavar="FILE", stands=Stands.NOT_IN_FOLDER, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting's value. Durations are seconds."""

    opal_token: Secret | None = _token(
        "The token for Opal; needed where the source has schedules.", *TOKEN_VARIABLES["opal"]
    )
    rootly_token: Secret | None = _token(
        "The token for Rootly; needed where the source has shadows or overrides.", *TOKEN_VARIABLES["rootly"]
    )
    opal_base_url: str = _base_url(
        "https://api.opal.dev/v1", "OPAL_BASE_URL", "Where Opal is; plain http is refused, this machine aside."
    )
    rootly_base_url: str = _base_url(
        "https://api.rootly.com", "ROOTLY_BASE_URL", "Where Rootly is; plain http is refused, this machine aside."
    )
    pagerduty_token: Secret | None = _token(
        "The key for reading PagerDuty (pull, compare); a read-only one is enough.", "PAGERDUTY_TOKEN"
    )
    opsgenie_api_key: Secret | None = _token(
        "The key for reading Opsgenie (pull, compare); it needs read and configuration access.", "OPSGENIE_API_KEY"
    )
    pagerduty_base_url: str = _base_url(
        "https://api.pagerduty.com", "PAGERDUTY_BASE_URL", "Where PagerDuty is; in the EU https://api.eu.pagerduty.com."
    )
    opsgenie_base_url: str = _base_url(
        "https://api.opsgenie.com", "OPSGENIE_BASE_URL", "Where Opsgenie is; in the EU https://api.eu.opsgenie.com."
    )
    #: A proxy's URL, with its password if it has one: a secret. Read where a target is reached; the sandbox needs none.
    https_proxy: Secret | None = setting(
        None, values.secret, "The proxy that targets are reached through.", stands=Stands.NOT_IN_FOLDER
    )
    no_proxy: str | None = _text("Hosts that are reached without a proxy.", "", "", stands=Stands.NOT_IN_FOLDER)

    sheet: tuple[str, ...] = setting(
        (),
        values.texts,
        "Read only this sheet of a workbook.",
        "run check map compare",
        metavar="NAME",
        is_repeatable=True,
        decides=Decides.RUNNING,
    )
    hidden_rows: HiddenRows | None = _word(
        HiddenRows, "What to do with rows hidden by a filter or by hand.", _SOURCES, Decides.READING
    )
    encoding: str | None = setting(
        None,
        values.encoding,
        "Encoding of CSV files, such as shift_jis.",
        f"{_SOURCES} map",
        metavar="NAME",
        decides=Decides.READING,
    )
    timezone: str | None = _text(
        "Time zone of date-times without an offset, such as Europe/Berlin.",
        "run check rerun doctor pull compare template",
        "ZONE",
        decides=Decides.READING,
    )
    provider: str | None = _text("Provider of schedule rows that name none.", _READS, "NAME", decides=Decides.READING)
    mapping: Path | Mapping[str, Any] | None = setting(
        None,
        _read_mapping,
        "Mapping file: which header is which column, constants, defaults.",
        _SOURCES,
        metavar="FILE",
    )
    date_order: DateOrder | None = _word(DateOrder, "How to read dates such as 03/04/2026.", _SOURCES, Decides.READING)
    until: str | None = _text("End date for repeating rows that have none.", _SOURCES, "DATE", decides=Decides.READING)

    sandbox: bool = _switch("Use the local stand-in: no account, no token.", f"{_REACHES} {_CALENDARS}")
    rate: Rates = setting(
        {},
        values.rates,
        "Rate limit: opal=50/s, rootly=3000/min or opal=none.",
        _REACHES,
        metavar="TARGET=N/s",
        is_repeatable=True,
    )
    headroom: float = setting(
        0.0, values.share, "Share of each rate limit to leave to other clients, such as 20%.", _REACHES, metavar="SHARE"
    )
    concurrency: int = setting(20, values.whole(1, 1000), "Requests in flight to each target.", _REACHES, metavar="N")
    ca_file: Path | None = _file("Extra certificate authorities (PEM) to trust.", f"{_REACHES} {_CALENDARS}")

    if_exists: IfExists = _word(
        IfExists, "What to do with records that already exist.", _SENDS, Decides.RUNNING, IfExists.SKIP
    )
    replace_overrides: bool = _switch(
        "Let new overrides replace existing ones that they overlap.", f"{_SENDS} check", decides=Decides.RUNNING
    )
    strict: bool = _switch(
        "Send nothing while any row is invalid. Rows with warnings are sent; with check, they make the exit status 1.",
        _READS,
        decides=Decides.RUNNING,
    )
    fail_on: FailOn = _word(FailOn, "What makes the exit status 1.", _READS, Decides.RUNNING, FailOn.PROBLEM)
    plan: Path | None = _file(
        "Plan of every record (.xlsx, .csv or .json): check writes it; run sends exactly that, or nothing.",
        "run check",
        decides=Decides.RUNNING,
    )
    #: 0: none; the option does not accept it
    canary: int = setting(
        0,
        values.whole(1, 1_000_000_000),
        "Send N records to each target first, show them, and ask before sending the rest.",
        _SENDS,
        metavar="N",
    )
    no_closing_look: bool = _switch(
        "Skip the check, after sending, that the targets have what the report says.", _SENDS
    )
    verify: bool = _switch("After sending, ask the targets whether everything is there.", _SENDS, is_keyword=False)
    online: bool = _switch("Also look up names and existing records at the targets.", "check", is_keyword=False)
    xlsx: bool = _switch("Write report.xlsx even for more than 20,000 rows.", _WRITES)
    mend_by_source: bool = _switch("Also write one workbook to mend for each source, in the run's folder mend.", _SENDS)
    contact: str | None = _text(
        "Name and e-mail address that report.xlsx asks people to send it back to.", _SENDS, "TEXT"
    )
    wait: bool = _switch("Wait for another run to the same target instead of refusing.", f"{_WRITES} doctor")
    yes: bool = _switch("Do not ask before writing.", _WRITES, short="-y", is_of_console=True)

    reports: Path = setting(
        Path("reports"),
        values.path,
        "Folder for reports; each run makes a subfolder.",
        f"{_REACHES} {_CALENDARS} runs show sandbox",
        metavar="DIR",
        stands=Stands.NOT_IN_FOLDER,
    )
    json: bool = _switch(
        "Print one JSON object per line on standard output.", f"{_REACHES} {_CALENDARS} runs show", is_of_console=True
    )
    junit: Path | None = _file("Write the outcome of each row as JUnit XML.", f"{_WRITES} check")
    all: bool = _switch("Print every finding, not only three examples of each kind.", _READS, is_of_console=True)
    quiet: bool = _switch(
        "Print only the result and which rows were left out.",
        f"{_REACHES} {_CALENDARS}",
        short="-q",
        is_of_console=True,
    )
    #: in the library: run.log has every request
    verbose: bool = _switch("Show each request; run.log has them too.", f"{_REACHES} {_CALENDARS}", short="-v")

    settle: float = setting(
        5.0,
        values.seconds(3600),
        "Seconds before a target is asked about a record in doubt; twice as long each time, up to 60.",
    )
    request_timeout: float = setting(30.0, values.seconds(3600, is_zero_good=False), "Seconds for one request in all.")
    breaker_timeout: float = setting(
        60.0, values.seconds(86400), "Seconds until a target that does not come back is given up."
    )
    max_bytes: int = setting(
        500_000_000, values.whole(1, 1 << 50), "Bytes of a source; a workbook may unpack to twice as much."
    )
    max_rows: int = setting(2_000_000, values.whole(1, 1 << 40), "Rows of a source.")
    max_columns: int = setting(1000, values.whole(1, 1 << 20), "Columns of a sheet.")
    max_cell: int = setting(1 << 20, values.whole(1, 1 << 30), "Characters of a cell.")

    #: Where each setting that differs from its default was set.
    origins: Mapping[str, Origin] = field(default_factory=dict, compare=False, repr=False)

    def token(self, target: TargetName) -> str:
        """Return the target's token.

        Raises:
            SettingsError: it is not set.
        """
        secret: Secret | None = getattr(self, f"{target}_token")
        if secret is None:
            variable, other = TOKEN_VARIABLES[target]
            raise SettingsError(
                f"the source has records for {target}, and {variable} is not set",
                hint=f"Set {variable} (or {other}) in the environment, or rehearse with --sandbox.",
            )
        return secret.reveal()

    def has_token(self, target: TargetName) -> bool:
        """Return whether the target's token is set."""
        return getattr(self, f"{target}_token") is not None

    def base_url(self, target: TargetName) -> str:
        """Return the target's base URL, without a slash at its end."""
        return str(getattr(self, f"{target}_base_url"))

    def proxy_to(self, url: str, name: str) -> Proxy | None:
        """Return the proxy for a URL, or None; `name` is the system's.

        Raises:
            SettingsError: HTTPS_PROXY is invalid.
        """
        written = self.https_proxy.reveal() if self.https_proxy else ""
        is_here = values.is_loopback(urlsplit(url).hostname or "")
        if not written or is_here or proxy.is_direct(url, self.no_proxy or ""):
            return None
        try:
            return proxy.read_proxy(written)
        except ValueError as error:
            raise SettingsError(
                f"HTTPS_PROXY {error}", hint=f"Correct HTTPS_PROXY (or ALL_PROXY), or name {name}'s host in NO_PROXY."
            ) from None

    def json_values(self) -> dict[str, Any]:
        """Return all settings as JSON values, except tokens and how a target is reached."""
        return {name: values.as_json(getattr(self, name)) for name in DECLARATIONS if name not in _NOT_RECORDED}

    def fingerprint(self) -> str:
        """Return the SHA-256 of all settings, except tokens and how a target is reached."""
        import orjson

        return hashlib.sha256(orjson.dumps(self.json_values(), option=orjson.OPT_SORT_KEYS)).hexdigest()


#: Every setting's declaration, in the order in which commands and docs list them.
DECLARATIONS: Mapping[str, Declaration] = {
    one.name: declaration for one in fields(Settings) if (declaration := declaration_of(one)) is not None
}
#: The options that one command alone has, as keys of importer.toml, such as `pull_team`: other ways to give the option.
OF_COMMANDS: Mapping[str, Declaration] = {
    f"{command}_{name}": Declaration(read=values.texts, help="", stands=Stands.NOT_IN_FOLDER)
    for command, names in {
        "check": "output",
        "compare": "from to team schedule exclude pairs feed_env feed_file pattern csv html",
        "map": "output header_row no_header yes",
        "pull": "from to team schedule exclude pairs feed_env feed_file pattern shadow_of backup yes",
        "sandbox": "port faults directory pagerduty opsgenie organization reset",
        "show": "status limit schema",
        "template": "yes",
        "verify": "csv",
    }.items()
    for name in names.split()
}
#: Whatever may be a variable or a key of importer.toml.
IN_FILES: Mapping[str, Declaration] = {**DECLARATIONS, **OF_COMMANDS}
#: Every setting's default.
DEFAULTS: Mapping[str, Any] = {name: getattr(Settings(), name) for name in DECLARATIONS}
_NOT_RECORDED = frozenset(
    {"opal_token", "rootly_token", "pagerduty_token", "opsgenie_api_key", "https_proxy", "no_proxy", "ca_file"}
)


def write_setting(name: str, value: Any) -> str:
    """Return how to set a setting to a value from `json_values`: its option as typed, or its variable."""
    declared = DECLARATIONS.get(name)
    if declared is None or (name == "mapping" and isinstance(value, dict)):
        return f"{name} (given in the call)"
    if name == "rate" and isinstance(value, dict):
        texts = [f"{target}={values.write_rate(rate)}" for target, rate in value.items()]
    elif name == "headroom" and isinstance(value, float):
        texts = [f"{value * 100:.12g}%"]
    else:
        texts = [str(one) for one in value] if isinstance(value, list) else [str(value)]
    if not declared.commands:
        return f"{variables_of(name, declared)[0]}={shlex.quote(','.join(texts))}"
    option = option_name(name)
    return option if value is True else shlex.join(word for text in texts for word in (option, text))


def load_settings(options: Mapping[str, Any], *, is_library: bool = True) -> Settings:
    """Make the settings; `options` are a library call's keywords, or the command line's options, by name.

    Raises:
        SettingsError: a value is invalid; the sentence names it as the user set it, but never a token.
    """
    given = {name: value for name, value in options.items() if value is not None}
    found = find_in_files(IN_FILES) | find_variables(os.environ, DECLARATIONS)
    found |= (find_keywords if is_library else find_options)(given, DECLARATIONS)
    taken: dict[str, Any] = {}
    wrong: list[str] = []
    hints: set[str] = set()
    for name in DECLARATIONS.keys() & found.keys():
        value, origin = found[name]
        try:
            taken[name] = DECLARATIONS[name].read(value)
        except ValueError as error:
            wrong.append(f"{origin.name}: {error}")
            hints.add(origin.hint)
    if wrong:
        raise SettingsError("; ".join(sorted(wrong)), hint=" ".join(sorted(hints)))
    origins = {name: found[name].origin for name in DECLARATIONS if name in taken}
    # The usual variables for proxies; one that is set to an empty text means: no proxy.
    url = proxy.first_set(proxy.PROXY_VARIABLES, os.environ)
    direct = proxy.first_set(proxy.NO_PROXY_VARIABLES, os.environ)
    proxies = {"https_proxy": values.Secret(url) if url else None, "no_proxy": direct or None}
    return Settings(**(proxies | taken), origins=origins)


def find_command_options(command: str) -> dict[str, FoundSetting]:
    """Find the options that a command alone has in the environment and the user's own importer.toml, by their names.

    Raises:
        SettingsError: an importer.toml cannot be read, or has settings that are refused there.
    """
    own = {name: one for name, one in OF_COMMANDS.items() if name.startswith(f"{command}_")}
    found = find_in_files(IN_FILES) | find_variables(os.environ, own) if own else {}
    return {name.removeprefix(f"{command}_"): found[name] for name in own.keys() & found.keys()}
