"""Good answers made bad: bodies, ids, pages of lists, statuses. Their transport aside."""

from __future__ import annotations

import math
import zlib
from copy import deepcopy
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson
from aiohttp import web
from yarl import URL

from importer.records import TargetName
from importer.sandbox.api import opal, opsgenie, pagerduty, rootly
from importer.sandbox.api.answers import JSON, Objection, objections

if TYPE_CHECKING:
    from importer.sandbox.fault_plan import Asked, Fault


HTML = b"""<!DOCTYPE html>
<html><head><title>Just a moment...</title></head>
<body><h1>Just a moment...</h1><p>This page was made by a proxy on the way.</p></body></html>
"""
_BOMB = 16 << 20  # default size of a bomb in bytes; takes 16 KiB on the wire and 0.1 s to make
_CHUNK = 1 << 20
_MISSING = object()
_BAD_IDS: dict[str, object] = {
    "missing": _MISSING,
    "null": None,
    "empty": "",
    "number": 17,
    "malformed": "../../users",
}


def created_id(body: bytes) -> str:
    """Return the id in the good answer to a creation, of either API; empty if there is none."""
    item, name = _item(orjson.loads(body))
    return str(item.get(name, ""))


#: The faults that `spoil` knows.
SPOILING = frozenset({"truncated", "html", "empty", "nested", "no_id", "foreign"})


def spoil(fault: Fault, body: bytes, other: bytes) -> bytes:
    """Spoil the body of a good answer; `other` is the last good answer of the same target, or empty.

    `truncated` cuts it in half; how that looks on the wire is the transport's part.
    """
    match fault.what:
        case "truncated":
            return body[: len(body) // 2]
        case "html":
            return HTML
        case "empty":
            return b""
        case "nested":
            return b'{"data":' * fault.depth + b"{}" + b"}" * fault.depth
        case "no_id":
            return _spoil_id(fault, body)
        case _:
            return _swap(fault, body, other)


@lru_cache(maxsize=1)
def bomb(body: bytes, size: int | None) -> bytes:
    """Compress a body with `size` blanks behind it; a good answer for a client with enough memory."""
    size = size or _BOMB
    packer = zlib.compressobj(level=9, wbits=31)  # 31: with a gzip header
    blanks = (b" " * min(_CHUNK, size - start) for start in range(0, size, _CHUNK))
    return b"".join([packer.compress(body), *map(packer.compress, blanks), packer.flush()])


def _spoil_id(fault: Fault, body: bytes) -> bytes:
    document = orjson.loads(body)
    item, name = _item(document)
    item[name] = _BAD_IDS[fault.form]
    if item[name] is _MISSING:
        del item[name]
    return orjson.dumps(document)


def _swap(fault: Fault, body: bytes, other: bytes) -> bytes:
    """Answer with another record's values, under its id or this one's."""
    own = orjson.loads(body)
    foreign = orjson.loads(other) if other else {}
    if not foreign or _values(foreign) == _values(own):
        foreign = _another(own)
    if fault.form == "own_id":
        (item, name), (own_item, _) = _item(foreign), _item(own)
        item[name] = own_item[name]
    return orjson.dumps(foreign)


def _another(own: dict[str, Any]) -> dict[str, Any]:
    """Return an object that differs in one value, under an id that nothing has."""
    made = deepcopy(own)
    item, name = _item(made)
    item[name] = str(uuid4())
    if "attributes" in item:
        name = "shadow_user_id" if "shadow_user_id" in item["attributes"] else "user_id"
        item["attributes"][name] += 1
    else:
        item["remote_id"] += "X"
    return made


def _values(document: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a record without its id and times of creation and change."""
    item, name = _item(document)
    values = item.get("attributes", item)
    return {field: value for field, value in values.items() if field not in {name, "created_at", "updated_at"}}


def _item(document: Any) -> tuple[dict[str, Any], str]:
    """Return the object in a body, and the name of its id."""
    if isinstance(document, dict) and isinstance(document.get("data"), dict):
        return document["data"], "id"
    return document if isinstance(document, dict) else {}, "on_call_schedule_id"


# Lists

#: Where a link to another host leads by default: a name that cannot exist (RFC 2606).
ELSEWHERE = "http://elsewhere.invalid"
_PAGE_NUMBER = "page[number]"


class FaultyLists:
    """Alters pages; remembers the last page of each list, for what repeats."""

    def __init__(self) -> None:
        self._seen: dict[str, list[Any]] = {}  # by the list's path: entries of the last page that had any

    def alter(self, faults: tuple[Fault, ...], asked: Asked, page: dict[str, Any]) -> dict[str, Any]:
        """Alter a page of a list by every fault, in order."""
        name = "data" if asked.target == TargetName.ROOTLY else "on_call_schedules"
        list_path, _, query = asked.path.partition("?")
        kept = self._seen.get(list_path, [])
        if page[name]:
            self._seen[list_path] = page[name]
        for fault in faults:
            if fault.what == "repeat":
                page[name] = [*(kept[-1:] if _number(asked) > 1 else ()), *page[name], *page[name][:1]]
            elif fault.what == "endless_list":
                is_beyond = not page[name] or "cursor=" in query
                page[name] = _more(fault.form, self._seen.get(list_path, [])) if is_beyond else page[name]
                _go_on(page, asked)
            elif fault.what == "next_link":
                _redirect_next(fault, page)
            elif fault.what == "large_total":
                page["meta"]["total_count"] += 1
        return page


def _number(asked: Asked) -> int:
    number = URL(asked.path, encoded=True).query.get(_PAGE_NUMBER, "")
    return int(number) if number.isdigit() else 1


def _more(form: str, entries: list[Any]) -> list[Any]:
    """Return the entries of a page beyond the end."""
    if form == "same":
        return entries
    return [_invented(entry) for entry in entries] if form == "new" else []


def _invented(entry: dict[str, Any]) -> dict[str, Any]:
    made = deepcopy(entry)
    made["id" if "attributes" in made else "on_call_schedule_id"] = new = str(uuid4())
    if "shadowable_id" in made.get("attributes", ()):
        made["attributes"]["shadowable_id"] = new
    if "is_override" in made.get("attributes", ()):
        made["attributes"]["user_id"] += 1
    if "remote_id" in made:
        made["remote_id"] = new
    return made


def _go_on(page: dict[str, Any], asked: Asked) -> None:
    """Announce a next page where there is none."""
    number = _number(asked) + 1
    if asked.target == TargetName.OPAL:
        page["next"] = f"page-{number}"
    elif page["links"]["next"] is None:
        page["meta"]["next_page"] = number
        page["links"]["next"] = str(URL(page["links"]["self"]).update_query({_PAGE_NUMBER: str(number)}))


def _redirect_next(fault: Fault, page: dict[str, Any]) -> None:
    """Announce the next page in another way, or at another place."""
    if fault.form == "meta":
        del page["links"]
    elif page["links"]["next"] is not None:
        url = URL(page["links"]["next"])
        page["links"]["next"] = {
            "query": f"?{url.raw_query_string}",
            "path": url.raw_path_qs,
            "api_path": url.raw_path_qs.removeprefix("/rootly"),
            "other_host": (fault.to or ELSEWHERE) + url.raw_path_qs,
            "other_path": str(url.with_path("/rootly/v1/users", keep_query=True)),
        }[fault.form]


# Statuses


def refusal(fault: Fault, asked: Asked, status: int, now: float) -> web.Response:
    """Return the answer of a `status` fault; `now` is the server's epoch second, from which its dates count."""
    response = _body(fault.form, asked, status)
    response.headers.update(_headers(fault, asked, status, now))
    return response


def _body(form: str, asked: Asked, status: int) -> web.Response:
    words = f"The sandbox was told to answer {status}."
    if form == "html":
        page = f"<!DOCTYPE html>\n<html><body><h1>{status} {_phrase(status)}</h1><p>{words}</p></body></html>\n"
        return web.Response(text=page, status=status, content_type="text/html")
    if form == "text":
        return web.Response(text=f"{words}\n", status=status)
    if form == "empty":
        return web.Response(status=status)
    messages = {"pagerduty": pagerduty.refusal, "opsgenie": opsgenie.failure}
    if asked.target != TargetName.ROOTLY:
        return messages.get(asked.target or "", opal.message)(status, words)
    if status == 429:
        return rootly.flat(status, "Rate limit exceeded. Try again later.")
    return objections(status, Objection(words), **({"media_type": JSON} if status == 401 else {}))


def _headers(fault: Fault, asked: Asked, status: int, now: float) -> dict[str, str]:
    headers = {}
    if fault.retry_after is not None:
        headers["Retry-After"] = str(fault.retry_after)
    if fault.retry_date is not None:
        headers["Retry-After"] = formatdate(math.ceil(now + fault.retry_date), usegmt=True)
    if fault.reset_in is not None:
        # Of those that are only read, PagerDuty and Opsgenie tell seconds, not a point in time.
        of_source = {"pagerduty": "ratelimit-reset", "opsgenie": "X-RateLimit-Period-In-Sec"}
        name = of_source.get(asked.target or "")
        headers[name or "X-RateLimit-Reset"] = str(math.ceil(fault.reset_in if name else now + fault.reset_in))
    if fault.to or 300 <= status < 400:
        headers["Location"] = (fault.to or ELSEWHERE) + asked.path
    return headers


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
