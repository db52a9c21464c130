"""Reading users, schedules and groups from a TOML file, with one sentence for what is wrong in it."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from importer.errors import SettingsError
from importer.records import ID_PATTERN

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails


# ---- The token and the ids that mean something to the sandbox alone: what a rehearsal may rely on


#: The one bearer token that the sandbox takes, for both APIs. It opens nothing else, so it is no secret.
TOKEN = "sandbox-token"  # noqa: S105  documented; opens nothing


@dataclass(frozen=True, slots=True)
class Reserved:
    """An id that always fails, so that a team can rehearse a failure with its own file."""

    field: str  #: the column it stands in
    value: str
    status: int  #: the HTTP status of the answer
    words: str  #: what the answer says


#: Every other well-formed id is taken. docs/sandbox.md quotes this table.
RESERVED: tuple[Reserved, ...] = (
    Reserved("remote_id", "SANDBOX-404", 404, "The provider has no on-call schedule with this remote id."),
    Reserved("remote_id", "SANDBOX-422", 422, "The provider's on-call schedule cannot be imported."),
    Reserved("schedule_id", "sandbox-404", 404, "Schedule not found."),
    Reserved("schedule_id", "sandbox-422", 422, "Schedule does not take shadows."),
    Reserved("shadow_user_id", "422", 422, "Shadow user has no on-call seat."),
)

_BY_ID = {(entry.field, entry.value): entry for entry in RESERVED}


def reserved(field: str, value: str | int) -> Reserved | None:
    """Find the failure reserved for this id, or None where it is taken like any other."""
    return _BY_ID.get((field, str(value)))


# ---- Reading users, schedules and groups from a TOML file, with one sentence for what is wrong in it


_LARGEST_FILE = 16 << 20  # bytes; 50,000 users take 4 MB, and a second to read
_MOST = 50_000  # users, and schedules
_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_LARGEST_NUMBER = 2**63 - 1  # SQLite's integers end there

_Delay: TypeAlias = Annotated[float, Field(ge=0, le=86400)]


def _check_name(text: str) -> str:
    if text and not (text.isprintable() and text.strip()):
        raise ValueError("is no name: it has letters that can be seen")
    return text


def _check_email(text: str) -> str:
    mailbox, _, host = text.rpartition("@")
    if not mailbox or not host or not text.isprintable() or " " in text:
        raise ValueError("is no e-mail address")
    return text


def _check_id(text: str) -> str:
    if not re.fullmatch(ID_PATTERN, text):
        raise ValueError("is no id: an id has letters, digits, - and _ only, 128 at most")
    return text


_Name: TypeAlias = Annotated[str, Field(max_length=255), AfterValidator(_check_name)]


class _Listed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    listed_after: _Delay = 0.0  #: seconds after the sandbox was given it; until then the lists lag behind, without it


class User(_Listed):
    """A user; several may have the same name."""

    id: Annotated[int, Field(ge=1, le=_LARGEST_NUMBER)]
    email: Annotated[str, Field(max_length=254), AfterValidator(_check_email)]
    first_name: _Name = ""
    last_name: _Name = ""


class Schedule(_Listed):
    """A schedule; several may have the same name."""

    id: Annotated[str, AfterValidator(_check_id)]
    name: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_check_name)]


class Group(BaseModel):
    """An Opal group; several may have the same name."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    id: Annotated[str, Field(pattern=_UUID)]
    name: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_check_name)]
    type: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")] = "OPAL_GROUP"


class DirectoryFile(BaseModel):
    """Who and what is in a directory, in the order of making."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: Annotated[tuple[User, ...], Field(max_length=_MOST)] = ()
    schedules: Annotated[tuple[Schedule, ...], Field(max_length=_MOST)] = ()
    groups: Annotated[tuple[Group, ...], Field(max_length=_MOST)] = ()  #: none: Opal's stay as they are

    @model_validator(mode="after")
    def _refuse_repeats(self) -> DirectoryFile:
        for what, entries in (("users", self.users), ("schedules", self.schedules), ("groups", self.groups)):
            id_, count = max(Counter(entry.id for entry in entries).items(), key=lambda one: one[1], default=("", 0))
            if count > 1:
                raise ValueError(f"{count} {what} have the id {id_}")
        return self


def read_directory(path: Path) -> DirectoryFile:
    """Read users, schedules and groups: tables `[[users]]` and so on, see `User`, `Schedule` and `Group`.

    Raises:
        SettingsError: the file cannot be read, is no TOML, or holds what is no directory.
    """
    try:
        return DirectoryFile.model_validate(tomllib.loads(_read(path)))
    except OSError as error:
        raise _unusable(path, f"it cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        raise _unusable(path, _sentence(error.errors(include_url=False)[0])) from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError too
        raise _unusable(path, f"it is no TOML: {error}") from error


def _read(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_LARGEST_FILE + 1)
    if len(content) > _LARGEST_FILE:
        raise _unusable(path, f"it has more than {_LARGEST_FILE >> 20} MiB")
    return content.decode("utf-8-sig").replace("\r\n", "\n")


def _sentence(error: ErrorDetails) -> str:
    """Say what is wrong where; users and schedules are counted from 1."""
    place = " ".join(f"number {part + 1}" if isinstance(part, int) else _shown(part) for part in error["loc"])
    words = error["msg"].removeprefix("Value error, ")
    return f"{place}: {words}" if place else words


def _shown(name: str) -> str:
    """Show a key of the file, which can be anything."""
    return (name if name.isprintable() else repr(name))[:80]


def _unusable(path: Path, reason: str) -> SettingsError:
    hint = (
        "Write [[users]] with id, email, first_name and last_name, [[schedules]] with id and name, and [[groups]] "
        "with id, name and type."
    )
    return SettingsError(f"The directory {path} cannot be used: {reason}.", hint=hint)
