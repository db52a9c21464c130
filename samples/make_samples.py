"""Make the sample files beside this program: `python samples/make_samples.py [FOLDER]`. The same files each time."""

from __future__ import annotations

import csv
import hashlib
import sys
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import mistakes
import xlsxwriter

MADE_ON = datetime(2026, 11, 20)  # noqa: DTZ001  (a workbook's properties know no zone)
FIRST_DAY = date(2027, 1, 11)
DAYS = 150

PAGER_DUTY_TEAMS = (
    *("Payments", "Checkout", "Search", "Identity", "Mobile", "Data Platform", "Networking"),
    *("Storage", "Messaging", "Fraud", "Pricing", "Logistics", "Catalogue", "Développement"),
)
OPSGENIE_TEAMS = ("Billing", "Kubernetes", "Databases", "Observability", "Security", "Edge", "Support", "Büro-IT")
ROTAS = (
    ("Payments primary", "Europe/Berlin"),
    ("Checkout primary", "America/New_York"),
    ("Search primary", "Europe/London"),
    ("Identity primary", "Europe/Berlin"),
    ("Kubernetes primary", "America/New_York"),
    ("Databases primary", "Asia/Tokyo"),
    ("Security primary", "Europe/Berlin"),
    ("Support primary", "America/Los_Angeles"),
)
PEOPLE = {
    101: "Anna Berg",
    102: "Ben Osei",
    103: "Chloé Martin",
    104: "Dmitri Volkov",
    105: "Emi Tanaka",
    106: "Farid Rahimi",
    107: "Grace O'Neill",
    108: "Hugo Álvarez",
    109: "Ines Köhler",
    110: "Jamal Wright",
    111: "Kim Nguyen",
    112: "Lena Novák",
}
SHIFTS = ((time(9), 8), (time(22), 8))  # local start; hours on the clock, whatever summer time does

SCHEDULES_HEADER = ("Name", "Team", "Third Party Provider", "Remote ID")
SHADOWS_HEADER = (
    *("Rota", "Schedule ID", "Shadowable Type", "Shadowable ID", "Shadow User ID", "Trainee name"),
    *("Starts At", "Ends At", "Timezone", "Note"),
)
SCHEDULES_WIDTHS = (28, 18, 22, 40)
SHADOWS_WIDTHS = (20, 40, 18, 40, 16, 18, 28, 28, 22, 36)


@dataclass(frozen=True)
class Shadow:
    """One row of the sheet Shadows."""

    rota: str
    shadowable_type: str
    shadowable_id: int | str
    shadow_user_id: int
    starts_at: datetime | str  #: a date cell, local in `timezone`; or a text with an offset
    ends_at: datetime | str
    timezone: str
    note: str

    def cells(self) -> tuple[str | int | datetime, ...]:
        return (
            *(self.rota, rootly_id(self.rota), self.shadowable_type, self.shadowable_id, self.shadow_user_id),
            *(PEOPLE[self.shadow_user_id], self.starts_at, self.ends_at, self.timezone, self.note),
        )


def main(folder: Path) -> None:
    schedules = [*pager_duty_schedules(), *opsgenie_schedules()]
    shadows = [make_shadow(FIRST_DAY + timedelta(days=day), shift, day) for day in range(DAYS) for shift in (0, 1)]
    rows = [shadow.cells() for shadow in shadows]
    write_workbook(folder / "migration.xlsx", schedules, rows)
    write_csv(folder / "schedules.csv", snake(SCHEDULES_HEADER), schedules)
    write_csv(folder / "shadows.csv", snake(SHADOWS_HEADER), [tuple(map(as_text, row)) for row in rows])
    write_csv(folder / "mistakes.csv", mistakes.HEADER, mistakes.rows())
    write_rota(folder / "rota.xlsx")


def pager_duty_schedules() -> list[tuple[str, ...]]:
    return [
        (f"{team} {level}", team, "PagerDuty", f"P{code(f'{team} {level}')}")
        for team in PAGER_DUTY_TEAMS
        for level in ("primary", "secondary")
    ]


def opsgenie_schedules() -> list[tuple[str, ...]]:
    return [
        (f"{team} {level}", team, "Opsgenie", uuid(f"opsgenie {team} {level}"))
        for team in OPSGENIE_TEAMS
        for level in ("primary", "secondary")
    ]


def make_shadow(day: date, shift: int, number: int) -> Shadow:
    """Make a day's shadow; each person has one every sixth day, so that none of theirs overlap."""
    people = list(PEOPLE)
    trainee, shadowed = people[(2 * number + shift) % 12], people[(2 * number + shift + 5) % 12]
    rota, zone = ROTAS[(number + 3 * shift) % len(ROTAS)]
    start, hours = SHIFTS[shift]
    starts_at = datetime.combine(day, start)
    ends_at = starts_at + timedelta(hours=hours)
    has_offsets = number % 12 == 5
    is_of_schedule = number % 10 == 3
    return Shadow(
        rota=rota,
        shadowable_type="Schedule" if is_of_schedule else "User" if number % 4 else "",
        shadowable_id=rootly_id(rota) if is_of_schedule else shadowed,
        shadow_user_id=trainee,
        starts_at=with_offset(starts_at, zone) if has_offsets else starts_at,
        ends_at=with_offset(ends_at, zone) if has_offsets else ends_at,
        timezone="" if has_offsets else zone,
        note=note_of(starts_at, ends_at, zone),
    )


def note_of(starts_at: datetime, ends_at: datetime, zone: str) -> str:
    """Remark on a shift during which the clock changes."""
    place = ZoneInfo(zone)
    before, after = (moment.replace(tzinfo=place).utcoffset() for moment in (starts_at, ends_at))
    return "" if before == after else f"summer time begins, {zone}: an hour shorter"


def with_offset(moment: datetime, zone: str) -> str:
    return moment.replace(tzinfo=ZoneInfo(zone)).isoformat()


def rootly_id(rota: str) -> str:
    return uuid(f"rootly {rota}")


def uuid(name: str) -> str:
    """Make the same random-looking UUID of a name each time."""
    return str(UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4))


def code(name: str) -> str:
    """Make the same six letters and digits of a name each time."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    return "".join(letters[byte % 36] for byte in hashlib.sha256(name.encode()).digest()[:6])


def snake(header: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.lower().replace(" ", "_") for name in header)


def as_text(value: str | int | datetime) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def write_csv(path: Path, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_workbook(
    path: Path, schedules: list[tuple[str, ...]], shadows: list[tuple[str | int | datetime, ...]]
) -> None:
    with xlsxwriter.Workbook(path) as book:
        # The day would be today's otherwise, and no two files the same.
        book.set_properties({"title": "On-call migration (sample)", "created": MADE_ON})
        write_sheet(book, "Schedules", SCHEDULES_HEADER, SCHEDULES_WIDTHS, schedules)
        write_sheet(book, "Shadows", SHADOWS_HEADER, SHADOWS_WIDTHS, shadows)


def write_sheet(
    book: xlsxwriter.Workbook,
    name: str,
    header: tuple[str, ...],
    widths: tuple[int, ...],
    rows: list[tuple[str, ...]] | list[tuple[str | int | datetime, ...]],
) -> None:
    sheet = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "bg_color": "#DDE6F0", "bottom": 1})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"})
    left = book.add_format({"align": "left"})
    for column, (title, width) in enumerate(zip(header, widths, strict=True)):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, title, bold)
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row):
            if isinstance(value, datetime):
                sheet.write_datetime(number, column, value, moment)
            elif isinstance(value, int):
                sheet.write_number(number, column, value, left)
            elif value:
                sheet.write_string(number, column, value)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, len(rows), len(header) - 1)


def write_rota(path: Path) -> None:
    """Write a table as a team keeps it: titles, merged blocks, times apart from dates, a filter, a total."""
    with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd"}) as book:
        book.set_properties({"created": MADE_ON})
        sheet = book.add_worksheet("April")
        sheet.write_row(0, 0, ["Cover for the holidays, April 2027"], book.add_format({"bold": True}))
        sheet.write_row(1, 0, ["Kept by Ines. Ask before you change anything."])
        sheet.write_row(
            3, 0, ["Team", "Date", "Start", "End", "Who", "State", "Remark"], book.add_format({"bold": True})
        )
        clock, row = book.add_format({"num_format": "hh:mm"}), 4
        for team, days in (("Payments primary", (1, 2, 3, 4)), ("Identity primary", (5, 6, 7))):
            sheet.merge_range(row, 0, row + len(days) - 1, 0, team)
            for day in days:
                sheet.write_datetime(row, 1, datetime(2027, 4, day))  # noqa: DTZ001  (a cell has no zone)
                sheet.write_datetime(row, 2, time(22 if day % 2 else 9), clock)
                sheet.write_datetime(row, 3, time(6 if day % 2 else 17), clock)
                sheet.write_row(row, 4, [PEOPLE[100 + day], "cancelled" if day == 4 else "agreed"])
                if day == 4:
                    sheet.set_row(row, None, None, {"hidden": True})
                row += 1
        sheet.write_row(row, 0, ["Total", "", "", "", "6 shifts"])
        sheet.autofilter(3, 0, row - 1, 6)
        sheet.filter_column("F", "x == agreed")
        sheet.set_column(0, 6, 18)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
