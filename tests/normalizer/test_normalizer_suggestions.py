"""What an unknown header may mean: told with a confidence, never applied."""

from __future__ import annotations

import pytest

from importer.normalizer.header import plan
from importer.normalizer.mapping import Mapping
from importer.normalizer.suggestions import describe_suggestion, nearest, suggest
from importer.records import Sheet


def sheet(*header: str, name: str = "Sheet1") -> Sheet:
    return Sheet("plan.csv", name, header, tuple(range(len(header))))


@pytest.mark.parametrize(
    ("name", "header", "column"),
    [
        ("Shadows", "Trainee name", "shadow_user_id"),
        ("Shadows", "shedule id", "schedule_id"),
        ("Shadows", "Strat", "starts_at"),
        ("Shadows", "shadowee", "shadowable_id"),
        ("Shadows", "Rotations", "rotation"),
        ("Shadows", "timzone", "timezone"),
        ("Shadows", "Start (UTC)", "starts_at"),
        ("Shadows", "Mentor", "shadowable_id"),
        ("Schedules", "remote-di", "remote_id"),
        ("Schedules", "Providor", "third_party_provider"),
        ("Schedules", "Schedule", "remote_id"),
        ("Sheet1", "ID", "remote_id"),
        ("Sheet1", "Rota", "schedule_id"),
        ("Sheet1", "Schedule-ID", "remote_id"),
    ],
)
def test_a_header_like_a_known_one_is_suggested_and_not_applied(name: str, header: str, column: str) -> None:
    layout = plan(sheet("Note", header, name=name))
    (suggestion,) = suggest(layout)
    assert (suggestion.header, suggestion.column) == (header, column)
    assert 50 <= suggestion.confidence <= 100
    assert column not in layout.indices


@pytest.mark.parametrize(
    "header", ["Name", "Team", "Note", "Status", "Region", "Description", "Users", "Enabled", "#", "Surname"]
)
@pytest.mark.parametrize("name", ["Shadows", "Schedules", "Sheet1", "Overrides"])
def test_what_is_like_nothing_is_not_suggested(name: str, header: str) -> None:
    assert suggest(plan(sheet(header, name=name))) == ()


def test_a_header_that_can_be_either_person_is_suggested_as_both() -> None:
    for header in ("User ID", "user", "Shadowing"):
        suggestions = suggest(plan(sheet("Start", header, name="Shadows")))
        assert {suggestion.column for suggestion in suggestions} == {"shadow_user_id", "shadowable_id"}
        assert all("who shadows or who is shadowed" in suggestion.why for suggestion in suggestions)


def test_what_would_make_overrides_is_suggested_where_nothing_says_that_the_rows_are_shadows() -> None:
    def meant(*header: str, name: str = "rota") -> list[str]:
        return [one.column for one in suggest(plan(sheet("Schedule ID", "Starts At", *header, name=name)))]

    assert meant("Ends At", "User") == ["user_id", "shadow_user_id", "shadowable_id"]
    assert meant("Ends At", "On-call") == ["shadowable_id", "user_id"]
    assert meant("Ends At", "User", name="Shadows") == ["shadow_user_id", "shadowable_id"]
    assert meant("Trainee", "User") == ["shadowable_id"]


def test_only_columns_that_are_lacking_are_suggested() -> None:
    layout = plan(sheet("shadow_user_id", "Trainee name", "User ID", name="Shadows"))
    assert [(one.header, one.column) for one in suggest(layout)] == [("User ID", "shadowable_id")]
    given = Mapping(constants={"shadowable_id": "101"})
    assert suggest(plan(sheet("shadow_user_id", "User ID", name="Shadows"), given)) == ()
    left_out = Mapping(columns={"User ID": ""})
    assert suggest(plan(sheet("shadow_user_id", "User ID", name="Shadows"), left_out)) == ()


def test_a_sheet_of_schedules_is_not_asked_for_shadows() -> None:
    assert suggest(plan(sheet("ID", "User ID", "Strat", name="Schedules"))) == ()


def test_a_long_header_is_compared_with_nothing() -> None:
    assert suggest(plan(sheet("trainee " * 100_000, name="Shadows"))) == ()


def test_a_suggestion_is_told_in_one_sentence_with_the_line_to_write() -> None:
    one = sheet('Trainee\n"name"', name="Shadows")
    (suggestion,) = suggest(plan(one))
    told = describe_suggestion(suggestion, one)
    assert told.isprintable()
    assert f"may be shadow_user_id ({suggestion.confidence} %)" in told
    assert '= "shadow_user_id" below [columns]' in told


def test_the_nearest_of_a_list_come_first_and_three_at_most() -> None:
    assert nearest("Trainnee", ["Note", "Trainee", "Trainees"])[0] == "Trainee"
    assert nearest("zzz", ["Note"]) == []
    assert len(nearest("a1", [f"a{number}" for number in range(1, 9)])) <= 3
    assert nearest("x" * 1_000_000, ["Note"]) == []
