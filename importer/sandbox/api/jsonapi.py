"""JSON:API documents as Rootly writes them: data, errors with pointers, pages with meta and links."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from importer.sandbox.api.answers import answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiohttp import web


MEDIA_TYPE = "application/vnd.api+json"

_ANSWER_TYPE = f"{MEDIA_TYPE}; charset=utf-8"
_PAGE_SIZE = 25
_LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing wrong with a request."""

    detail: str
    pointer: str = ""  #: into the request's body; empty means the body as a whole
    parameter: str = ""  #: of the query, where the objection is to that


@dataclass(frozen=True, slots=True)
class ListPage:
    """Which part of a list is asked for; pages count from 1."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        """Count the entries before this page."""
        return (self.number - 1) * self.size

    @classmethod
    def asked(cls, query: Mapping[str, str]) -> ListPage:
        """Read the page out of a query; what is no number above 0 counts as not asked for, a larger size is cut."""
        number = _number(query.get("page[number]", "")) or 1
        size = _number(query.get("page[size]", "")) or _PAGE_SIZE
        return cls(number, min(size, _LARGEST_PAGE))

    def pages(self, total: int) -> int:
        """Count the pages of a list; an empty list has none."""
        return -(-total // self.size)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0


def document(data: Mapping[str, object], *, status: int = 200) -> web.Response:
    """Answer with one resource."""
    return answer({"data": data}, status=status, media_type=_ANSWER_TYPE)


def listing(request: web.Request, page: ListPage, total: int, data: Sequence[Mapping[str, object]]) -> web.Response:
    """Answer with one page of a list."""
    pages = page.pages(total)
    following = page.number + 1 if page.number < pages else None
    previous = page.number - 1 if 1 < page.number <= pages else None
    body = {
        "data": data,
        "meta": {
            "current_page": page.number,
            "next_page": following,
            "prev_page": previous,
            "total_count": total,
            "total_pages": pages,
        },
        "links": {
            "self": _link(request, page, page.number),
            "first": _link(request, page, 1),
            "prev": _link(request, page, previous),
            "next": _link(request, page, following),
            "last": _link(request, page, max(1, pages)),
        },
    }
    return answer(body, media_type=_ANSWER_TYPE)


def _link(request: web.Request, page: ListPage, number: int | None) -> str | None:
    if number is None:
        return None
    query = {**request.query, "page[number]": str(number), "page[size]": str(page.size)}
    return f"{request.scheme}://{request.host}{request.rel_url.raw_path}?{urlencode(query)}"


def objections(status: int, *found: Objection, media_type: str = _ANSWER_TYPE) -> web.Response:
    """Answer with errors, all of one status."""
    return answer({"errors": [_error(status, each) for each in found]}, status=status, media_type=media_type)


def _error(status: int, objection: Objection) -> dict[str, object]:
    title = "Unprocessable Content" if status == 422 else HTTPStatus(status).phrase  # RFC 9110's name in every Python
    error: dict[str, object] = {"title": title, "status": str(status), "detail": objection.detail}
    if objection.parameter:
        error["source"] = {"parameter": objection.parameter}
    elif status == 422:
        error["source"] = {"pointer": objection.pointer}
    return error
