"""Mapping files: what they say, how they are written, and one clear sentence for each thing that cannot be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import SettingsError
from importer.kinds.registry import COLUMNS
from importer.normalizer.mapping import (
    NO_HEADER,
    NO_MAPPING,
    NOT_USED,
    Mapping,
    read_mapping,
    refuse_lost_headers,
    write_mapping,
)
from importer.normalizer.plausibility import Checks, Level
from importer.normalizer.times.moments import Choice, DateOrder, TimeRules

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
        checks=Checks(overlap=Level.PROBLEM, past=Level.OFF),
    )


def test_an_empty_file_says_nothing_and_lines_may_end_as_on_windows() -> None:
    assert read_mapping("", "map.toml") == NO_MAPPING
    assert read_mapping(WHOLE.replace("\n", "\r\n"), "map.toml") == read_mapping(WHOLE, "map.toml")
    assert read_mapping("header_row = 0", "map.toml").header_row == NO_HEADER


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("[colums]", 'a section "colums"', "write [columns]"),
        ("header-row = 3", 'a key "header-row"', "write header_row"),
        ("zzz = 3", 'a key "zzz"', "write one of [columns], [constants]"),
        ("columns = 3", "columns is no section", "write [columns]"),
        ("[[columns]]", "columns is no section", "write [columns]"),
        ('[columns]\n"ID" = "remoteid_"\n"N" = "shaddow_user"', 'leads to "shaddow_user"', "write shadow_user_id"),
        ('[columns]\n"ID" = "xyz"', '[columns]: "ID" leads to "xyz"', "write one of kind, "),
        ('[columns]\n"ID" = "trainee"', 'leads to "trainee", which is no column of ours', "write "),
        ('[columns]\n"ID" = 3', '"ID" leads to something that is no text', "write it in quotes"),
        ("[columns]\nheader_row = 3", '"header_row" leads to', "write header_row above the first section"),
        ('[columns]\n" " = "kind"', "is no header", "as it stands"),
        ('[columns]\n"ID" = "kind"\n"ID " = "until"', "stands there twice", "keep one"),
        ('[columns]\n"ID" = "kind"\n"ID" = "until"', "is no TOML", "below [columns]"),
        ('[constants]\nprovider = "pd"', '[constants]: "provider" is no column of ours', "write "),
        ('[constants]\nkind = "x"\n', '[constants]: kind is "x"', "write schedule or shadow"),
        ('[constants]\nthird_party_provider = "VictorOps"', 'is "VictorOps"', "write PAGER_DUTY or OPSGENIE"),
        ('[defaults]\ntimezone = "Mars"', '[defaults]: timezone is "Mars"', "write "),
        ('[defaults]\nshadowable_type = "Team"', 'shadowable_type is "Team"', "write User or Schedule"),
        ('[defaults]\nuntil = " "', "until is empty", "take the line out"),
        ("[defaults]\nuntil = true", "until is no text", "write it in quotes"),
        ("[defaults]\nuntil = 1.5", "until is no text", "write it in quotes"),
        ("[defaults]\nuntil = [1]", "until is no text", "write it in quotes"),
        (f"[defaults]\nshadow_user_id = 0x{'f' * 9999}", "shadow_user_id is no text", "write it in quotes"),
        ('[defaults]\nuntil = "a"\nUntil = "b"', "stands there twice", "keep one"),
        (
            '[constants]\nuntil = "a"\n[defaults]\nuntil = "b"',
            "until in [constants] and in [defaults]",
            "keep one of them",
        ),
        ("header_row = -1", "header_row is -1", "write the number of the row"),
        ("header_row = true", "header_row is true", "write the number of the row"),
        ('header_row = "4"', 'header_row is "4"', "write the number of the row"),
        (f"header_row = 0x{'f' * 9999}", "header_row is nothing that can stand there", "write the number"),
        ('[times]\norder = "dmy"', '[times]: "order" is nothing that can be set', "write "),
        ('[times]\ndate_order = "ymd"', '"date_order" is "ymd"', 'write "dmy" or "mdy"'),
        ("[times]\ntwice = []", '"twice" is nothing that can stand there', 'write "earlier" or "later"'),
        ('[checks]\noverlaps = "off"', '[checks]: "overlaps" is nothing', "write overlap"),
        ("[checks]\noverlap = false", '"overlap" is false', 'write "off" or "warning" or "problem"'),
        ("[columns", "is no TOML", "below [columns]"),
        ("a = " + "[" * 9999, "is no TOML", "below [columns]"),
        ("a = 1" + "0" * 9999, "is no TOML", "below [columns]"),
        ("\x1b[31m", "is no TOML", "below [columns]"),
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
HEADERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60).filter(
    lambda text: bool(text) and text[0].isalnum() and text[-1].isalnum()
)
FREE = st.sampled_from(["schedule_id", "remote_id", "starts_at", "until", "duration", "rotation"])
MAPPINGS = st.builds(
    Mapping,
    columns=st.dictionaries(HEADERS, NAMES | st.just(NOT_USED), max_size=5),
    constants=st.dictionaries(st.just("ends_at") | st.just("repeat"), HEADERS),
    defaults=st.dictionaries(FREE, HEADERS),
    header_row=st.none() | st.integers(0, 1000),
    times=st.builds(
        TimeRules,
        st.none() | st.sampled_from(DateOrder),
        st.none() | st.sampled_from(Choice),
        st.none() | st.sampled_from(Choice),
    ),
    checks=st.builds(Checks, *[st.sampled_from(Level)] * 5),
)


@given(MAPPINGS, st.text(max_size=30))
def test_what_is_written_reads_back_as_it_was(mapping: Mapping, note: str) -> None:
    text = write_mapping(mapping, dict.fromkeys(mapping.columns, note))
    assert read_mapping(text, "map.toml") == mapping


def test_a_file_is_written_to_be_read_by_people() -> None:
    mapping = Mapping(
        columns={"ID": "remote_id", 'The "Team"': ""},
        constants={"third_party_provider": "PAGER_DUTY"},
        header_row=3,
        checks=Checks(overlap=Level.PROBLEM),
    )
    assert write_mapping(mapping, {'The "Team"': "not known\n[x]"}) == (
        "header_row = 3\n"
        "\n[columns]\n"
        '"ID"           = "remote_id"\n'
        "# not known\\u000a[x]\n"
        '"The \\"Team\\"" = ""\n'
        '\n[constants]\nthird_party_provider = "PAGER_DUTY"\n'
        '\n[checks]\noverlap = "problem"\n'
    )
    assert write_mapping(Mapping(columns={"ID": "kind"})) == '[columns]\n"ID" = "kind"\n'
    assert write_mapping(NO_MAPPING) == "\n"


def test_half_a_character_cannot_be_written_and_is_refused() -> None:
    with pytest.raises(SettingsError, match="half a character"):
        write_mapping(Mapping(columns={"a\ud800": "kind"}))


def test_a_header_that_no_sheet_has_is_told_with_the_nearest() -> None:
    mapping = Mapping(columns={"Trainnee": "shadow_user_id", "ID": "remote_id", "Zzz": ""})
    refuse_lost_headers(mapping, "map.toml", {"Trainnee", "ID", "Zzz"}, [])
    with pytest.raises(SettingsError) as caught:
        refuse_lost_headers(mapping, "map.toml", {"ID"}, ["ID", " Trainee ", "Note", "Trainee"])
    assert caught.value.message == '"map.toml", [columns]: no sheet has the header "Trainnee", "Zzz"'
    assert caught.value.hint == 'for "Trainnee" write "Trainee"'
    with pytest.raises(SettingsError) as caught:
        refuse_lost_headers(mapping, "map.toml", {"ID"}, [])
    assert caught.value.hint.startswith("write the headers as they stand")
