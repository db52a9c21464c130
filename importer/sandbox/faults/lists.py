"""Lists that misbehave: pages that repeat, that never end, whose next page is told in odd ways. Knows no transport."""

from __future__ import annotations

import math
from copy import deepcopy
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aiohttp import web
from yarl import URL

from importer.records import TargetName
from importer.sandbox.api import opal, rootly
from importer.sandbox.api.answers import JSON
from importer.sandbox.api.jsonapi import Objection, objections

if TYPE_CHECKING:
    from importer.sandbox.faults.fault_plan import Asked, Fault


# ---- Lists that misbehave: pages that repeat, that never end, whose next page is told in odd ways. Knows


#: Where a link to another host leads unless told: a name that nobody has (RFC 2606).
ELSEWHERE = "http://elsewhere.invalid"
_PAGE_NUMBER = "page[number]"


class Lists:
    """Alters pages; keeps the last page of each list in mind, for what repeats."""

    def __init__(self) -> None:
        self._seen: dict[str, list[Any]] = {}  # by the list's path: entries of the last page that had any

    def alter(self, faults: tuple[Fault, ...], asked: Asked, page: dict[str, Any]) -> dict[str, Any]:
        """Alter a page of a list by every fault, in their order."""
        name = "data" if asked.target is TargetName.ROOTLY else "on_call_schedules"
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
        return page


def _number(asked: Asked) -> int:
    number = URL(asked.path, encoded=True).query.get(_PAGE_NUMBER, "")
    return int(number) if number.isdigit() else 1


def _more(form: str, entries: list[Any]) -> list[Any]:
    """Fill a page beyond the end."""
    if form == "same":
        return entries
    return [_invented(entry) for entry in entries] if form == "new" else []


def _invented(entry: dict[str, Any]) -> dict[str, Any]:
    made = deepcopy(entry)
    made["id" if "attributes" in made else "on_call_schedule_id"] = new = str(uuid4())
    if "shadowable_id" in made.get("attributes", ()):
        made["attributes"]["shadowable_id"] = new
    if "remote_id" in made:
        made["remote_id"] = new
    return made


def _go_on(page: dict[str, Any], asked: Asked) -> None:
    """Tell of a next page where there is none."""
    number = _number(asked) + 1
    if asked.target is TargetName.OPAL:
        page["next"] = f"page-{number}"
    elif page["links"]["next"] is None:
        page["meta"]["next_page"] = number
        page["links"]["next"] = str(URL(page["links"]["self"]).update_query({_PAGE_NUMBER: str(number)}))


def _redirect_next(fault: Fault, page: dict[str, Any]) -> None:
    """Tell the next page in another way, or have it be elsewhere."""
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


# ---- The answers of a `status` fault: the status told, in the API's own words or in none, with the header


def refusal(fault: Fault, asked: Asked, status: int, now: float) -> web.Response:
    """Make the answer; `now` is the server's epoch second, from which its dates count."""
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
    if asked.target is not TargetName.ROOTLY:
        return opal.message(status, words)
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
        headers["X-RateLimit-Reset"] = str(math.ceil(now + fault.reset_in))
    if fault.to or 300 <= status < 400:
        headers["Location"] = (fault.to or ELSEWHERE) + asked.path
    return headers


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
