"""Values as people paste them: links, quotes, unseen characters, a spreadsheet's numbers. Faults instead of guesses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.cells import BLANKS, Unreadable, clean, whole
from importer.normalizer.providers import (
    Link,
    Service,
    check_provider,
    linked_id,
    provider_of_link,
    read_link,
    read_remote_id,
)
from importer.normalizer.row import Normalized

if TYPE_CHECKING:
    from collections.abc import Callable

UUID = "3f6c1b1e-52a4-4f0e-9d0e-6f5b8a7c2d10"


@pytest.mark.parametrize(
    ("text", "service", "id_"),
    [
        ("https://acme.pagerduty.com/schedules/PI7DH85", Service.PAGER_DUTY, "PI7DH85"),
        ("https://acme.pagerduty.com/schedules#PABCD12", Service.PAGER_DUTY, "PABCD12"),
        ("http://ACME.eu.PagerDuty.com/schedules/PI7DH85/?utm=1#x", Service.PAGER_DUTY, "PI7DH85"),
        ("acme.pagerduty.com/schedules/PI7DH85", Service.PAGER_DUTY, "PI7DH85"),
        ("https://api.pagerduty.com/schedules/PI7DH85", Service.PAGER_DUTY, "PI7DH85"),
        ("\u200bhttps://acme.pagerduty.com/schedules/PI7DH85\u00a0", Service.PAGER_DUTY, "PI7DH85"),
        ("“https://acme.pagerduty.com/schedules/PI7DH85”", Service.PAGER_DUTY, "PI7DH85"),
        (f"https://acme.app.opsgenie.com/schedule/whoIsOnCall#/{UUID}", Service.OPSGENIE, UUID),
        (f"https://acme.app.opsgenie.com/settings/schedule/detail/{UUID}", Service.OPSGENIE, UUID),
        (f"https://acme.app.eu.opsgenie.com/settings/schedule/detail/{UUID}/", Service.OPSGENIE, UUID),
        (f"https://api.opsgenie.com/v2/schedules/{UUID}?identifierType=id", Service.OPSGENIE, UUID),
        (f"https://rootly.com/account/schedules/{UUID}", Service.ROOTLY, UUID),
        (f"https://rootly.com/account/schedules/{UUID}/edit", Service.ROOTLY, UUID),
        (f"rootly.com/account/schedules/{UUID}", Service.ROOTLY, UUID),
    ],
)
def test_the_id_of_a_schedule_is_taken_out_of_a_link_to_it(text: str, service: Service, id_: str) -> None:
    assert read_link(text) == Link(service, id_)
    assert linked_id(text, service) == id_


@pytest.mark.parametrize(
    "text",
    [
        "https://evil-pagerduty.com/schedules/PI7DH85",
        "https://pagerduty.com.evil.example/schedules/PI7DH85",
        "https://acme.pagerduty.com@evil.example/schedules/PI7DH85",
        "https://acme.pagerduty.com:444/schedules/PI7DH85",
        "https://acme.pagerduty.com%2f.evil.example/schedules/PI7DH85",
        "https://acme.pagerduty.com\\.evil.example/schedules/PI7DH85",
        "https://evil.example/acme.pagerduty.com/schedules/PI7DH85",
        "ftp://acme.pagerduty.com/schedules/PI7DH85",
        "https://pagerduty.com/schedules/PI7DH85",
        f"https://notrootly.com/account/schedules/{UUID}",
        "https://",
        "https://acme.pagerduty.com",
        "https://acme.pagerduty.com/schedules",
        "https://acme.pagerduty.com/schedules/new",
        "https://acme.pagerduty.com/schedules/PI7DH85X%2F..",
        "https://acme.pagerduty.com/users/PI7DH85",
        "https://acme.pagerduty.com/schedules/pi7dh85",
        f"https://acme.pagerduty.com/schedules/{UUID}",
        "https://acme.app.opsgenie.com/settings/schedule/detail/PI7DH85",
        f"https://acme.app.opsgenie.com/teams/dashboard/{UUID}/main",
        "https://rootly.com/account/schedules/new",
        f"https://rootly.com/account/users/{UUID}",
    ],
)
def test_a_link_from_which_no_id_can_be_taken_is_a_fault(text: str) -> None:
    fault = read_link(text)
    assert isinstance(fault, Unreadable)
    assert fault.reason.startswith(", a link to ")
    assert fault.topic
    assert isinstance(read_remote_id(text), Unreadable)


@pytest.mark.parametrize(
    "text", ["PI7DH85", "", "a/b", "../../users", "Payments / primary", "and/or", "1/2", "x" * 9999]
)
def test_what_is_no_link_is_left_alone(text: str) -> None:
    assert read_link(text) is None
    assert linked_id(text, Service.ROOTLY) is None


def test_a_link_of_another_service_is_a_fault() -> None:
    fault = linked_id("https://acme.pagerduty.com/schedules/PI7DH85", Service.ROOTLY)
    assert isinstance(fault, Unreadable)
    assert "of PagerDuty, not of Rootly" in fault.reason


def test_a_link_must_be_of_the_rows_provider(normalize: Callable[..., Normalized]) -> None:
    link = "https://acme.pagerduty.com/schedules/PI7DH85"
    (record,) = normalize(third_party_provider="pd", remote_id=link).records
    assert record.key == ("PAGER_DUTY", "PI7DH85")
    (problem,) = normalize(third_party_provider="opsgenie", remote_id=link).problems
    assert (problem.cell, problem.column) == ("B2", "remote_id")
    assert "of PagerDuty, not of Opsgenie" in problem.message


@pytest.mark.parametrize("around", ["[Payments]({})", '<a href="{}">Payments</a>', "<{}>", "see {}"])
def test_a_link_within_other_text_is_no_id(normalize: Callable[..., Normalized], around: str) -> None:
    link = around.format("https://acme.pagerduty.com/schedules/PI7DH85")
    (problem,) = normalize(third_party_provider="pd", remote_id=link).problems
    assert (problem.cell, "other text around it" in problem.message) == ("B2", True)


def test_a_formula_that_makes_a_link_is_said_to_be_a_formula(normalize: Callable[..., Normalized]) -> None:
    formula = '=HYPERLINK("https://acme.pagerduty.com/schedules/PI7DH85")'
    (problem,) = normalize(third_party_provider="pd", remote_id=formula).problems
    assert (problem.cell, "a formula and not its result" in problem.message) == ("B2", True)


def test_a_link_says_which_provider_it_is_of() -> None:
    assert provider_of_link("https://acme.pagerduty.com/schedules/PI7DH85") == "PAGER_DUTY"
    assert provider_of_link(f"https://acme.app.opsgenie.com/settings/schedule/detail/{UUID}") == "OPSGENIE"
    for text in ("PI7DH85", UUID, f"https://rootly.com/account/schedules/{UUID}", "https://evil.example/PI7DH85"):
        assert provider_of_link(text) is None


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        ("PagerDuty, Inc.", None),
        ("Pager Duty", "PAGER_DUTY"),
        ("pagerduty.com", "PAGER_DUTY"),
        ("Opsgenie (Atlassian)", "OPSGENIE"),
        ("Opsgenie by Atlassian", "OPSGENIE"),
        ("“Opsgenie”", "OPSGENIE"),
        ("Ops\u200bgenie", "OPSGENIE"),
        ("JSM", None),
        ("Jira Service Management", None),
        ("VictorOps", None),
        ("TRUE", None),
    ],
)
def test_synonyms_of_a_provider_are_known_and_nothing_is_guessed(
    normalize: Callable[..., Normalized], text: str, provider: str | None
) -> None:
    result = normalize(third_party_provider=text, remote_id="Q0RZ4J1K2L")
    assert [record.key[0] for record in result.records] == ([provider] if provider else [])
    assert bool(result.problems) is (provider is None)
    if text.isascii() and provider:
        assert check_provider(text) == provider


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("PI7\u200bDH85", "PI7DH85"),
        ("“PI7DH85”", "PI7DH85"),
        ("'00042", "00042"),
        ('"PI7DH85"', "PI7DH85"),
        ("\u2018PI7DH85\u2019\u00a0", "PI7DH85"),
        ("3f6c1b1e-52a4-4f0e-9d0e- 6f5b8a7c2d10", UUID),
        ("3f6c1b1e\u201152a4\u20114f0e\u20119d0e\u20116f5b8a7c2d10", UUID),
        (f"{{{UUID.upper()}}}", UUID.upper()),
        ('="PI7DH85"', "PI7DH85"),
        (f'="{{{UUID}}}"', UUID),
        ("101.0", "101.0"),
        ("PABCDEF QABCDEF", "PABCDEF QABCDEF"),
        ("O'Neill", "O'Neill"),
    ],
)
def test_what_nobody_means_is_taken_out_of_a_remote_id(text: str, id_: str) -> None:
    """Nobody knows what Opsgenie may call a schedule: what could be meant stays."""
    assert read_remote_id(text, "OPSGENIE") == id_


@pytest.mark.parametrize("text", ['""', "“”", "'", "\u200b'\u200b"])
def test_quotes_around_nothing_are_no_id(normalize: Callable[..., Normalized], text: str) -> None:
    (problem,) = normalize(third_party_provider="pd", remote_id=text).problems
    assert problem.cell == "B2"


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("schedule_id", "pri\u200bmary-eu"),
        ("schedule_id", "“primary-eu”"),
        ("shadowable_type", "\u2018User\u2019"),
        ("shadowable_type", "Us\u00ader"),
        ("shadowable_id", "'101"),
        ("shadowable_id", "101.0"),
        ("shadow_user_id", "1\u206012"),
        ("shadow_user_id", "112.0"),
        ("starts_at", "'2027-03-01T08:00:00Z"),
        ("starts_at", "2027\u201103\u201101T08:00:00Z"),
        ("ends_at", "2027-03-01T16:00\u200b:00Z"),
        ("timezone", "“UTC”"),
    ],
)
def test_what_nobody_means_does_not_spoil_a_shadow(shadow: Callable[..., Normalized], column: str, text: str) -> None:
    assert [record.key for record in shadow(**{column: text}).records] == [shadow().records[0].key]


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("101", "101"),
        ("00101", "101"),
        ("101.0", "101"),
        ("101.000", "101"),
        ("0.0", "0"),
        ("123456789012345.0", "123456789012345"),
        ("1234567890123456.0", None),
        ("12345678901234567890", "12345678901234567890"),
        ("123456789012345678901", None),
        ("1e2", None),
        ("101,0", None),
        ("101.", None),
        ("101.5", None),
        (".0", None),
        ("-1.0", None),
        ("1,000", None),
        ("1.000.000", None),
        ("\u0661", None),
        ("TRUE", None),
        ("", None),
    ],
)
def test_a_whole_number_may_end_as_spreadsheets_write_it(text: str, digits: str | None) -> None:
    """Of more than 15 digits a spreadsheet has rounded the last ones."""
    assert whole(text) == digits


@given(st.text(st.characters(exclude_categories=[]), max_size=60))
def test_cleaning_a_clean_text_changes_nothing_and_no_letter_is_lost(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert cleaned == cleaned.strip(BLANKS)
    assert [char for char in cleaned if char.isalnum()] == [char for char in text if char.isalnum()]


@given(
    st.text(st.characters(exclude_categories=[]), max_size=60)
    | st.from_regex(r"https?://[a-z.]{0,20}pagerduty\.com/.*")
)
def test_any_text_is_an_id_or_a_fault(text: str) -> None:
    found = read_remote_id(text)
    assert isinstance(found, Unreadable) or found


def test_the_quoted_value_of_a_problem_is_the_one_in_the_cell(shadow: Callable[..., Normalized]) -> None:
    (problem,) = shadow(shadowable_type="“Robot”").problems
    assert problem.message == 'shadowable_type is "“Robot”"'
