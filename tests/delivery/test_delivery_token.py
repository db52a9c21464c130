"""A server that repeats the token, in whatever spelling, does not bring it into what is kept."""

from __future__ import annotations

import html
from urllib.parse import quote

import pytest

from importer.delivery.client import POST_LIMIT, without_token

TOKEN = "tok/en-<7f3d>&canary+0123456789"
SPELLINGS = {
    "plain": TOKEN,
    "JSON": "".join(f"\\u{ord(one):04x}" for one in TOKEN),
    "escaped slashes": TOKEN.replace("/", "\\/"),
    "HTML": html.escape(TOKEN),
    "HTML numbers": "".join(f"&#{ord(one)};" for one in TOKEN),
    "HTML hex": "".join(f"&#x{ord(one):x};" for one in TOKEN),
    "percent": quote(TOKEN, safe=""),
    "every character as percent": "".join(f"%{ord(one):02x}" for one in TOKEN),
    "HTML in JSON": html.escape(TOKEN).replace("&", "\\u0026"),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("status", [200, 201, 400, 500])
def test_nothing_is_kept_of_it(spelling: str, status: int) -> None:
    kept = without_token(f'{{"id": "{spelling}", "error": "bad {spelling}"}}'.encode(), status, TOKEN.encode()).decode()
    assert spelling not in kept
    assert TOKEN not in kept
    assert bool(kept) is (status >= 400)  # an object's id that is the token is no id: in doubt


@pytest.mark.parametrize("body", [b'{"a": "50 % \\u0041 & co"}', b"", b"\xff\\", b'{"a": 1}'])
@pytest.mark.parametrize("status", [200, 500])
def test_every_other_answer_stays_as_it_is(body: bytes, status: int) -> None:
    assert without_token(body, status, TOKEN.encode()) == body


def test_a_short_word_as_token_does_not_empty_every_answer() -> None:
    assert without_token(b'{"name": "sandbox"}', 200, b"sandbox") == b'{"name": "sandbox"}'


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("before", [POST_LIMIT - 7, 2 * POST_LIMIT + 7])
def test_a_long_list_is_searched_to_its_end(spelling: str, before: int) -> None:
    body = b" " * before + f'{{"id": "{spelling}"}}'.encode() + b" " * POST_LIMIT
    assert without_token(body, 200, TOKEN.encode()) == b""


def test_a_feed_has_no_token_and_its_answers_stay_as_they_are() -> None:
    assert without_token(b"gone %", 500, b"") == b"gone %"
