"""The answers of a `status` fault: the status told, in the API's own words or in none, with the headers told."""

from __future__ import annotations

import math
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from importer.records import TargetName
from importer.sandbox import opal, rootly
from importer.sandbox.answers import JSON
from importer.sandbox.jsonapi import Objection, objections
from importer.sandbox.lists import ELSEWHERE

if TYPE_CHECKING:
    from importer.sandbox.faults import Asked, Fault


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
