"""Reading a fault plan from a TOML file, with one sentence for what is wrong in it."""

from __future__ import annotations

import random
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from importer.errors import SettingsError
from importer.records import TargetName
from importer.sandbox.faults.fault_kinds import ANY, SHARED, SORTS, FaultKind, When

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails


# ---- The fault plan: what goes wrong at which requests. Pure, and the same for the same seed, whatever th


_Count: TypeAlias = Annotated[int, Field(ge=1)]
_Seconds: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fault(_Strict):
    """One thing that goes wrong, at some requests. What is not told is filled in from its sort."""

    what: str
    when: When = "after"  #: before the commit, so that nothing was made, or after it
    target: TargetName | None = None
    method: Literal["any", "GET", "POST", "PUT", "DELETE"] = ANY
    scope: str = ""  #: a Rootly schedule's id: only requests below that schedule
    path: str = ""  #: only requests whose path and query have this text in them

    first: _Count = 1  #: the first of the matching requests that can be hit, counted from 1
    at: tuple[_Count, ...] = ()  #: just these of the matching requests
    every: _Count | None = None  #: each so many-th
    probability: Annotated[float, Field(ge=0, le=1)] | None = None
    times: _Count | None = None  #: at most so many

    form: str = ""
    sent: Literal["nothing", "head", "body"] = (
        "nothing"  #: how far the answer came: nothing, half its head, half its body
    )
    delay: _Seconds | None = None
    pace: _Seconds = 1.0  #: seconds for a byte
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    retry_after: str | int | None = None  #: Retry-After as it stands here
    retry_date: float | None = None  #: Retry-After as the date in so many seconds
    reset_in: float | None = None  #: X-RateLimit-Reset in so many seconds, rounded up
    to: str = ""  #: the origin of the Location, or of the next link
    size: _Count | None = None  #: bytes of a bomb, entries of a page
    depth: _Count = 100_000

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:
        """Fill in what the sort tells, and refuse what means nothing to it."""
        sort = SORTS.get(str(given.get("what"))) if isinstance(given, dict) else None
        if sort is None:
            raise ValueError(f"what must be one of {', '.join(SORTS)}")
        _refuse_foreign(given, sort)
        when = given.get("when", sort.moments[0])
        method = "POST" if sort.method == ANY and when == "after" and given["what"] == "status" else sort.method
        form = sort.forms[0] if sort.forms else ""
        times = 1 if sort.is_single and not {"at", "every", "probability"} & given.keys() else None
        return {"when": when, "method": method, "form": form, "times": times, **given}

    @model_validator(mode="after")
    def _agree(self) -> Fault:
        """Refuse what does not go together."""
        if self.when not in self.sort.moments:
            raise ValueError(f"{self.what} has no {self.when}")
        if self.form not in (self.sort.forms or ("",)):
            raise ValueError(f"form of {self.what} must be one of {', '.join(self.sort.forms)}")
        if sum((bool(self.at), self.every is not None, self.probability is not None)) > 1:
            raise ValueError("only one of at, every and probability can be told")
        if self.sort.of != "request" and self.method != self.sort.method:
            raise ValueError(f"{self.what} is of {self.sort.method} requests only")
        if self.what == "hang" and self.when == "before" and self.delay is not None:
            raise ValueError("a hang before the commit has no delay: what comes after it would be a late_commit")
        if self.is_undone and self.method not in ("GET", "POST"):
            raise ValueError(f"{self.what} before the commit is of GET or POST requests only")
        return self

    @property
    def is_blind(self) -> bool:
        """True where the request is not even looked at."""
        is_lost = self.what in ("reset", "close", "hang") and self.sent == "nothing"
        return self.when == "before" and (is_lost or self.what in ("status", "go_away"))

    @property
    def is_undone(self) -> bool:
        """True where the answer is that of a commit which did not come about."""
        return self.when == "before" and not self.is_blind

    @property
    def sort(self) -> FaultKind:
        """Give what is known of faults of this sort."""
        return SORTS[self.what]


def _refuse_foreign(given: dict[str, Any], sort: FaultKind) -> None:
    known = SHARED | sort.takes | ({"form"} if sort.forms else set())
    if unknown := sorted(given.keys() - known):
        raise ValueError(f"{given['what']} takes no {unknown[0]}; it takes {', '.join(sorted(known))}")
    if missing := sorted(sort.needs - given.keys()):
        raise ValueError(f"{given['what']} needs {missing[0]}")
    choosing = {"first", "at", "every", "probability", "times"} & given.keys()
    if sort.is_steady and choosing:
        raise ValueError(f"{given['what']} holds for all its requests; {min(choosing)} would lose records")


class FaultPlan(_Strict):
    """All that goes wrong, in the order that decides where two faults want the same request."""

    seed: int = 0
    fault: tuple[Fault, ...] = ()  #: in the singular, as each one is headed in a file


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request a fault can ask for."""

    target: TargetName | None  #: None where it is neither's
    method: str
    path: str  #: with the query, below the base URL
    scope: str = ""  #: the Rootly schedule in the path
    is_list: bool = False
    is_creation: bool = False


_PREFIXES = {"/opal/v1": TargetName.OPAL, "/rootly": TargetName.ROOTLY}
_SCOPED = re.compile(r"/v1/schedules/([^/]+)")
_MADE_AT = re.compile(r"/on-call-schedules|/v1/schedules/[^/]+/on_call_shadows")
_LISTED_AT = re.compile(_MADE_AT.pattern + r"|/v1/schedules|/v1/users")


def describe(method: str, path: str) -> Asked:
    """Tell a request by its method and its path, with the query, on the sandbox's port."""
    for prefix, target in _PREFIXES.items():
        if path.startswith(f"{prefix}/"):
            below = path.removeprefix(prefix)
            bare = below.partition("?")[0]
            scoped = _SCOPED.match(bare) if target is TargetName.ROOTLY else None
            return Asked(
                target,
                method,
                below,
                scoped[1] if scoped else "",
                is_list=method == "GET" and bool(_LISTED_AT.fullmatch(bare)),
                is_creation=method == "POST" and bool(_MADE_AT.fullmatch(bare)),
            )
    return Asked(None, method, path)


def is_matching(fault: Fault, asked: Asked) -> bool:
    """Tell whether a request is one of those that a fault counts."""
    return (
        asked.target is not None
        and fault.target in (None, asked.target)
        and fault.method in (ANY, asked.method)
        and fault.scope in ("", asked.scope)
        and fault.path in asked.path
        and _is_fit(fault.sort, asked)
    )


def _is_fit(sort: FaultKind, asked: Asked) -> bool:
    if sort.of == "creation":
        return asked.is_creation
    if sort.of == "page":
        return asked.is_list and asked.target is TargetName.ROOTLY  # Opal's list has no pages
    return sort.of == "request" or asked.is_list


def is_hit(fault: Fault, seed: int, position: int, ordinal: int) -> bool:
    """Decide on the `ordinal`-th matching request of the plan's `position`-th fault; `times` aside."""
    if ordinal < fault.first:
        return False
    if fault.at:
        return ordinal in fault.at
    if fault.every is not None:
        return ordinal % fault.every == 0
    if fault.probability is not None:
        chance = random.Random(f"{seed}/{position}/{ordinal}").random()  # noqa: S311  repeatable is what it is for
        return chance < fault.probability
    return True


class Decisions:
    """Counts the matching requests and the hits of each fault of a plan."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan
        self._matches = [0] * len(plan.fault)
        self._hits = [0] * len(plan.fault)

    def take(self, asked: Asked) -> tuple[Fault, ...]:
        """Count a request and give the faults that hit it: all alterations, then the first of the others."""
        hits = [fault for position, fault in enumerate(self._plan.fault) if self._take(position, fault, asked)]
        others = [fault for fault in hits if not fault.sort.is_alteration]
        return (*(fault for fault in hits if fault.sort.is_alteration), *others[:1])

    def _take(self, position: int, fault: Fault, asked: Asked) -> bool:
        if not is_matching(fault, asked):
            return False
        self._matches[position] += 1
        if fault.times is not None and self._hits[position] >= fault.times:
            return False
        if not is_hit(fault, self._plan.seed, position, self._matches[position]):
            return False
        self._hits[position] += 1
        return True


# ---- Reading a fault plan from a TOML file, with one sentence for what is wrong in it


def read_faults(path: Path) -> FaultPlan:
    """Read a fault plan.

    Raises:
        SettingsError: the file cannot be read, is no TOML, or holds what is no fault plan.
    """
    try:
        return FaultPlan.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise _unusable(path, f"it cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _unusable(path, f"it is no TOML: {error}") from error
    except ValidationError as error:
        raise _unusable(path, _sentence(error.errors(include_url=False)[0])) from error


def _sentence(error: ErrorDetails) -> str:
    """Say what is wrong where; faults are counted from 1."""
    place = [f"number {part + 1}" if isinstance(part, int) else part for part in error["loc"]]
    words = error["msg"].removeprefix("Value error, ")
    return f"{' '.join(place)}: {words}" if place else words


def _unusable(path: Path, reason: str) -> SettingsError:
    return SettingsError(f"The fault plan {path} cannot be used: {reason}.", hint="See the table in docs/sandbox.md.")
