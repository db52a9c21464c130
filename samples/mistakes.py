"""The rows of mistakes.csv: one bad row of each sort between good ones, each with what is wrong in it."""

from __future__ import annotations

from datetime import date, timedelta

EXPLANATION = "what is wrong"
HEADER = (
    "kind",
    "third_party_provider",
    "remote_id",
    "schedule_id",
    "shadowable_type",
    "shadowable_id",
    "shadow_user_id",
    "starts_at",
    "ends_at",
    "timezone",
    EXPLANATION,
)

_SCHEDULE = {"kind": "schedule", "third_party_provider": "PAGER_DUTY"}
_SHADOW = {
    "kind": "shadow",
    "schedule_id": "b0f7b2a6-4f5b-4d0a-9b7e-0d6a51c1f3e8",
    "shadowable_type": "User",
    "shadowable_id": "101",
    "shadow_user_id": "112",
}
_FIRST_DAY = date(2027, 4, 1)


def rows() -> list[tuple[str, ...]]:
    """Make the table below the header; what stands before the colon of an explanation is the columns meant."""
    cells = [*_schedules(), *_kinds(), *_shadows(), *_times(), *_refused(), *_last()]
    dated = (_dated(row, _FIRST_DAY + timedelta(days=day)) for day, row in enumerate(cells))
    return [tuple(row.get(column, "") for column in HEADER) for row in dated]


def _schedules() -> list[dict[str, str]]:
    return [
        _schedule("nothing: a good schedule", remote_id="PMN4K2T"),
        _schedule(
            "third_party_provider: Opal takes no other provider", third_party_provider="VICTOROPS", remote_id="PMN4K2U"
        ),
        _schedule(
            "third_party_provider: empty, and no --provider is given", third_party_provider="", remote_id="PMN4K2V"
        ),
        _schedule("remote_id: empty", remote_id=""),
        _schedule("remote_id: a control character inside (a bell)", remote_id="PMN4\aK2W"),
        _schedule("remote_id: longer than 255 characters", remote_id="P" + "X" * 255),
        _schedule(
            "nothing, but a warning: an Opsgenie id under PAGER_DUTY", remote_id="6d2b5f0e-8c1a-4b7d-a3f4-91e0c2d7b658"
        ),
    ]


def _kinds() -> list[dict[str, str]]:
    return [
        _schedule("kind: no such kind", kind="shedule", remote_id="PMN4K2X"),
        _shadow("kind: empty, and columns of both kinds are filled", kind="", remote_id="PMN4K2Y"),
        {EXPLANATION: "what is wrong: nothing else stands in the row"},
        _shadow(
            "third_party_provider, remote_id: the row says schedule, but a shadow's columns are filled", kind="schedule"
        ),
    ]


def _shadows() -> list[dict[str, str]]:
    return [
        _shadow("nothing: a good shadow", starts_at="2027-04-12T08:00:00Z", ends_at="2027-04-12T16:00:00Z"),
        _shadow("schedule_id: empty", schedule_id=""),
        _shadow("schedule_id: a path instead of an id", schedule_id="../../users"),
        _shadow("shadowable_type: neither User nor Schedule", shadowable_type="Team"),
        _shadow("shadowable_id: empty", shadowable_id=""),
        _shadow("shadowable_id: a path instead of an id", shadowable_id="../b"),
        _shadow("nothing, but a warning: the id of a user is a whole number", shadowable_id="anna"),
        _shadow("shadow_user_id: empty", shadow_user_id=""),
        _shadow("shadow_user_id: a number as a calculator writes it", shadow_user_id="1e5"),
        _shadow("shadow_user_id: a fraction", shadow_user_id="42.5"),
        _shadow("shadow_user_id: below 1", shadow_user_id="-7"),
        _shadow("shadow_user_id: digits of another script", shadow_user_id="\u0661\u0662"),
        _shadow("shadow_user_id: larger than the API can take", shadow_user_id="18446744073709551616"),
    ]


def _times() -> list[dict[str, str]]:
    return [
        _shadow("starts_at: empty", starts_at=""),
        _shadow("ends_at: empty", ends_at=""),
        _shadow("starts_at: a date without a time of day", starts_at="2027-04-27"),
        _shadow("starts_at: two countries read this differently", starts_at="03/04/2027 08:00"),
        _shadow("starts_at: there is no such day", starts_at="2027-02-30T08:00:00Z"),
        _shadow("starts_at: a local time, and no zone says where", starts_at="2027-04-30T08:00:00"),
        _shadow("starts_at: a year too early", starts_at="1927-05-01T08:00:00Z"),
        _shadow("starts_at: no place on earth has this offset", starts_at="2027-05-02T08:00:00+19:00"),
        _local("starts_at: skipped, as summer time begins", "2027-03-28T02:30:00", "2027-03-28T09:00:00"),
        _local("ends_at: comes twice, as summer time ends", "2027-10-30T22:00:00", "2027-10-31T02:30:00"),
        _shadow("timezone: there is no such zone", timezone="Europe/Atlantis"),
        _shadow("ends_at: before starts_at", starts_at="2027-05-06T16:00:00Z", ends_at="2027-05-06T08:00:00Z"),
        _shadow("ends_at: the same as starts_at", starts_at="2027-05-07T08:00:00Z", ends_at="2027-05-07T08:00:00Z"),
        {
            "kind": "shadow",
            "schedule_id": ".",
            "shadowable_type": "Robot",
            "shadowable_id": "",
            "shadow_user_id": "anna",
            "starts_at": "tomorrow",
            "ends_at": "2027-05-08",
            "timezone": "Mars",
            EXPLANATION: "schedule_id, shadowable_type, shadowable_id, shadow_user_id, starts_at, ends_at, timezone: "
            "all of them at once",
        },
    ]


def _refused() -> list[dict[str, str]]:
    return [
        _shadow(
            "duplicate: the same as the good shadow of 2027-04-12 above, its times written in another way",
            starts_at="2027-04-12T10:00:00",
            ends_at="2027-04-12T18:00:00.000",
            timezone="Europe/Berlin",
        ),
        _shadow("rejected: the sandbox answers 404 for this schedule", schedule_id="sandbox-404"),
        _shadow("rejected: the sandbox answers 422 for this user", shadow_user_id="422"),
    ]


def _last() -> list[dict[str, str]]:
    return [
        _schedule(
            "nothing: a good schedule",
            third_party_provider="Opsgenie",
            remote_id="0f7ac4d8-35b2-4e69-8d15-7b6c2e9a40f1",
        ),
        _local("nothing: a good shadow over the end of summer time", "2027-10-30T22:00:00", "2027-10-31T06:00:00"),
    ]


def _schedule(explanation: str, **cells: str) -> dict[str, str]:
    return _SCHEDULE | cells | {EXPLANATION: explanation}


def _shadow(explanation: str, **cells: str) -> dict[str, str]:
    return _SHADOW | cells | {EXPLANATION: explanation}


def _local(explanation: str, starts_at: str, ends_at: str) -> dict[str, str]:
    return _shadow(explanation, starts_at=starts_at, ends_at=ends_at, timezone="Europe/Berlin")


def _dated(row: dict[str, str], day: date) -> dict[str, str]:
    """Give a shadow without times a day of its own, so that no two rows are the same record by chance."""
    if "schedule_id" not in row:
        return row
    return {"starts_at": f"{day}T08:00:00Z", "ends_at": f"{day}T16:00:00Z"} | row
