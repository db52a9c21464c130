"""Item 3: checking a CSV against pandas and pydantic, a workbook against calamine, and odd rows against plain ones."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from .figures import Figure, divided, in_turns, micro
from .sources import long_rows, past_rows, write_csv, write_xlsx, zoned_rows

if TYPE_CHECKING:
    from pathlib import Path

    from .kit import Kit
    from .processes import Spent

_CSV_ROWS = 1_000_000
_XLSX_ROWS = 100_000
_ODD_ROWS = 100_000
_BLANKS = 1_000_000  # lines: more are refused


def checking(kit: Kit) -> list[Figure]:
    """Measure all kinds of sources."""
    return [_check_csv(kit), _check_xlsx(kit), *_check_odd(kit)]


def _check_csv(kit: Kit) -> Figure:
    rows = kit.rows(_CSV_ROWS)
    source = write_csv(kit.folder, rows)
    rival = partial(kit.spend, *kit.client("pandas_pydantic", source))
    results = in_turns(kit.rounds, {"check": partial(kit.check, source), "pandas and pydantic": rival}, kit.tell)
    ours, theirs = ([spent.seconds for spent in each] for each in results.values())
    return Figure(
        f"check of {rows:,} CSV rows, the whole process",
        f"{median(ours):.1f} s, {micro(median(ours), rows):.1f} us a row",
        f"pandas + pydantic {median(theirs):.1f} s, {micro(median(theirs), rows):.1f} us a row",
        divided(theirs, ours),
        at_least=0.5,
    )


def _check_xlsx(kit: Kit) -> Figure:
    """Compare what a workbook costs beyond the same rows as a CSV with calamine's own reading of its sheet."""
    rows = kit.rows(_XLSX_ROWS)
    workbook, same = write_xlsx(kit.folder, rows), write_csv(kit.folder, rows)
    actions = {
        "check of the workbook": partial(kit.check, workbook),
        "check of the same rows as CSV": partial(kit.check, same),
        "calamine": partial(kit.spend, *kit.client("calamine_rows", workbook)),
    }
    whole, checks, reading = in_turns(kit.rounds, actions, kit.tell).values()
    beyond = [one.seconds - other.seconds for one, other in zip(whole, checks, strict=True)]
    calamine = [float(spent.output) for spent in reading]
    return Figure(
        f"check of {rows:,} XLSX rows, beyond that of the same rows as CSV",
        f"{median(beyond):.2f} s",
        f"calamine reads the sheet in {median(calamine):.2f} s",
        divided(beyond, calamine),
        at_most=1.5,
    )


def _check_odd(kit: Kit) -> list[Figure]:
    """Compare rows that all carry a warning, and rows that all overlap another, with the like of them that do not."""
    rows = kit.rows(_ODD_ROWS)
    plain = write_csv(kit.folder, rows)
    sources = {
        "plain rows": plain,
        "rows with a warning each": write_csv(kit.folder, rows, past_rows(rows), "past"),
        "rows with a time zone": write_csv(kit.folder, rows, zoned_rows(rows, is_contradicting=False), "zoned"),
        "rows with two warnings each": write_csv(kit.folder, rows, zoned_rows(rows, is_contradicting=True), "contrary"),
        "rows and empty lines": _with_blanks(plain, int(_BLANKS * kit.scale)),
        "long shifts": write_csv(kit.folder, rows, long_rows(rows, is_overlapping=False), "apart"),
        "long shifts that overlap": write_csv(kit.folder, rows, long_rows(rows, is_overlapping=True), "overlapping"),
    }
    actions = {name: partial(kit.check, source) for name, source in sources.items()}
    clean, warned, zoned, contrary, blank, apart, overlapping = in_turns(kit.rounds, actions, kit.tell).values()
    return [
        _odd("rows that carry a warning each", rows, warned, clean, "cpu"),
        _odd("rows that carry a warning each, memory", rows, warned, clean, "memory"),
        _odd("rows of which both offsets contradict the zone", rows, contrary, zoned, "cpu"),
        _odd("rows of which both offsets contradict the zone, memory", rows, contrary, zoned, "memory"),
        _odd("shifts that overlap", rows, overlapping, apart, "cpu"),
        _odd("shifts that overlap, memory", rows, overlapping, apart, "memory"),
        _odd("rows with a million empty lines below", rows, blank, clean, "cpu"),
    ]


def _with_blanks(plain: Path, number: int) -> Path:
    path = plain.with_name(f"blank-{plain.name}")
    path.write_bytes(plain.read_bytes() + b"\n" * number)
    return path


def _odd(what: str, rows: int, odd: list[Spent], plain: list[Spent], of: str) -> Figure:
    ours, theirs = ([float(getattr(spent, of)) for spent in each] for each in (odd, plain))
    words = (f"{median(each):.1f} s" if of == "cpu" else f"{median(each) / 1e6:.0f} MB" for each in (ours, theirs))
    return Figure(f"check of {rows:,} {what}", next(words), f"plain {next(words)}", divided(ours, theirs), at_most=1.3)
