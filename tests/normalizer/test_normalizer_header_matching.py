"""Sheets as people have them: which header is which column, by the sheet's kind, and what the mapping gives instead."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from importer.errors import SourceError
from importer.normalizer.header import plan, repeats
from importer.normalizer.mapping import NO_MAPPING, Mapping, make_rules
from importer.normalizer.row import EXAMPLE, Normalizer
from importer.normalizer.suggestions import suggest
from importer.records import Problem, Record, Row, Sheet
from importer.reporter.template import EXAMPLE as TEMPLATES_EXAMPLE

SAMPLES = Path(__file__).parents[2] / "samples"
UUID = "3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10"
PAGER_DUTY = Mapping(constants={"third_party_provider": "PAGER_DUTY"})
OPSGENIE = Mapping(constants={"third_party_provider": "OPSGENIE"})


def sheet(*header: str, name: str = "Sheet1") -> Sheet:
    return Sheet("plan.csv", name, header, tuple(range(len(header))))


def record(one: Sheet, cells: tuple[str, ...], mapping: Mapping = NO_MAPPING, provider: str | None = None) -> Record:
    normalized = Normalizer(one, make_rules(mapping, provider=provider)).normalize(Row(2, cells))
    assert not normalized.problems
    (record,) = normalized.records
    return record


@pytest.mark.parametrize(
    ("header", "cells", "mapping", "remote_id"),
    [
        (("ID", "Name", "Users", "Escalation policies"), ("PI7DH85", "A", "x\ny", "z"), PAGER_DUTY, "PI7DH85"),
        (("ID", "Name", "Users", "Escalation policies", "Team names"), ("PI7DH85", *"abcd"), PAGER_DUTY, "PI7DH85"),
        (("Name", "ID"), ("Primary", "PI7DH85"), PAGER_DUTY, "PI7DH85"),
        (("UserID", "ScheduleID"), ("PUSER01", "PI7DH85"), PAGER_DUTY, "PI7DH85"),
        (("id", "name", "description", "timezone", "enabled"), (UUID, "A", "", "Mars", "true"), OPSGENIE, UUID),
    ],
)
@pytest.mark.parametrize("name", ["export", "schedules"])
def test_a_real_export_goes_through_with_its_provider_alone(
    header: tuple[str, ...], cells: tuple[str, ...], mapping: Mapping, remote_id: str, name: str
) -> None:
    """The headers are those that the exports of PagerDuty and Opsgenie have; none of them has a provider."""
    provider = mapping.constants["third_party_provider"]
    assert record(sheet(*header, name=name), cells, mapping).key == (provider, remote_id)
    assert record(sheet(*header, name=name), cells, provider=provider).key == (provider, remote_id)


@pytest.mark.parametrize("header", [("ID", "Name", "Users"), ("Name", "ID"), ("UserID", "ScheduleID")])
def test_without_a_provider_or_a_name_an_export_is_not_taken_for_schedules(header: tuple[str, ...]) -> None:
    layout = plan(sheet(*header))
    assert layout.kind is None
    assert "remote_id" not in layout.indices
    assert "remote_id" in {suggestion.column for suggestion in suggest(layout)}


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("Sheet1", ("ID", "Name", "Email")),
        ("Sheet1", ("id", "name", "role")),
        ("users", ("ID", "Name")),
        ("Services 2026", ("ID", "Name")),
        ("export", ("ID", "Escalation policy")),
    ],
)
def test_a_list_of_people_or_services_is_never_one_of_schedules(name: str, header: tuple[str, ...]) -> None:
    """A schedule sent with a person's id cannot be taken back."""
    layout = plan(sheet(*header, name=name), PAGER_DUTY, "PAGER_DUTY")
    assert (layout.kind, layout.is_usable) == (None, False)


def test_headers_as_a_planner_writes_them_make_shadows() -> None:
    one = sheet("Rota", "Trainee", "On-call user", "Start", "End time", "TZ", "Note")
    layout = plan(one)
    assert layout.kind == "shadow"
    assert layout.indices == {
        "schedule_id": 0,
        "shadow_user_id": 1,
        "shadowable_id": 2,
        "starts_at": 3,
        "ends_at": 4,
        "timezone": 5,
    }
    cells = ("primary-eu", "112", "101", "2027-03-01T09:00", "2027-03-01T17:00", "Europe/Berlin", "")
    assert record(one, cells).key[:4] == ("primary-eu", "User", "101", 112)


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("provider", "third_party_provider"),
        ("PagerDuty ID", "remote_id"),
        ("trainee", "shadow_user_id"),
        ("Trainee e-mail", "shadow_user_id"),
        ("shadow", "shadow_user_id"),
        ("shadowed user", "shadowable_id"),
        ("Shadowed", "shadowable_id"),
        ("start", "starts_at"),
        ("from", "starts_at"),
        ("end", "ends_at"),
        ("To", "ends_at"),
        ("end time", "ends_at"),
        ("until", "ends_at"),
        ("tz", "timezone"),
        ("Time zone", "timezone"),
        ("RRULE", "repeat"),
        ("Rootly schedule", "schedule_id"),
    ],
)
def test_a_header_with_one_meaning_is_known_in_any_sheet(header: str, column: str) -> None:
    assert plan(sheet("Note", header)).indices == {column: 1}


@pytest.mark.parametrize(
    ("name", "header", "indices"),
    [
        ("Schedules", ("Name", "Schedule ID"), {"remote_id": 1}),
        ("Schedules", ("schedule_id", "remote_id"), {"schedule_id": 0, "remote_id": 1}),
        ("Shadows", ("ID", "Schedule ID"), {"schedule_id": 1}),
        ("Shadows", ("Schedule", "Provider"), {"schedule_id": 0}),
        ("Schedules", ("Schedule", "Trainee"), {"shadow_user_id": 1}),
        ("Sheet1", ("Provider", "Schedule ID"), {"third_party_provider": 0, "remote_id": 1}),
        ("Sheet1", ("Trainee", "Schedule ID"), {"shadow_user_id": 0, "schedule_id": 1}),
        ("Sheet1", ("Schedule ID",), {"schedule_id": 0}),
        ("Sheet1", ("Provider", "ID", "Trainee"), {"third_party_provider": 0, "shadow_user_id": 2}),
    ],
)
def test_a_header_with_two_meanings_means_what_the_sheet_holds(
    name: str, header: tuple[str, ...], indices: dict[str, int]
) -> None:
    assert plan(sheet(*header, name=name)).indices == indices


@pytest.mark.parametrize(
    ("header", "column"),
    [
        (("Trainee", "From", "Until"), "ends_at"),
        (("Trainee", "From", "Until", "Repeat"), "until"),
        (("From", "Until", "Rotation"), "until"),
        (("From", "Until", "End"), "until"),
        (("From", "Until", "Duration"), "until"),
    ],
)
def test_until_is_the_end_of_the_shift_only_where_nothing_repeats_and_nothing_else_is(
    header: tuple[str, ...], column: str
) -> None:
    assert plan(sheet(*header)).indices[column] == header.index("Until")


def test_a_repetition_that_the_mapping_gives_counts_for_until() -> None:
    mapping = Mapping(constants={"repeat": "weekly"})
    assert plan(sheet("From", "Until"), mapping).indices == {"starts_at": 0, "until": 1}


def test_our_own_name_wins_over_an_alias_and_the_alias_is_listed() -> None:
    layout = plan(sheet("Trainee", "Start", "starts_at", "Shadow User ID"))
    assert layout.indices == {"starts_at": 2, "shadow_user_id": 3}
    assert layout.not_used == ("Trainee", "Start")


def test_two_aliases_of_one_column_are_refused_with_their_cells_and_the_way_out() -> None:
    one = sheet("Start", "Trainee", "From")
    with pytest.raises(SourceError) as caught:
        plan(one)
    assert 'more than one column for starts_at: A1 "Start", C1 "From"' in caught.value.message
    assert "[columns]" in caught.value.hint
    assert repeats(one) == ((0, 2),)
    assert plan(one, Mapping(columns={"From": ""})).indices["starts_at"] == 0


def test_an_alias_of_the_other_kind_is_nothing_in_a_sheet_that_says_its_kind() -> None:
    """A list of schedules may well have two columns that would be the start of a shadow."""
    layout = plan(sheet("ID", "Start", "From", name="Schedules"))
    assert (layout.indices, layout.not_used) == ({"remote_id": 0}, ("Start", "From"))
    both = plan(sheet("kind", "ID", "Start", name="Schedules"))
    assert both.indices == {"kind": 0, "remote_id": 1, "starts_at": 2}


def test_a_name_that_the_headers_contradict_decides_nothing() -> None:
    """A file called as schedules that holds shadows: no Rootly id may be sent as a provider's."""
    layout = plan(sheet("schedule_id", "shadow_user_id", name="on-call schedule 2027"), provider="PAGER_DUTY")
    assert (layout.kind, layout.indices) == (None, {"schedule_id": 0, "shadow_user_id": 1})


@pytest.mark.parametrize(
    ("mapping", "kind"),
    [
        (Mapping(constants={"kind": "shadow"}), "shadow"),
        (Mapping(defaults={"kind": "shadow"}), "shadow"),
        (Mapping(constants={"schedule_id": "a"}), "shadow"),
        (Mapping(defaults={"third_party_provider": "pd"}), "schedule"),
        (Mapping(constants={"schedule_id": "a", "third_party_provider": "pd"}), None),
        (Mapping(defaults={"timezone": "UTC"}), None),
        (Mapping(columns={"Whom": "shadowable_id"}), "shadow"),
        (Mapping(columns={"Whom": "remote_id"}), "schedule"),
    ],
)
def test_the_mapping_tells_what_a_sheet_holds_that_does_not_say_itself(mapping: Mapping, kind: str | None) -> None:
    assert plan(sheet("Whom", "Note"), mapping).kind is kind


def test_a_mapped_header_wins_over_our_own_name() -> None:
    layout = plan(sheet("remote_id", " Code\u00a0", name="Schedules"), Mapping(columns={"Code": "remote_id"}))
    assert (layout.indices, layout.not_used) == ({"remote_id": 1}, ("remote_id",))


def test_a_mapped_header_is_found_exactly_first_and_then_however_it_is_written() -> None:
    mapping = Mapping(columns={"who": "shadow_user_id", "WHO": "shadowable_id", "Rota Name": "schedule_id"})
    layout = plan(sheet("WHO", "who", "rota_name"), mapping)
    assert layout.indices == {"shadowable_id": 0, "shadow_user_id": 1, "schedule_id": 2}
    assert plan(sheet("Who", "x"), Mapping(columns={"who": "remote_id", "-": "kind"})).indices == {"remote_id": 0}


def test_a_header_that_is_not_used_on_purpose_is_not_listed() -> None:
    layout = plan(sheet("ID", "Name", "remote_id"), Mapping(columns={"Name": "", "ID": ""}))
    assert (layout.indices, layout.not_used) == ({"remote_id": 2}, ())


def test_a_source_without_a_header_is_read_by_the_letters_of_its_columns_alone() -> None:
    """TO and ID are letters of columns, too."""
    mapping = Mapping(columns={"B": "remote_id", "TO": "third_party_provider"}, header_row=0)
    layout = plan(sheet("A", "B", "ID", "TO", name="Schedules"), mapping)
    assert (layout.indices, layout.not_used) == ({"remote_id": 1, "third_party_provider": 3}, ("A", "ID"))
    assert suggest(layout) == ()
    headless = Sheet("plan.csv", "Schedules", ("A", "ID"), (0, 1), header_row=0)
    assert (plan(headless).indices, suggest(plan(headless))) == ({}, ())


def test_a_repeated_column_below_titles_is_named_where_it_stands() -> None:
    with pytest.raises(SourceError, match=r"starts_at: A4 .*, B4 "):
        plan(Sheet("plan.csv", "Shadows", ("Start", "From"), (0, 1), header_row=4))


def test_a_constant_holds_whatever_the_cell_says_and_its_column_is_listed() -> None:
    one = sheet("Provider", "ID", name="Schedules")
    layout = plan(one, PAGER_DUTY)
    assert (layout.indices, layout.not_used) == ({"remote_id": 1}, ("Provider",))
    assert (layout.mapping.constants, layout.defaults) == (PAGER_DUTY.constants, {})
    assert record(one, ("opsgenie", "PI7DH85"), PAGER_DUTY).key == ("PAGER_DUTY", "PI7DH85")


def test_a_default_counts_where_the_cell_is_empty_or_there_is_no_column() -> None:
    mapping = Mapping(defaults={"third_party_provider": "OPSGENIE", "timezone": "UTC"})
    one = sheet("Provider", "remote_id")
    assert record(one, ("\u00a0", UUID), mapping).key == ("OPSGENIE", UUID)
    assert record(one, ("pd", "PI7DH85"), mapping).key == ("PAGER_DUTY", "PI7DH85")
    assert record(sheet("remote_id"), (UUID,), mapping).key == ("OPSGENIE", UUID)


def test_a_problem_of_what_the_mapping_gives_has_no_cell() -> None:
    mapping = Mapping(constants={"starts_at": "soon"}, defaults={"shadowable_type": "Team", "ends_at": "late"})
    one = sheet("schedule_id", "shadowable_id", "shadow_user_id", "shadowable_type", "starts_at")
    cells = ("a", "101", "112", "", "2027-03-01T08:00Z")
    problems = Normalizer(one, make_rules(mapping)).normalize(Row(2, cells)).problems
    assert {problem.column: problem.cell for problem in problems} == {
        "shadowable_type": "",
        "starts_at": "",
        "ends_at": "",
    }
    (first,) = (problem for problem in problems if problem.column == "starts_at")
    assert first.message.startswith('starts_at is "soon"')
    wrong = Normalizer(one, make_rules(mapping)).normalize(Row(2, ("a", "101", "112", "Robot", ""))).problems
    assert [problem.cell for problem in wrong if problem.column == "shadowable_type"] == ["D2"]


def test_an_unreadable_cell_keeps_its_problem_whatever_the_default() -> None:
    unreadable = Problem("A2 holds the error #REF!", "mend the formula", cell="A2")
    one = sheet("Provider", "remote_id")
    mapping = Mapping(defaults={"third_party_provider": "pd"})
    result = Normalizer(one, make_rules(mapping)).normalize(Row(2, ("", "PI7DH85"), problems=(unreadable,)))
    assert (result.records, result.problems) == ((), (unreadable,))


def test_what_the_mapping_gives_does_not_make_a_sheet_usable_without_a_column_of_ours() -> None:
    for mapping in (PAGER_DUTY, Mapping(defaults={"schedule_id": "a"})):
        assert not plan(sheet("Name", "Team"), mapping).is_usable
        assert not plan(sheet("timezone", "Team"), mapping).is_usable
    everything = Mapping(constants={"schedule_id": "a", "shadowable_id": "1", "starts_at": "2027-03-01T08:00Z"})
    assert plan(sheet("rotation", "duration"), everything).is_usable
    assert not plan(sheet("rotation", "duration")).is_usable


def test_rows_of_both_kinds_are_told_apart_by_their_cells_and_not_by_the_mapping() -> None:
    one = sheet("remote_id", "schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "ends_at")
    normalizer = Normalizer(one, make_rules(PAGER_DUTY))
    shadow = ("", "a", "101", "112", "2027-03-01T08:00Z", "2027-03-01T09:00Z")
    assert normalizer.normalize(Row(2, shadow)).kind == "shadow"
    assert normalizer.normalize(Row(3, ("PI7DH85", "", "", "", "", ""))).kind == "schedule"


@pytest.mark.parametrize(
    ("name", "not_used"),
    [
        ("schedules", ("name", "team")),
        ("shadows", ("rota", "trainee_name", "note")),
        ("mistakes", ("what is wrong",)),
    ],
)
@pytest.mark.parametrize("sheet_name", [None, "table"])
def test_the_samples_have_what_they_had(name: str, not_used: tuple[str, ...], sheet_name: str | None) -> None:
    with (SAMPLES / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file))
    layout = plan(sheet(*header, name=sheet_name or name))
    assert layout.not_used == not_used
    assert all(header[index] == column for column, index in layout.indices.items())
    assert suggest(layout) == ()


@pytest.mark.parametrize(
    "mapping", [NO_MAPPING, Mapping(constants={"kind": "schedule"}), Mapping(columns={"Kind": ""}), OPSGENIE]
)
def test_a_template_s_examples_are_known_whatever_the_mapping_makes_of_their_column(mapping: Mapping) -> None:
    """The template says: rows whose kind begins with the word example are never sent."""
    normalizer = Normalizer(sheet("Kind", "remote_id"), make_rules(mapping))
    assert EXAMPLE == TEMPLATES_EXAMPLE
    for text in (EXAMPLE, "Example schedule", " EXAMPLE: of a schedule", "example_2"):
        assert normalizer.is_example(Row(2, (text, "PI7DH85")))
    for text in ("", "schedule", "examples", "an example"):
        assert not normalizer.is_example(Row(2, (text, "PI7DH85")))


@pytest.mark.parametrize("name", ["Engineers", "Names", "On-call engineers", "Shift leads"])
def test_a_provider_alone_makes_no_schedules_of_a_workbook_s_other_sheets(name: str) -> None:
    """A schedule sent with a person's id cannot be taken back."""
    one = Sheet("team.xlsx", name, ("ID", "Name"), (0, 1))
    for layout in (plan(one, PAGER_DUTY), plan(one, provider="PAGER_DUTY")):
        assert (layout.kind, layout.is_usable) == (None, False)
        assert "remote_id" in {suggestion.column for suggestion in suggest(layout)}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("team.xlsx", "Schedules"),
        ("team.xlsx", "PagerDuty rota"),
        ("team.xlsx", "Sheet1"),
        ("team.xlsx", "Tabelle 1"),
        ("dump.ods", "dump"),
        ("dump.csv", "dump"),
    ],
)
def test_a_provider_alone_is_enough_where_nothing_says_otherwise(source: str, name: str) -> None:
    assert plan(Sheet(source, name, ("ID", "Name"), (0, 1)), provider="PAGER_DUTY").indices == {"remote_id": 0}


@pytest.mark.parametrize("source", ["report.xlsx", "mended.xlsx"])
def test_a_sheet_that_an_earlier_run_took_in_needs_no_telling_name(source: str) -> None:
    one = Sheet(source, "dump", ("ID", "Name"), (0, 1))
    assert plan(one, provider="PAGER_DUTY", is_known=True).indices == {"remote_id": 0}
    assert plan(one, provider="PAGER_DUTY").indices == {}


@pytest.mark.parametrize("header", ["Frequency", "Every", "How often", "Cadence", "Recurring"])
def test_until_is_no_end_beside_a_header_that_may_say_how_often(header: str) -> None:
    """A weekly shift of three months must not become one shift of three months."""
    one = sheet("Trainee", "From", "Until", header)
    layout = plan(one)
    assert layout.indices == {"shadow_user_id": 0, "starts_at": 1, "until": 2}
    assert [(one.header, one.column) for one in suggest(layout)] == [(header, "repeat")]
    assert plan(one, Mapping(columns={header: ""})).indices["ends_at"] == 2
