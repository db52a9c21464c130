"""The sorts of faults: at which requests, at which moment, with which parameters. docs/sandbox.md quotes this table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

When: TypeAlias = Literal["before", "after"]

#: For `method`: a request of any.
ANY: Final = "any"


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What can be said of a fault of this sort."""

    moments: tuple[When, ...] = ("after", "before")  #: before or after the commit; the first unless told
    method: str = "POST"  #: unless told
    takes: frozenset[str] = frozenset()  #: parameters of its own
    needs: frozenset[str] = frozenset()  #: those of them that must be told
    forms: tuple[str, ...] = ()  #: values of `form`; the first unless told
    of: Literal["request", "creation", "list", "page"] = "request"  #: the only requests that it can hit
    is_alteration: bool = False  #: changes a good answer, and goes together with others
    is_single: bool = False  #: once, unless told otherwise
    is_steady: bool = False  #: holds for all its requests: hitting some alone would lose records


def _lost(*takes: str, moments: tuple[When, ...] = ("after", "before")) -> FaultKind:
    return FaultKind(moments, takes=frozenset({"sent", *takes}))


def _spoilt(*takes: str, forms: tuple[str, ...] = (), of: Literal["request", "creation"] = "request") -> FaultKind:
    return FaultKind(takes=frozenset(takes), forms=forms, of=of)


def _altered(*takes: str, forms: tuple[str, ...] = (), of: Literal["list", "page"] = "list") -> FaultKind:
    return FaultKind(
        ("after",), "GET", frozenset(takes), forms=forms, of=of, is_alteration=True, is_steady="size" in takes
    )


_STATUS = frozenset({"status", "retry_after", "retry_date", "reset_in", "to"})
_DELAY = frozenset({"delay"})
_ONLY_AFTER: tuple[When, ...] = ("after",)
_ONLY_BEFORE: tuple[When, ...] = ("before",)

SORTS: dict[str, FaultKind] = {
    # no answer, or a part of one
    "reset": _lost(),
    "close": _lost(),
    "hang": _lost("delay"),
    "drip": _lost("pace", moments=_ONLY_AFTER),
    "go_away": FaultKind(_ONLY_BEFORE, ANY, _DELAY, is_single=True),
    # another answer
    "status": FaultKind(("before", "after"), ANY, _STATUS, frozenset({"status"}), ("api", "html", "text", "empty")),
    # an answer spoilt; an answer that is no 2xx passes as it is
    "truncated": _spoilt(forms=("json", "length", "chunked", "until_close")),
    "html": _spoilt("status"),
    "empty": _spoilt("status"),
    "nested": _spoilt("depth"),
    "no_id": _spoilt(forms=("missing", "null", "empty", "number", "malformed"), of="creation"),
    "foreign": _spoilt(forms=("own_id", "foreign_id"), of="creation"),
    "endless": FaultKind(_ONLY_AFTER),
    "gzip_bomb": FaultKind(_ONLY_AFTER, takes=frozenset({"size"})),
    "close_after": FaultKind(_ONLY_AFTER, ANY),
    # late
    "late_commit": FaultKind(
        _ONLY_AFTER,
        takes=_DELAY | {"status"},
        needs=_DELAY,
        forms=("reset", "close", "hang", "status"),
        of="creation",
    ),
    "lagging_list": FaultKind(_ONLY_AFTER, takes=_DELAY, needs=_DELAY, of="creation", is_alteration=True),
    # lists
    "repeat": _altered(),
    "endless_list": _altered(forms=("same", "none", "new")),
    "next_link": _altered("to", forms=("query", "path", "api_path", "meta", "other_host", "other_path"), of="page"),
    "short_pages": _altered("size", of="page"),
}

#: Said of a fault of any sort.
SHARED = frozenset(
    {"what", "when", "target", "method", "scope", "path", "first", "at", "every", "probability", "times"}
)
