"""Reads and checks the value of each setting: rates, base URLs, tokens, paths, numbers; from text, TOML or Python.

A reader raises ValueError with words that follow the setting's name; it never shows a secret. Nothing is connected or
looked up.
"""

from __future__ import annotations

import codecs
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from urllib.parse import SplitResult, urlsplit

from importer.wording import escape, is_unicode

AnyEnum = TypeVar("AnyEnum", bound=StrEnum)
Rates: TypeAlias = Mapping[str, float]  # requests a second by target; infinite means no limit

_YES = frozenset({"1", "true", "t", "yes", "y", "on"})
_NO = frozenset({"0", "false", "f", "no", "n", "off"})
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?")
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,20})?)\s*%")
_RATE = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)/(s|min)")
_TARGETS = ("opal", "rootly")
_BASE_URL = re.compile(r"(?:(?![?#\\])[!-~])+")  # printable ASCII; what is appended must become its path
DEFAULT_PORTS = {"http": 80, "https": 443}


class Secret:
    """A text that is never shown: not by `repr`, not in a dump, not in an error."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret(...)"

    def reveal(self) -> str:
        """Return the text, for sending it."""
        return self._text


def flag(value: object) -> bool:
    """Read a switch."""
    word = str(value).strip().lower()
    if isinstance(value, bool | str | int) and word in _YES | _NO:
        return word in _YES
    raise ValueError(f"{_shown(value)} is neither true nor false")


def text(value: object) -> str:
    """Read a text; a date of TOML or of a call is one, too."""
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{_shown(value)} is not a text")
    if "\0" in value or not is_unicode(value):
        raise ValueError(f"{_shown(value)} holds a character that no text has")
    return value


def path(value: object) -> Path:
    """Read the path of a file or folder."""
    if not isinstance(value, str | os.PathLike) or not (written := os.fspath(value)) or isinstance(written, bytes):
        raise ValueError(f"{_shown(value)} is not a path")
    if "\0" in written:
        raise ValueError(f"{_shown(written)} is not a path: it holds a NUL character")
    if not is_unicode(written):
        raise ValueError(f"{_shown(written)} is not valid UTF-8: rename that file or folder")
    return Path(written)


def whole(least: int, most: int) -> Callable[[object], int]:
    """Make a reader of whole numbers."""

    def read(value: object) -> int:
        number = int(value) if isinstance(value, str) and _WHOLE.fullmatch(value.strip()) else value
        if not isinstance(number, int) or isinstance(number, bool):
            raise ValueError(f"{_shown(value)} is not a whole number: write one from {least} to {most}")
        if not least <= number <= most:
            raise ValueError(f"{_shown(value)} is out of range: write a whole number from {least} to {most}")
        return number

    return read


def seconds(most: float, *, is_zero_good: bool = True) -> Callable[[object], float]:
    """Make a reader of durations in seconds."""

    def read(value: object) -> float:
        number = _number(value)
        if number is None or not 0 <= number <= most or not (number or is_zero_good):
            least = "0" if is_zero_good else "more than 0"
            raise ValueError(f"{_shown(value)} is not a number of seconds: write one from {least} to {most:g}")
        return number

    return read


def share(value: object) -> float:
    """Read a share: `20%`, `0.2`."""
    percent = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    number = float(percent[1]) / 100 if percent else _number(value)
    if number is None or not 0 <= number < 1:
        raise ValueError(f"{_shown(value)} is not a share: write one from 0% to below 100%, such as 20% or 0.2")
    return number


def one_of(choices: type[AnyEnum]) -> Callable[[object], AnyEnum]:
    """Make a reader that accepts one of a few words."""

    def read(value: object) -> AnyEnum:
        if isinstance(value, str) and value in set(choices):
            return choices(value)
        raise ValueError(f"{_shown(value)} is not one of {', '.join(choices)}")

    return read


#: Codecs of Python that are for names of hosts and for source code.
_NOT_OF_FILES = {"idna", "punycode", "raw-unicode-escape", "raw_unicode_escape", "unicode-escape", "unicode_escape"}


def encoding(value: object) -> str:
    """Read the name of an encoding of text."""
    name = text(value)
    try:
        if codecs.lookup(name).name in _NOT_OF_FILES:
            raise LookupError
        codecs.getincrementaldecoder(name)().decode("a".encode(name), final=True)  # "undefined" has no letter at all
    except (LookupError, ValueError):
        raise ValueError(f"{_shown(value)} is not an encoding: write a name such as shift_jis or cp1250") from None
    return name


def texts(value: object) -> tuple[str, ...]:
    """Read several texts; one text is split at its commas."""
    parts: Sequence[object]
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(",")]
    elif isinstance(value, list | tuple):
        parts = value
    else:
        raise ValueError(f"{_shown(value)} is not a list of texts")
    return tuple(text(part) for part in parts)


def rates(value: object) -> Rates:
    """Read requests a second by target: texts such as `opal=50/s`, or a mapping of numbers."""
    if isinstance(value, Mapping):
        return dict(_number_of_target(name, number) for name, number in value.items())
    parts = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError(f"{_shown(value)} is not a rate: write opal=50/s, rootly=3000/min or opal=none")
    found: dict[str, float] = {}
    for target, rate in map(parse_rate, parts):
        if found.setdefault(target, rate) != rate:
            both = " and ".join(write_rate(as_json(one)) for one in (found[target], rate))
            raise ValueError(f"{target} has two rates, {both}: write one for each target")
    return found


def parse_rate(written: str) -> tuple[str, float]:
    """Read `opal=50/s`, `rootly=3000/min` or `opal=none`; return the target and its requests a second."""
    target, _, rate = written.strip().replace(" ", "").partition("=")
    match = _RATE.fullmatch(rate)
    if target in _TARGETS and rate == "none":
        return target, math.inf
    if target not in _TARGETS or match is None or not float(match[1]):
        raise ValueError(f"{_shown(written)} is not a rate: write opal=50/s, rootly=3000/min or opal=none")
    return target, float(match[1]) / (60.0 if match[2] == "min" else 1.0)


def write_rate(rate: float | str) -> str:
    """Write requests a second, as `as_json` returns them, in the form that `parse_rate` reads."""
    if isinstance(rate, str):
        return rate
    number, unit = (rate, "s") if rate == round(rate, 3) else (rate * 60, "min")
    return f"{f'{number:.12f}'.rstrip('0').rstrip('.')}/{unit}"


def _number_of_target(name: object, number: object) -> tuple[str, float]:
    rate = math.inf if number == math.inf else _number(number)
    if name not in _TARGETS or not rate or rate < 0:
        shown = f"{_shown(name)}: {_shown(number)}"
        raise ValueError(f'{shown} is not a rate: write requests a second by target, such as {{"opal": 50.0}}')
    return str(name), rate


def secret(value: object) -> Secret:
    """Read a token. Nothing of it is shown if it is invalid."""
    written = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(written, str):
        raise ValueError("the token is not a text")
    written = written.strip()
    if not re.fullmatch(r"[!-~]+", written):
        how = " Paste the token alone, without Bearer before it" if written.lower().startswith("bearer ") else ""
        what = "the token holds a blank, a line end, an accent or an invisible character, which no request can carry"
        raise ValueError(f"{what}.{how}".removesuffix("."))
    return Secret(written)


def base_url(value: object) -> str:
    """Read a base URL; return it without the slash at its end."""
    written = text(value)
    try:
        url = urlsplit(written)
    except ValueError:
        raise ValueError(f"{_shown(written)} is not a base URL: write https://host or https://host/path") from None
    if "@" in url.netloc:  # https://api.rootly.com@evil.example is evil.example
        raise ValueError("holds an @: a base URL carries no user name and no password")
    if not url.hostname or not _BASE_URL.fullmatch(written) or not _has_port(url):
        raise ValueError(f"{_shown(written)} is not a base URL: write https://host or https://host/path")
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.hostname)):
        raise ValueError(
            f"{_shown(written)} is refused: a token goes over https only (plain http to this machine aside)"
        )
    return written.rstrip("/")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its name or address; nothing is looked up."""
    address = read_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def canonical_url(text: str) -> str:
    """Return the canonical form of a base URL: lower case, no default port, one name for this machine."""
    url = urlsplit(text)
    host = (url.hostname or "").rstrip(".")
    host = "localhost" if is_loopback(host) else host
    port = "" if url.port in (None, DEFAULT_PORTS.get(url.scheme)) else f":{url.port}"
    return f"{url.scheme}://{host}{port}{url.path.rstrip('/')}"


def as_json(value: Any) -> Any:
    """Return a setting's value as a JSON value; never used for secrets."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float):
        return "none" if math.isinf(value) else value
    if isinstance(value, Mapping):
        return {str(name): as_json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(one) for one in value]
    return value if value is None or isinstance(value, bool | int) else str(value)


def _has_port(url: SplitResult) -> bool:
    """Return whether the port, if there is one, is valid."""
    try:
        return url.port != 0
    except ValueError:
        return False


def read_address(host: str) -> IPv4Address | IPv6Address | None:
    """Read an IP address; None if the host is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _number(value: object) -> float | None:
    """Read a finite number; None if it is not one."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _shown(value: object) -> str:
    """Quote what was written, short and harmless."""
    return f'"{escape(value if isinstance(value, str) else repr(value), 100)}"'
