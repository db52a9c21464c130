"""What a run says of the records that need attention."""

from __future__ import annotations

import pytest

from importer.cli.findings import describe_groups, groups_of_lines
from importer.kinds import Names
from importer.records import Outcome, ReportLine, Sheet
from importer.statuses import Status

SHEET = Sheet("shadows.csv", "shadows", (), ())


def said(*errors: str, is_cut: bool = False) -> list[str]:
    lines = [
        (SHEET, ReportLine(0, row, "", "shadow", (), Outcome(Status.REJECTED, error=error)))
        for row, error in enumerate(errors, 2)
    ]
    return [line.plain for line in describe_groups(groups_of_lines(lines, Names({}), is_cut=is_cut), 20, 80)]


@pytest.mark.parametrize(
    ("form", "heading"),
    [
        ("Unprocessable: user {} is not known", "Unprocessable: user ... is not known"),
        ("answered {:08x}-0000-4000-8000-1a2b3c4d5e6f, and has no such", "answered ..., and has no such"),
    ],
)
def test_what_differs_in_its_id_alone_is_one_kind_and_each_example_says_its_own(form: str, heading: str) -> None:
    errors = [form.format(number) for number in range(101, 301)]
    first, *examples = said(*errors)
    assert first == f"rejected: {heading}  (200 records)"
    assert [example.endswith(error) for example, error in zip(examples, errors, strict=False)] == [True] * 3 + [False]
    assert ": :" not in "".join(examples)  # nothing is known of such a row but its place


def test_what_is_said_alike_of_all_is_said_whole_and_once() -> None:
    first, *examples = said(*["Not Found: schedule 42."] * 4, "Something else")
    assert first == "rejected: Not Found: schedule 42.  (4 records)"
    assert "42" not in "".join(examples)


def test_a_number_of_the_first_records_alone_is_not_told_as_that_of_all() -> None:
    assert said(*["Not Found"] * 9, is_cut=True)[0] == "rejected: Not Found  (9 records or more)"
