"""The sandbox's users, schedules and groups, read from a TOML file; its token and its reserved ids."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from importer.errors import SettingsError
from importer.records import ID_PATTERN

# The token and the reserved ids

#: The token that the sandbox accepts, for every API. It opens nothing else, so it is not a secret.
TOKEN = "sandbox-token"  # noqa: S105  documented; opens nothing
#: An Opsgenie key of a team: it sees the first team's schedules only.
TEAM_TOKEN = "sandbox-team-token"  # noqa: S105  documented; opens nothing


@dataclass(frozen=True, slots=True)
class Reserved:
    """An id that always fails, so that a team can rehearse a failure with its own file."""

    field: str  #: the column it is in
    value: str
    status: int  #: the HTTP status of the answer
    words: str  #: the answer's message


#: Every other well-formed id is accepted. docs/sandbox.md quotes this table.
RESERVED: tuple[Reserved, ...] = (
    Reserved("remote_id", "SANDBOX-404", 404, "The provider has no on-call schedule with this remote id."),
    Reserved("remote_id", "SANDBOX-422", 422, "The provider's on-call schedule cannot be imported."),
    Reserved("schedule_id", "sandbox-404", 404, "Schedule not found."),
    Reserved("schedule_id", "sandbox-422", 422, "Schedule does not take shadows."),
    Reserved("shadow_user_id", "422", 422, "Shadow user has no on-call seat."),
    Reserved("user_id", "422", 422, "User has no on-call seat."),
)


def reserved(field: str, value: str | int) -> Reserved | None:
    """Return the failure reserved for this id, or None if it is accepted like any other."""
    return next((entry for entry in RESERVED if (entry.field, entry.value) == (field, str(value))), None)


# The file

AnyModel = TypeVar("AnyModel", bound=BaseModel)

_HINT = (
    "Write [[users]] with id, email, first_name and last_name, [[schedules]] with id and name, and [[groups]] "
    "with id, name and type."
)
_LARGEST_FILE = 16 << 20  # bytes; 50,000 users take 4 MB, and a second to read
_MOST = 50_000  # of users, of schedules, of groups
_UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_LARGEST_NUMBER = 2**63 - 1  # SQLite's integers end there

_Delay: TypeAlias = Annotated[float, Field(ge=0, le=86400)]


def _check_name(text: str) -> str:
    if text and not (text.isprintable() and text.strip()):
        raise ValueError("is not a name: a name has visible characters")
    return text


def _check_email(text: str) -> str:
    mailbox, _, host = text.rpartition("@")
    if not mailbox or not host or not text.isprintable() or " " in text:
        raise ValueError("is not an e-mail address")
    return text


def _check_id(text: str) -> str:
    if not re.fullmatch(ID_PATTERN, text):
        raise ValueError("is not an id: an id has only letters, digits, - and _, and 128 at most")
    return text


_Name: TypeAlias = Annotated[str, Field(max_length=255), AfterValidator(_check_name)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class _Listed(_Entry):
    listed_after: _Delay = 0.0  #: seconds until lists show it, counted from when the sandbox was given it


class User(_Listed):
    """A user; several may have the same name."""

    id: Annotated[int, Field(ge=1, le=_LARGEST_NUMBER)]
    email: Annotated[str, Field(max_length=254), AfterValidator(_check_email)]
    first_name: _Name = ""
    last_name: _Name = ""


class SandboxSchedule(_Listed):
    """A schedule; several may have the same name."""

    id: Annotated[str, AfterValidator(_check_id)]
    name: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_check_name)]


class SandboxGroup(_Entry):
    """An Opal group; several may have the same name."""

    id: Annotated[str, Field(pattern=_UUID)]
    name: Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_check_name)]
    type: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")] = "OPAL_GROUP"


class DirectoryFile(BaseModel):
    """Who and what is in the directory, in order of creation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: Annotated[tuple[User, ...], Field(max_length=_MOST)] = ()
    schedules: Annotated[tuple[SandboxSchedule, ...], Field(max_length=_MOST)] = ()
    groups: Annotated[tuple[SandboxGroup, ...], Field(max_length=_MOST)] = ()  #: empty: Opal's groups stay as they are

    @model_validator(mode="after")
    def _refuse_repeats(self) -> DirectoryFile:
        for what, entries in (("users", self.users), ("schedules", self.schedules), ("groups", self.groups)):
            id_, count = max(Counter(entry.id for entry in entries).items(), key=lambda one: one[1], default=("", 0))
            if count > 1:
                raise ValueError(f"{count} {what} have the id {id_}")
        return self


def read_directory(path: Path) -> DirectoryFile:
    """Read users, schedules and groups: tables `[[users]]` and so on, see `User`, `SandboxSchedule` and `SandboxGroup`.

    Raises:
        SettingsError: the file cannot be read, is not TOML, or is not a directory.
    """
    return read_model(DirectoryFile, path, "directory", _HINT)


def read_model(model: type[AnyModel], path: Path, what: str, hint: str, *, is_json: bool = False) -> AnyModel:
    """Read a file of moderate size, TOML or JSON; `what` is the word for it in errors, and `hint` their hint.

    Raises:
        SettingsError: it is not a regular file, too large, cannot be read, or does not hold the model.
    """

    def unusable(reason: str) -> SettingsError:
        return SettingsError(f"the {what} {path} cannot be used: {reason}", hint=hint)

    try:
        # A FIFO would wait for somebody to write into it.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise unusable("it is not a regular file")
            content = file.read(_LARGEST_FILE + 1)
        if len(content) > _LARGEST_FILE:
            raise unusable(f"it is larger than {_LARGEST_FILE >> 20} MiB")
        if is_json:
            return model.model_validate_json(content)
        return model.model_validate(tomllib.loads(content.decode("utf-8-sig").replace("\r\n", "\n")))
    except OSError as error:
        raise unusable(f"it cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        raise unusable(_first_error(error)) from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError too
        raise unusable(f"it is not valid TOML: {error}") from error


def _first_error(error: ValidationError) -> str:
    """Return what is wrong first, and where; entries are counted from 1."""
    first = error.errors(include_url=False)[0]
    place = " ".join(f"number {part + 1}" if isinstance(part, int) else _shown(part) for part in first["loc"])
    words = first["msg"].removeprefix("Value error, ")
    return f"{place}: {words}" if place else words


def _shown(name: str) -> str:
    """Show a key of the file, which can be any text."""
    return (name if name.isprintable() else repr(name))[:80]
