"""What the user set: options, environment variables, importer.toml; one frozen model, made once, passed down."""

from __future__ import annotations

import hashlib
import os
import re
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias
from urllib.parse import SplitResult, urlsplit

import orjson
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from importer.errors import SettingsError
from importer.records import TargetName
from importer.settings.proxies import NO_PROXY_VARIABLES, PROXY_VARIABLES, Proxy, first_set, is_direct, read_proxy

if TYPE_CHECKING:
    from collections.abc import Mapping


CONFIG_FILE = "importer.toml"
_BASE_URL = re.compile(r"(?:(?![?#\\])[!-~])+")  # printable ASCII; what is put behind it must become its path
_RATE = re.compile(r"(\d+(?:\.\d+)?)/(s|min)")
_UNLIMITED = float("inf")
_PositiveRate: TypeAlias = Annotated[float, Field(gt=0)]
TOKEN_VARIABLES = {
    TargetName.OPAL: ("OPAL_TOKEN", "OPAL_AUTH_TOKEN"),
    TargetName.ROOTLY: ("ROOTLY_TOKEN", "ROOTLY_API_TOKEN"),
}
_WITHOUT_OPTION = frozenset(
    {"settle", "request_timeout", "breaker_timeout", "max_bytes", "max_rows", "max_columns", "max_cell"}
)
_UNTOLD = {"opal_token", "rootly_token", "https_proxy", "no_proxy", "ca_file"}
_TOKEN_NAMES = frozenset(name for names in TOKEN_VARIABLES.values() for name in names)


#: Settings that decide what a row means: a rerun takes them over from the run that it repeats.
READING_OPTIONS = ("timezone", "provider", "date_order", "until")
#: Settings that decide what is read and sent: a run that ended before it had read its sources is repeated with them.
RUN_OPTIONS = (*READING_OPTIONS, "sheet", "strict", "if_exists")


class IfExists(StrEnum):
    """What becomes of a record that the target has already."""

    SKIP = "skip"  #: it is `exists`: a success
    FAIL = "fail"  #: it is `rejected`: someone should look


class Settings(BaseSettings):
    """Every option's value. An option wins over the environment, the environment over importer.toml.

    Durations are seconds. Tokens come from the environment alone.
    """

    model_config = SettingsConfigDict(
        env_prefix="IMPORTER_",
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        populate_by_name=True,
        toml_file=CONFIG_FILE,
    )

    opal_token: SecretStr | None = Field(None, validation_alias=AliasChoices(*TOKEN_VARIABLES[TargetName.OPAL]))
    rootly_token: SecretStr | None = Field(None, validation_alias=AliasChoices(*TOKEN_VARIABLES[TargetName.ROOTLY]))
    opal_base_url: str = Field("https://api.opal.dev/v1", validation_alias=AliasChoices("OPAL_BASE_URL"))
    rootly_base_url: str = Field("https://api.rootly.com", validation_alias=AliasChoices("ROOTLY_BASE_URL"))

    #: A proxy's URL, with its password if it has one: a secret. Read where a target is reached; the sandbox needs none.
    https_proxy: SecretStr = Field(default_factory=lambda: SecretStr(first_set(PROXY_VARIABLES, os.environ)))
    no_proxy: str = Field(default_factory=lambda: first_set(NO_PROXY_VARIABLES, os.environ))
    ca_file: Path | None = None  #: PEM certificates of authorities to trust beside the system's

    reports: Path = Path("reports")  #: the folder that the runs' folders are made in
    sheet: Annotated[tuple[str, ...], NoDecode] = ()  #: the sheets to read; empty means all
    timezone: str | None = None  #: IANA zone of date-times that have no offset
    provider: str | None = None  #: provider of schedule rows that name none
    mapping: Path | None = None  #: a mapping file: which header is which column, constants, defaults
    date_order: Literal["dmy", "mdy"] | None = None  #: how dates such as 03/04/2026 are meant
    until: str | None = None  #: the end of repetitions that have none: a date, or a date-time
    rate: Annotated[dict[TargetName, _PositiveRate], NoDecode] = {}  #: requests a second; infinite means no limit
    headroom: float = Field(0.0, ge=0, lt=1)  #: share of each target's limit that is left to others
    concurrency: int = Field(20, ge=1, le=1000)  #: requests in flight per target
    if_exists: IfExists = IfExists.SKIP
    strict: bool = False  #: send nothing while any row is invalid
    canary: int = Field(0, ge=0)  #: records of each target that are sent and shown before the rest; 0: none
    yes: bool = False  #: do not ask
    wait: bool = False  #: wait for another run that sends to the same target with the same token
    json_output: bool = Field(False, validation_alias=AliasChoices("IMPORTER_JSON", "json"))  #: JSON lines on stdout
    quiet: bool = False  #: print the end only
    verbose: bool = False  #: log every request
    sandbox: bool = False  #: use the embedded stand-in
    xlsx: bool = False  #: make report.xlsx however long it becomes

    junit: Path | None = None  #: a file that is told each row's outcome as JUnit XML

    settle: float = Field(5.0, ge=0, le=3600)  #: before a target is asked about a record in doubt
    request_timeout: float = Field(30.0, gt=0, le=3600)  #: for one request in all
    breaker_timeout: float = Field(60.0, ge=0, le=86400)  #: until a target that does not come back is given up

    max_bytes: int = Field(500_000_000, ge=1)  #: of a source's file
    max_rows: int = Field(2_000_000, ge=1)  #: of a source
    max_columns: int = Field(1000, ge=1)  #: of a sheet
    max_cell: int = Field(1 << 20, ge=1)  #: characters of a cell

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  (the signature is pydantic's)
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Look at options, then the environment, then importer.toml; nowhere else."""
        toml = TomlConfigSettingsSource(settings_cls)
        if tokens := [name for name in toml.toml_data if name.upper() in _TOKEN_NAMES]:
            raise ValueError(f"{min(tokens)} stands in it, and a token belongs into the environment only")
        return init_settings, env_settings, toml

    @field_validator("sheet", mode="before")
    @classmethod
    def _split_sheets(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("rate", mode="before")
    @classmethod
    def _read_rates(cls, value: object) -> object:
        if isinstance(value, str):
            value = [part for part in value.split(",") if part.strip()]
        return dict(map(parse_rate, value)) if isinstance(value, list | tuple) else value

    @field_validator("headroom", mode="before")
    @classmethod
    def _read_share(cls, value: object) -> object:
        is_percent = isinstance(value, str) and re.fullmatch(r"\d{1,2}(\.\d+)?\s*%", value.strip())
        return float(str(value).strip().rstrip("% ")) / 100 if is_percent else value

    @field_validator("opal_base_url", "rootly_base_url")
    @classmethod
    def _check_base_url(cls, value: str) -> str:
        return check_base_url(value)

    @field_validator("opal_token", "rootly_token")
    @classmethod
    def _check_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[!-~]+", value.get_secret_value().strip()):
            raise ValueError("holds a character that cannot stand in a header (a blank, a line end, an accent)")
        return value and SecretStr(value.get_secret_value().strip())

    def token(self, target: TargetName) -> str:
        """Give the target's token.

        Raises:
            SettingsError: nobody set it.
        """
        secret = self.opal_token if target is TargetName.OPAL else self.rootly_token
        if secret is None:
            variable, other = TOKEN_VARIABLES[target]
            raise SettingsError(
                f"the source has records for {target}, and {variable} is not set",
                hint=f"set {variable} (or {other}) in the environment, or rehearse with --sandbox",
            )
        return secret.get_secret_value()

    def has_token(self, target: TargetName) -> bool:
        """Tell whether somebody set the target's token."""
        return (self.opal_token if target is TargetName.OPAL else self.rootly_token) is not None

    def base_url(self, target: TargetName) -> str:
        """Give the target's base URL, without a slash at its end."""
        return self.opal_base_url if target is TargetName.OPAL else self.rootly_base_url

    def proxy(self, target: TargetName) -> Proxy | None:
        """Give the proxy that the target is reached through; None where it is reached directly.

        Raises:
            SettingsError: HTTPS_PROXY cannot be one.
        """
        text = self.https_proxy.get_secret_value()
        url = self.base_url(target)
        if not text or is_loopback(urlsplit(url).hostname or "") or is_direct(url, self.no_proxy):
            return None
        try:
            return read_proxy(text)
        except ValueError as error:
            raise SettingsError(
                f"HTTPS_PROXY {error}", hint=f"mend HTTPS_PROXY (or ALL_PROXY), or name {target}'s host in NO_PROXY"
            ) from None

    def fingerprint(self) -> str:
        """Give the SHA-256 of everything that is set, the tokens and how a target is reached aside."""
        values = self.model_dump(mode="json", exclude=_UNTOLD)
        return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()


def load_settings(options: Mapping[str, Any]) -> Settings:
    """Make the settings; `options` holds what was given on the command line or by the caller, by field name.

    Raises:
        SettingsError: a value cannot be; the sentence names it, never a token.
    """
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        raise SettingsError(
            "; ".join(map(_describe, error.errors(include_url=False, include_input=False))),
            hint="change it where it is set: the option, the environment, or importer.toml",
        ) from None
    except (ValueError, OSError) as error:  # tomllib's error is a ValueError
        raise SettingsError(f"{CONFIG_FILE} cannot be read: {error}", hint=f"mend {CONFIG_FILE}") from None


def parse_rate(text: str) -> tuple[TargetName, float]:
    """Read `opal=50/s`, `rootly=3000/min` or `opal=none`; give requests a second."""
    target, _, rate = text.strip().replace(" ", "").partition("=")
    match = _RATE.fullmatch(rate)
    known = target in set(TargetName)
    if known and rate == "none":
        return TargetName(target), _UNLIMITED
    if not known or match is None or not float(match[1]):
        raise ValueError(f'"{text}" is no rate: write opal=50/s, rootly=3000/min or opal=none')
    return TargetName(target), float(match[1]) / (60.0 if match[2] == "min" else 1.0)


def check_base_url(text: str) -> str:
    """Give the base URL without the slash at its end, or say why it cannot be one."""
    url = urlsplit(text)
    if "@" in url.netloc:  # https://api.rootly.com@evil.example is evil.example
        raise ValueError("holds an @: a base URL carries no user name and no password")
    if not url.hostname or not _BASE_URL.fullmatch(text) or not _has_port(url):
        raise ValueError(f'"{text}" is no base URL: write https://host or https://host/path')
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname)):
        raise ValueError(f'"{text}" is refused: a token goes over https only (plain http to this machine aside)')
    return text.rstrip("/")


def _has_port(url: SplitResult) -> bool:
    """Tell whether the port, where there is one, is a number that a port can have."""
    try:
        return url.port != 0
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine by its very name or number; nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _describe(error: Mapping[str, Any]) -> str:
    """Say which setting is wrong, by the name the user knows it by."""
    name = str(error["loc"][0]) if error["loc"] else "settings"
    variable = name.upper() if name.upper().startswith(("OPAL_", "ROOTLY_")) else name
    if error["type"] == "extra_forbidden":
        return f"{CONFIG_FILE} has the unknown setting {variable}"
    if variable == name:
        plain = name.removesuffix("_output")
        own = f"IMPORTER_{plain.upper()}"
        variable = own if name in _WITHOUT_OPTION else f"--{plain.replace('_', '-')} (or {own})"
    return f"{variable}: {str(error['msg']).removeprefix('Value error, ')}"
