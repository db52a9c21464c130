"""The column `group`: which header is it, which groups a cell names, and what is told of one that cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from importer.normalizer.mapping import Mapping, make_rules
from importer.normalizer.mapping_file import read_mapping
from importer.normalizer.references import Directory, References, Sought
from importer.normalizer.row import Normalized, Normalizer
from importer.normalizer.suggestions import suggest
from importer.records import Row, Sheet
from importer.targets.target import DirectoryEntry

PLATFORM, COMMA, SYNCED = (f"7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1d0{number}" for number in (2, 3, 4))
TWINS = [
    DirectoryEntry(f"7b0a1f52-3c7e-4d0e-9a51-2f4c8e6b1e0{number}", "Twins", type="OPAL_GROUP") for number in (1, 2)
]
DIRECTORY = Directory(
    None,
    None,
    [
        DirectoryEntry(PLATFORM.upper(), "Platform Operators", type="OPAL_GROUP"),
        DirectoryEntry(COMMA, "Database, Break Glass", type="OKTA_GROUP"),
        DirectoryEntry(SYNCED, "Synced", type="PAGERDUTY_ON_CALL_SCHEDULE"),
        *TWINS,
    ],
)
NO_MAPPING = read_mapping("", "none")


def normalizer(
    *header: str, name: str = "table", mapping: Mapping = NO_MAPPING, directory: Directory | None = DIRECTORY
) -> Normalizer:
    rules = replace(make_rules(mapping), references=References(directory))
    return Normalizer(Sheet("table.csv", name, header, tuple(range(len(header)))), rules)


def normalize(group: str, directory: Directory | None = DIRECTORY) -> Normalized:
    made = normalizer("third_party_provider", "remote_id", "group", directory=directory)
    return made.normalize(Row(2, ("PAGER_DUTY", "PI7DH85", group)))


@pytest.mark.parametrize(
    ("cell", "groups"),
    [
        ("", ()),
        ("Platform Operators", (PLATFORM,)),
        ("  Platform  Operators ", (PLATFORM,)),
        ("name: Platform Operators", (PLATFORM,)),
        ('"Platform Operators"', (PLATFORM,)),
        (PLATFORM, (PLATFORM,)),
        (PLATFORM.upper(), (PLATFORM,)),
        ("Database, Break Glass", (COMMA,)),
        ("Platform Operators\nDatabase, Break Glass", (PLATFORM, COMMA)),
        (f"Database, Break Glass; Platform Operators;\r\n{PLATFORM}", (COMMA, PLATFORM)),
    ],
)
def test_a_cell_names_one_group_or_several_by_name_or_id(cell: str, groups: tuple[str, ...]) -> None:
    made = normalize(cell)
    assert (made.problems, made.groups) == ((), groups)
    assert [record.key for record in made.records] == [("PAGER_DUTY", "PI7DH85")]


@pytest.mark.parametrize(
    ("cell", "words", "hint"),
    [
        ("platform operators", "name of no group", PLATFORM),
        ("Platform Operators\nPlatfrom Operators", 'of which "Platfrom Operators" is the name of no group', PLATFORM),
        ("Twins", "name of 2 groups", TWINS[1].id),
        ("Synced", "PAGERDUTY_ON_CALL_SCHEDULE", "remove the group"),
        (SYNCED, "PAGERDUTY_ON_CALL_SCHEDULE", "remove the group"),
        ("00000000-0000-4000-8000-000000000000", "id of no group", "as Opal has it"),
        (f"name:{PLATFORM}", "name of no group", "or the group's id"),
        (";", "names no group", "name of an Opal group"),
        ("a\x1b[2J", "neither a group's name nor its id", "name of an Opal group"),
        ("\n".join(map(str, range(101))), "names 101 groups", "name of an Opal group"),
    ],
)
def test_a_group_that_cannot_be_is_a_problem_of_its_cell(cell: str, words: str, hint: str) -> None:
    made = normalize(cell)
    (problem,) = made.problems
    assert (made.records, problem.column, problem.cell) == ((), "group", "C2")
    assert words in problem.message
    assert hint.lower() in problem.hint.lower()
    assert "\x1b" not in problem.message


def test_without_the_list_a_group_waits_ids_too() -> None:
    for cell in ("Platform Operators", PLATFORM):
        made = normalize(cell, None)
        assert (made.records, [one.what for one in made.references]) == ((), [Sought.GROUP])
        assert "Opal" in made.references[0].note.topic


def test_where_the_token_may_not_list_groups_an_id_is_taken_and_a_name_is_not() -> None:
    directory = Directory(None, None, no_groups="opal refused it (403): no")
    assert normalize(PLATFORM.upper(), directory).groups == (PLATFORM,)
    (problem,) = normalize("Platform Operators", directory).problems
    assert "opal refused it (403): no" in problem.message


@pytest.mark.parametrize(
    ("header", "name", "is_taken"),
    [
        (("third_party_provider", "remote_id", "Group"), "table", True),
        (("Provider", "ID", "Opal group"), "Schedules", True),
        (("Provider", "ID", "Opal Group ID"), "Schedules", True),
        (("third_party_provider", "remote_id", "Team"), "table", False),
        (("third_party_provider", "remote_id", "Group ID"), "table", False),
        (("third_party_provider", "remote_id", "Group name"), "table", False),
        (("schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "ends_at", "Group"), "table", False),
        (("kind", "remote_id", "shadow_user_id", "Group"), "table", True),
        (("Name", "Group"), "People", False),
    ],
)
def test_a_header_is_taken_only_where_it_can_be_nothing_else(
    header: tuple[str, ...], name: str, is_taken: bool
) -> None:
    layout = normalizer(*header, name=name).layout
    is_ours = "group" in layout.indices and layout.is_usable
    assert is_ours is is_taken
    if layout.is_usable:
        assert (header[-1] in layout.not_used) is not is_taken


@pytest.mark.parametrize("header", ["Group ID", "Group name"])
def test_a_header_that_may_be_another_programs_group_is_suggested(header: str) -> None:
    layout = normalizer("third_party_provider", "remote_id", header).layout
    assert [(one.header, one.column) for one in suggest(layout)] == [(header, "group")]


@pytest.mark.parametrize(
    "text", ['[columns]\n"Team" = "group"', '[constants]\ngroup = "Platform Operators"', '[defaults]\ngroup = "x"']
)
def test_a_mapping_gives_the_group(text: str) -> None:
    made = normalizer("third_party_provider", "remote_id", "Team", mapping=read_mapping(text, "m.toml"))
    result = made.normalize(Row(2, ("PAGER_DUTY", "PI7DH85", "Platform Operators")))
    if "defaults" in text:
        (problem,) = result.problems
        assert (problem.column, problem.cell) == ("group", "")
    else:
        assert result.groups == (PLATFORM,)


def test_a_sheet_of_people_with_a_group_makes_no_schedules_of_them_whatever_a_mapping_gives() -> None:
    mapping = read_mapping('[constants]\nthird_party_provider = "PAGER_DUTY"', "m.toml")
    assert not normalizer("Name", "Group", name="People", mapping=mapping).layout.is_usable


def test_a_shadow_has_no_group() -> None:
    header = ("kind", "schedule_id", "shadowable_id", "shadow_user_id", "starts_at", "ends_at", "group")
    cells = ("shadow", "s-1", "101", "112", "2027-03-01T08:00:00Z", "2027-03-01T16:00:00Z", "no such group")
    made = normalizer(*header).normalize(Row(2, cells))
    assert (made.problems, made.groups, len(made.records)) == ((), (), 1)


def test_a_list_of_groups_is_searched_by_their_names_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importer.normalizer.references._LARGEST_EFFORT", 3)
    names = ["Payments", "Platform"]
    directory = Directory(None, None, [DirectoryEntry(f"g-{name}", name, type="OPAL_GROUP") for name in names])
    for text in ("Paymetns", "Platfrom"):  # four comparisons in all; groups have no addresses to compare with
        (problem,) = normalize(text, directory).problems
        assert "the nearest" in problem.hint
