"""Mapping files: what they say, how they are written, and one clear sentence for each thing that cannot be."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import SettingsError
from importer.kinds import COLUMNS
from importer.normalizer.fields import Checks, Level
from importer.normalizer.mapping import NO_HEADER, NO_MAPPING, NOT_USED, Mapping
from importer.normalizer.mapping_file import read_mapping, write_mapping
from importer.normalizer.suggestions import refuse_lost_headers
from importer.normalizer.zones import Choice, TimeRules
from importer.records import Sheet
from importer.settings.options import DateOrder

WHOLE = """\ufeff
header_row = 4

[columns]                       # header in the source = column of ours
" ID\\u00a0" = "remote_id"
"Trainee (new)" = "Shadow User ID"
"Note" = ""
"Team" = "-"
[constants]
third_party_provider = "PagerDuty"
shadow_user_id = 112
starts_at = 2027-03-01T08:00:00+01:00
[defaults]
timezone = "Europe/Berlin"
shadowable_type = "schedule"
[times]
date_order = "dmy"
twice = "Later"
[checks]
overlap = "problem"
past = "off"
provider = "problem"
[values.schedule_id]
"Payments" = "a56d5989-eb30-481b-b7ab-f424fa655cd5"
[values."Shadow User ID"]
Ann = 101
[rows]
keep = { "Status" = ["migrate", "later"], "Team" = "A" }
drop = { "Team" = "Total" }
[fill]
down = ["Schedule"]
[sheets."H1 2027".columns]
"Tag" = "date"
[sheets."H1 2027".checks]
past = "problem"
"""


def test_every_section_is_read() -> None:
    assert read_mapping(WHOLE, "map.toml") == Mapping(
        columns={"ID": "remote_id", "Trainee (new)": "shadow_user_id", "Note": NOT_USED, "Team": NOT_USED},
        constants={
            "third_party_provider": "PagerDuty",
            "shadow_user_id": "112",
            "starts_at": "2027-03-01T08:00:00+01:00",
        },
        defaults={"timezone": "Europe/Berlin", "shadowable_type": "schedule"},
        header_row=4,
        times=TimeRules(date_order=DateOrder.DMY, twice=Choice.LATER),
        checks=Checks(overlap=Level.PROBLEM, past=Level.OFF, provider=Level.PROBLEM),
        values={
            "schedule_id": {"Payments": "a56d5989-eb30-481b-b7ab-f424fa655cd5"},
            "shadow_user_id": {"Ann": "101"},
        },
        keep={"Status": ("migrate", "later"), "Team": ("A",)},
        drop={"Team": ("Total",)},
        fill=("Schedule",),
        sheets={"H1 2027": Mapping(columns={"Tag": "date"}, checks=Checks(past=Level.PROBLEM))},
    )


def test_an_empty_file_says_nothing_and_lines_may_end_as_on_windows() -> None:
    assert read_mapping("", "map.toml") == NO_MAPPING
    assert read_mapping(WHOLE.replace("\n", "\r\n"), "map.toml") == read_mapping(WHOLE, "map.toml")
    assert read_mapping("header_row = 0", "map.toml").header_row == NO_HEADER


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("[colums]", 'a table "colums"', "Write [columns]."),
        ("header-row = 3", 'a key "header-row"', "Write header_row"),
        ("zzz = 3", 'a key "zzz"', "Write one of [columns], [constants]"),
        ("columns = 3", "columns is not a table", "in square brackets"),
        ("[[columns]]", "columns is not a table", "in square brackets"),
        ('[columns]\n"ID" = "remoteid_"\n"N" = "shaddow_user"', 'is mapped to "shaddow_user"', "Write shadow_user_id"),
        ('[columns]\nremote_id = "ID"', '"remote_id" is mapped to "ID"', 'first: "ID" = "remote_id"'),
        ('[columns]\n"ID" = "xyz"', '[columns]: "ID" is mapped to "xyz"', "Write one of kind, "),
        ('[columns]\n"ID" = "trainee"', 'is mapped to "trainee", which is not one of our columns', "Write "),
        ('[columns]\n"ID" = 3', '"ID" is mapped to something that is not text', "Write it in quotes"),
        ("[columns]\nheader_row = 3", '"header_row" is mapped to', "Write header_row above the first table."),
        ('[columns]\n" " = "kind"', "is not a header", "as it is in"),
        ('[columns]\n"ID" = "kind"\n"ID " = "until"', "occurs twice", "Keep one"),
        ('[columns]\n"ID" = "kind"\n"ID" = "until"', "is not TOML", "below [columns]"),
        ('[constants]\nprovider = "pd"', '[constants]: "provider" is not one of our columns', "Write "),
        ('[constants]\nkind = "x"\n', '[constants]: kind is "x"', "Write schedule, shadow or override."),
        ('[constants]\nthird_party_provider = "VictorOps"', 'is "VictorOps"', "Write PAGER_DUTY or OPSGENIE."),
        ('[defaults]\ntimezone = "Mars"', '[defaults]: timezone is "Mars"', "rite "),
        ('[defaults]\nshadowable_type = "Team"', 'shadowable_type is "Team"', "Write User or Schedule"),
        ('[defaults]\nuntil = " "', "until is empty", "delete the line"),
        ("[defaults]\nuntil = true", "until is not text", "Write it in quotes"),
        ("[defaults]\nuntil = 1.5", "until is not text", "Write it in quotes"),
        ("[defaults]\nuntil = [1]", "until is not text", "Write it in quotes"),
        (f"[defaults]\nshadow_user_id = 0x{'f' * 9999}", "shadow_user_id is not text", "Write it in quotes"),
        ('[defaults]\nuntil = "a"\nUntil = "b"', "occurs twice", "Keep one"),
        (
            '[constants]\nuntil = "a"\n[defaults]\nuntil = "b"',
            "until is in both [constants] and [defaults]",
            "Keep one of them",
        ),
        ("header_row = -1", "header_row is -1", "Write the number of the header"),
        ("header_row = true", "header_row is true", "Write the number of the header"),
        ('header_row = "4"', 'header_row is "4"', "Write the number of the header"),
        (f"header_row = 0x{'f' * 9999}", "header_row is nothing that can stand there", "Write the number"),
        ('[times]\norder = "dmy"', '[times]: "order" is not an option', "Write "),
        ('[times]\ndate_order = "ymd"', '"date_order" is "ymd"', 'Write "dmy" or "mdy"'),
        ("[times]\ntwice = []", '"twice" is nothing that can stand there', 'Write "earlier" or "later"'),
        ('[checks]\noverlaps = "off"', '[checks]: "overlaps" is not an option', "Write overlap"),
        ("[checks]\noverlap = false", '"overlap" is false', 'Write "off" or "warning" or "problem"'),
        ('[values]\nschedule_id = "x"', "[values]: schedule_id is not a table", "square brackets"),
        ('[values.schedule_id]\n"Payments" = ""', '[values]: "Payments" is empty', "delete the line"),
        ('[values.Schedule]\n"Payments" = "x"', '"Schedule" is not one of our columns', "Write schedule_id"),
        ('[rows]\nskip = ["x"]', '[rows]: "skip" is not an option', "Write one of keep, drop"),
        ("[rows.keep]\nStatus = []", '"Status" is not a list of texts', "Write it as"),
        ("[fill]\ndown = [true]", '"down" is not a list of texts', "Write it as"),
        ('[sheets."H1".colums]\nID = "kind"', '[sheets.H1], has a table "colums"', "Write [columns]"),
        ('[sheets."H1"]\nheader_row = 3', '[sheets.H1], has a key "header_row"', "Write "),
        ('[sheets."H1".checks]\npast = "never"', '[sheets.H1.checks]: "past" is "never"', 'Write "off"'),
        ("sheets = 3", "sheets is not a table", "Write [sheets]"),
        ("[columns", "is not TOML", "below [columns]"),
        ("a = " + "[" * 9999, "is not TOML", "below [columns]"),
        ("a = 1" + "0" * 9999, "is not TOML", "below [columns]"),
        ("\x1b[31m", "is not TOML", "below [columns]"),
    ],
)
def test_what_cannot_be_is_one_sentence_with_the_file_the_place_and_what_to_write(
    text: str, words: str, hint: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        read_mapping(text, "my map.toml")
    assert caught.value.message.startswith('"my map.toml"')
    assert words in caught.value.message
    assert hint in caught.value.hint
    assert (caught.value.message + caught.value.hint).isprintable()


@given(st.text(max_size=200) | st.builds("[columns]\n{} = {}".format, st.text(max_size=20), st.text(max_size=20)))
def test_any_text_is_a_mapping_or_refused_in_one_sentence(text: str) -> None:
    try:
        read_mapping(text, "map.toml")
    except SettingsError as error:
        assert error.message.isprintable()  # noqa: PT017  (both ends are right, only other exceptions are wrong)
        assert error.hint.isprintable()  # noqa: PT017


NAMES = st.sampled_from(list(COLUMNS))
HEADERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map("a{}z".format)  # no blanks at its ends
FREE = st.sampled_from(["schedule_id", "remote_id", "starts_at", "until", "duration", "rotation"])
TABLES = st.builds(
    Mapping,
    columns=st.dictionaries(HEADERS, NAMES | st.just(NOT_USED), max_size=5),
    constants=st.dictionaries(st.just("ends_at") | st.just("repeat"), HEADERS),
    defaults=st.dictionaries(FREE, HEADERS),
    times=st.builds(
        TimeRules,
        st.none() | st.sampled_from(DateOrder),
        st.none() | st.sampled_from(Choice),
        st.none() | st.sampled_from(Choice),
    ),
    checks=st.builds(Checks, *[st.none() | st.sampled_from(Level)] * len(fields(Checks))),
    values=st.dictionaries(FREE, st.dictionaries(HEADERS, HEADERS, min_size=1, max_size=3), max_size=2),
    keep=st.dictionaries(HEADERS, st.lists(HEADERS, min_size=1, max_size=3).map(tuple), max_size=2),
    fill=st.lists(HEADERS, max_size=3).map(tuple),
)
SAID = TABLES.map(lambda table: table if table != NO_MAPPING else replace(table, fill=("Team",)))  # not empty
MAPPINGS = st.builds(
    replace, TABLES, header_row=st.none() | st.integers(0, 1000), sheets=st.dictionaries(HEADERS, SAID, max_size=2)
)


@given(MAPPINGS)
def test_what_is_written_reads_back_as_it_was(mapping: Mapping) -> None:
    assert read_mapping(write_mapping(mapping), "map.toml") == mapping


def test_a_file_is_written_to_be_read_by_people() -> None:
    mapping = Mapping(
        columns={"ID": "remote_id", 'The "Team"': ""},
        constants={"third_party_provider": "PAGER_DUTY"},
        header_row=3,
        checks=Checks(overlap=Level.PROBLEM),
    )
    assert write_mapping(mapping) == (
        "header_row = 3\n"
        "\n[columns]\n"
        '"ID"           = "remote_id"\n'
        '"The \\"Team\\"" = ""\n'
        '\n[constants]\nthird_party_provider = "PAGER_DUTY"\n'
        '\n[checks]\noverlap = "problem"\n'
    )
    assert write_mapping(Mapping(columns={"ID": "kind"})) == '[columns]\n"ID" = "kind"\n'
    assert write_mapping(NO_MAPPING) == "\n"


def test_half_a_character_cannot_be_written_and_is_refused() -> None:
    with pytest.raises(SettingsError, match="half a character"):
        write_mapping(Mapping(columns={"a\ud800": "kind"}))


def _sheet(*header: str, name: str = "H1") -> Sheet:
    return Sheet("plan.xlsx", name, header, tuple(range(len(header))))


def test_a_header_that_no_sheet_has_is_told_with_the_nearest() -> None:
    mapping = Mapping(columns={"Trainnee": "shadow_user_id", "ID": "remote_id", "Zzz": ""})
    refuse_lost_headers(mapping, "map.toml", [_sheet("Trainnee", "I.D."), _sheet("zzz")])
    with pytest.raises(SettingsError) as caught:
        refuse_lost_headers(mapping, "map.toml", [_sheet("ID", " Trainee ", "Note", "Trainee")])
    assert caught.value.message == '"map.toml", [columns]: no sheet has the header "Trainnee", "Zzz"'
    assert caught.value.hint == 'For "Trainnee" write "Trainee".'
    with pytest.raises(SettingsError) as caught:
        refuse_lost_headers(mapping, "map.toml", [])
    assert caught.value.hint.startswith("Write the headers as they are in the source")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[rows.keep]\n"Status" = "x"', '[rows]: no sheet has the header "Status"'),
        ('[fill]\ndown = ["Team"]', '[fill]: no sheet has the header "Team"'),
        ('[sheets."H2".constants]\nkind = "shadow"', '[sheets]: no source has a sheet "H2"'),
        ('[sheets."H1".columns]\n"Who" = "shadow_user_id"', '[sheets.H1.columns]: no sheet has the header "Who"'),
    ],
)
def test_what_the_other_tables_name_must_be_in_the_source_too(text: str, words: str) -> None:
    sheets = [_sheet("ID", name="H1"), _sheet("Who", name="Other")]
    with pytest.raises(SettingsError) as caught:
        refuse_lost_headers(read_mapping(text, "map.toml"), "map.toml", sheets)
    assert words in caught.value.message


def test_a_sheets_own_tables_come_before_those_of_all_sheets() -> None:
    mapping = read_mapping(
        """
        [columns]
        A = "kind"
        B = "until"
        [constants]
        timezone = "Europe/Berlin"
        [checks]
        past = "off"
        long = "problem"
        [values.kind]
        x = "shadow"
        Y = "schedule"
        [sheets."H1".columns]
        B = "remote_id"
        [sheets."H1".defaults]
        timezone = "America/New_York"
        [sheets."H1".checks]
        past = "warning"
        [sheets."H1".values.kind]
        x = "schedule"
        """,
        "map.toml",
    )
    for name in ("H1", "H1 (2)"):  # the second of that name
        own = mapping.of_sheet(name)
        assert own.columns == {"A": "kind", "B": "remote_id"}
        assert (own.constants, own.defaults) == ({}, {"timezone": "America/New_York"})
        assert own.checks == Checks(past=Level.WARNING, long=Level.PROBLEM)
        assert own.lookup() == {"kind": {"x": "schedule", "y": "schedule", "Y": "schedule"}}
    assert mapping.of_sheet("H2") == replace(mapping, sheets={})
