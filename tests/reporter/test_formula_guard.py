"""A report's cells run nothing in a spreadsheet and come back as they were."""

import pytest
from hypothesis import given
from report_lines import TEXTS, unhurried

from importer.reporter.formula_guard import guard, unguard


@unhurried
@given(TEXTS)
def test_any_text_comes_back(text: str) -> None:
    assert unguard(guard(text)) == text


@unhurried
@given(TEXTS)
def test_a_guarded_text_can_be_guarded_again_and_comes_back(text: str) -> None:
    assert unguard(unguard(guard(guard(text)))) == text


@unhurried
@given(TEXTS)
def test_no_guarded_text_begins_as_a_formula(text: str) -> None:
    assert not guard(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+49 30 1",
        "-5",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "'=1",
        "''-",
        "\uff1d1+1",
        "\uff0b1",
        "\uff0d1",
        "\uff20A",
    ],
)
def test_a_formula_gets_one_apostrophe_in_front(text: str) -> None:
    assert guard(text) == "'" + text


@pytest.mark.parametrize(
    "text", ["", "'", "it's", "'quoted'", "'' -", " =1", "a=b", "2026-01-01T00:00:00+01:00", "00042"]
)
def test_other_texts_are_not_touched_either_way(text: str) -> None:
    assert (guard(text), unguard(text)) == (text, text)


@pytest.mark.parametrize("text", ["=1+1", "-5", "\t"])
def test_a_formula_that_a_person_typed_is_not_touched_by_reading(text: str) -> None:
    assert unguard(text) == text
