"""Fault plans: which fault hits which requests, and how a plan is read from a TOML file."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

import orjson
from pydantic import BaseModel, ConfigDict, Field, model_validator

from importer.records import Key, TargetName
from importer.sandbox.api import kind_at
from importer.sandbox.directory_file import read_model

# Kinds of faults; docs/sandbox.md quotes the table

When: TypeAlias = Literal["before", "after"]
#: The systems that are only read.
Source: TypeAlias = Literal["pagerduty", "opsgenie"]

#: As `method`: any method.
ANY: Final = "any"
#: The status of a late commit's answer, unless the plan says otherwise.
LATE_STATUS: Final = 504


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A kind of fault: its moments and parameters."""

    moments: tuple[When, ...] = ("after", "before")  #: before or after the commit; the first is the default
    method: str = "POST"  #: by default
    takes: frozenset[str] = frozenset()  #: its own parameters
    needs: frozenset[str] = frozenset()  #: those of them that are required
    forms: tuple[str, ...] = ()  #: values of `form`; the first is the default
    of: Literal["request", "creation", "list", "page"] = "request"  #: the only requests it can hit
    is_alteration: bool = False  #: changes a good answer, and combines with other faults
    is_single: bool = False  #: once, unless the plan says otherwise
    is_steady: bool = False  #: applies to all its requests: hitting only some would lose records


def _kind(*takes: str, **more: Any) -> FaultKind:
    return FaultKind(takes=frozenset(takes), **more)


_AFTER: tuple[When, ...] = ("after",)
_DELAYED = frozenset({"delay"})
_LIST = {"moments": _AFTER, "method": "GET", "of": "list", "is_alteration": True}
_PAGE = _LIST | {"of": "page"}
_NEXT_LINKS = ("query", "path", "api_path", "meta", "other_host", "other_path")

FAULT_KINDS: dict[str, FaultKind] = {
    # no answer, or part of one
    "reset": _kind("sent"),
    "close": _kind("sent"),
    "hang": _kind("sent", "delay"),
    "drip": _kind("sent", "pace", moments=_AFTER),
    "go_away": _kind("delay", moments=("before",), method=ANY, is_single=True),
    # another answer
    "status": _kind(
        *("status", "retry_after", "retry_date", "reset_in", "to"),
        moments=("before", "after"),
        method=ANY,
        needs=frozenset({"status"}),
        forms=("api", "html", "text", "empty"),
    ),
    # a spoiled answer; anything but a 2xx passes unchanged
    "truncated": _kind(forms=("json", "length", "chunked", "until_close")),
    "html": _kind("status"),
    "empty": _kind("status"),
    "nested": _kind("depth"),
    "no_id": _kind(forms=("missing", "null", "empty", "number", "malformed"), of="creation"),
    "foreign": _kind(forms=("own_id", "foreign_id"), of="creation"),
    "endless": _kind(moments=_AFTER),
    "gzip_bomb": _kind("size", moments=_AFTER),
    "close_after": _kind(moments=_AFTER, method=ANY),
    # late
    "late_commit": _kind(
        *("delay", "status"),
        moments=_AFTER,
        needs=_DELAYED,
        forms=("reset", "close", "hang", "status"),
        of="creation",
    ),
    "lagging_list": _kind("delay", moments=_AFTER, needs=_DELAYED, of="creation", is_alteration=True),
    # lists
    "repeat": _kind(**_LIST),
    "endless_list": _kind(forms=("same", "none", "new"), **_LIST),
    "next_link": _kind("to", forms=_NEXT_LINKS, **_PAGE),
    "short_pages": _kind("size", is_steady=True, **_PAGE),
    "large_total": _kind(**_PAGE),
}

#: Parameters of every kind of fault.
SHARED = frozenset(
    {"what", "when", "target", "method", "scope", "path", "first", "at", "every", "probability", "times"}
)
# The plan; pure, and the same seed hits the same requests

_Count: TypeAlias = Annotated[int, Field(ge=1)]
_Seconds: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fault(_Strict):
    """One thing that goes wrong, at some requests. What the plan leaves out is filled in from the fault's kind."""

    what: str
    when: When = "after"  #: before the commit, so that nothing was created, or after it
    target: TargetName | Source | None = None  #: None: both targets, and no system that is only read
    method: Literal["any", "GET", "POST", "PUT", "DELETE"] = ANY
    scope: str = ""  #: a Rootly schedule's id: only requests for that schedule
    path: str = ""  #: only requests whose path and query contain this text

    first: _Count = 1  #: the first of the matching requests that can be hit, counted from 1
    at: tuple[_Count, ...] = ()  #: only these of the matching requests
    every: _Count | None = None  #: every n-th of them
    probability: Annotated[float, Field(ge=0, le=1)] | None = None
    times: _Count | None = None  #: at most this often

    form: str = ""
    sent: Literal["nothing", "head", "body"] = (
        "nothing"  #: how far the answer came: nothing, half its head, half its body
    )
    delay: _Seconds | None = None
    pace: _Seconds = 1.0  #: seconds per byte
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    retry_after: str | int | None = None  #: Retry-After, verbatim
    retry_date: float | None = None  #: Retry-After as a date this many seconds ahead
    reset_in: float | None = None  #: X-RateLimit-Reset this many seconds ahead, rounded up
    to: str = ""  #: origin of the Location or of the next link
    size: _Count | None = None  #: bytes of a bomb, entries of a page
    depth: _Count = 100_000

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:
        """Fill in the defaults of the kind, and refuse parameters that it does not have."""
        kind = FAULT_KINDS.get(str(given.get("what"))) if isinstance(given, dict) else None
        if kind is None:
            raise ValueError(f"what must be one of {', '.join(FAULT_KINDS)}")
        _refuse_foreign(given, kind)
        when = given.get("when", kind.moments[0])
        if given.get("target") in get_args(Source):
            given = {"method": "GET", **given}
        method = "POST" if kind.method == ANY and when == "after" and given["what"] == "status" else kind.method
        form = kind.forms[0] if kind.forms else ""
        times = 1 if kind.is_single and not {"at", "every", "probability"} & given.keys() else None
        return {"when": when, "method": method, "form": form, "times": times, **given}

    @model_validator(mode="after")
    def _agree(self) -> Fault:
        """Refuse contradictions."""
        if self.when not in self.kind.moments:
            raise ValueError(f"{self.what} cannot come {self.when} the commit")
        if self.form not in (self.kind.forms or ("",)):
            raise ValueError(f"form of {self.what} must be one of {', '.join(self.kind.forms)}")
        if sum((bool(self.at), self.every is not None, self.probability is not None)) > 1:
            raise ValueError("only one of at, every and probability can be given")
        if self.target in get_args(Source) and (self.kind.of != "request" or self.what == "go_away"):
            raise ValueError(f"{self.what} does not hit {self.target}, which is only read")
        if self.kind.of != "request" and self.method != self.kind.method:
            raise ValueError(f"{self.what} hits {self.kind.method} requests only")
        if self.what == "hang" and self.when == "before" and self.delay is not None:
            raise ValueError("a hang before the commit has no delay: use late_commit for that")
        if self.is_undone and self.method not in ("GET", "POST"):
            raise ValueError(f"{self.what} before the commit hits GET or POST requests only")
        return self

    @property
    def is_blind(self) -> bool:
        """Return whether the request is not even read."""
        is_lost = self.what in ("reset", "close", "hang") and self.sent == "nothing"
        return self.when == "before" and (is_lost or self.what in ("status", "go_away"))

    @property
    def is_undone(self) -> bool:
        """Return whether the answer is that of a commit that did not happen."""
        return self.when == "before" and not self.is_blind

    @property
    def kind(self) -> FaultKind:
        """The kind of this fault."""
        return FAULT_KINDS[self.what]

    @property
    def as_lost(self) -> Fault:
        """The fault that hits the answer: of a late commit the one that loses it; any other fault itself."""
        if self.what != "late_commit":
            return self
        if self.form == "status":
            return Fault(what="status", when="after", status=self.status or LATE_STATUS)
        return Fault(what=self.form)

    def seen_status(self, status: int) -> int:
        """Return the status that a client sees of an answer with this status; 0 if its head does not arrive whole."""
        is_endless_wait = self.what in ("reset", "close") or (self.what == "hang" and self.delay is None)
        if self.what == "go_away" or (is_endless_wait and self.sent != "body"):
            return 0
        return self.status if self.status and 200 <= status < 300 else status


def _refuse_foreign(given: dict[str, Any], kind: FaultKind) -> None:
    known = SHARED | kind.takes | ({"form"} if kind.forms else set())
    if unknown := sorted(given.keys() - known):
        raise ValueError(f"{given['what']} does not have {unknown[0]}; it has {', '.join(sorted(known))}")
    if missing := sorted(kind.needs - given.keys()):
        raise ValueError(f"{given['what']} needs {missing[0]}")
    choosing = {"first", "at", "every", "probability", "times"} & given.keys()
    if kind.is_steady and choosing:
        raise ValueError(f"{given['what']} applies to all its requests; {min(choosing)} would lose records")


class FaultPlan(_Strict):
    """All faults; where two would hit the same request, the first one does."""

    seed: int = 0
    fault: tuple[Fault, ...] = ()  #: singular, like the heading of each one in the file


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known about a request when faults are chosen."""

    target: TargetName | Source | None  #: None if it is no system's
    method: str
    path: str  #: with the query, relative to the base URL
    scope: str = ""  #: the Rootly schedule in the path
    is_list: bool = False
    is_creation: bool = False

    def posted_key(self, body: bytes) -> Key:
        """Return the key of what the request would create; empty if it creates nothing, or its body is invalid."""
        stored = kind_at(self.target, self.path) if self.is_creation else None
        if stored is None:
            return ()
        try:
            return stored.posted_key(orjson.loads(body), self.scope)
        except orjson.JSONDecodeError:
            return ()


_SYSTEMS: dict[str, TargetName | Source] = {
    "/opal/v1": TargetName.OPAL,
    "/rootly": TargetName.ROOTLY,
    "/pagerduty": "pagerduty",
    "/opsgenie": "opsgenie",
}
_SCOPED = re.compile(r"/v1/schedules/([^/]+)")
_DIRECTORY = re.compile(r"/v1/schedules|/v1/users")


def describe(method: str, path: str) -> Asked:
    """Return what a method and a path, with the query, on the sandbox's port ask for."""
    for prefix, target in _SYSTEMS.items():
        if path.startswith(f"{prefix}/"):
            below = path.removeprefix(prefix)
            bare = below.partition("?")[0]
            scoped = _SCOPED.match(bare) if target == TargetName.ROOTLY else None
            is_collection = kind_at(target, bare) is not None
            is_list = method == "GET" and (is_collection or _DIRECTORY.fullmatch(bare) is not None)
            is_creation = method == "POST" and is_collection
            return Asked(target, method, below, scoped[1] if scoped else "", is_list, is_creation)
    return Asked(None, method, path)


def is_matching(fault: Fault, asked: Asked) -> bool:
    """Return whether a fault counts a request."""
    return (
        (fault.target == asked.target if fault.target else isinstance(asked.target, TargetName))
        and fault.method in (ANY, asked.method)
        and fault.scope in ("", asked.scope)
        and fault.path in asked.path
        and _is_fit(fault.kind, asked)
    )


def _is_fit(kind: FaultKind, asked: Asked) -> bool:
    if kind.of == "creation":
        return asked.is_creation
    if kind.of == "page":
        return asked.is_list and asked.target == TargetName.ROOTLY  # Opal's list has no pages
    return kind.of == "request" or asked.is_list


def is_hit(fault: Fault, seed: int, position: int, ordinal: int) -> bool:
    """Return whether the plan's `position`-th fault hits its `ordinal`-th matching request; `times` aside."""
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
        """Count a request and return the faults that hit it: all alterations, then the first of the others."""
        hits = [fault for position, fault in enumerate(self._plan.fault) if self._take(position, fault, asked)]
        others = [fault for fault in hits if not fault.kind.is_alteration]
        return (*(fault for fault in hits if fault.kind.is_alteration), *others[:1])

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


def read_faults(path: Path) -> FaultPlan:
    """Read a fault plan.

    Raises:
        SettingsError: the file cannot be read, is not TOML, or is not a fault plan.
    """
    return read_model(FaultPlan, path, "fault plan", "See the table in docs/sandbox.md.")
