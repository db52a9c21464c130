"""Items 1 and 2: posting, and the whole run, against a bare loop; what the run's CPU time goes to."""

from __future__ import annotations

from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from .figures import Figure, divided, in_turns, micro
from .kit import CONCURRENCY
from .sources import write_csv
from .stages import sample

if TYPE_CHECKING:
    from .kit import Kit
    from .processes import Spent
    from .requests_log import Posting

_ROWS = 50_000


def posting(kit: Kit, rows: int = 0) -> tuple[list[Figure], str]:
    """Measure a run without a limit against the bare loop; give the figures and the stages as a table."""
    source = write_csv(kit.folder, rows or kit.rows(_ROWS))
    bare = partial(kit.post, kit.client("bare_loop", "ORIGIN", source, CONCURRENCY))
    results = in_turns(kit.rounds, {"run": partial(kit.run, source), "bare loop": bare}, kit.tell)
    run, loop = results["run"], results["bare loop"]
    number = loop[0][1].number
    figures = [
        _rates(f"posting {number:,} rows, first request to last answer", run, loop),
        _whole(run, loop),
        _processes(run, loop),
        _cpu(run, loop, number),
    ]
    kit.tell("sampling the run's stages")
    cpu = median(spent.cpu for spent, _ in run)
    bare_cpu = median(_loop_cpu(spent) for spent, _ in loop)
    return figures, sample(kit, source, micro(cpu, number), micro(bare_cpu, number))


def _rates(what: str, run: list[tuple[Spent, Posting]], loop: list[tuple[Spent, Posting]]) -> Figure:
    ours, theirs = ([measured.rate for _, measured in each] for each in (run, loop))
    return Figure(
        what,
        f"{median(ours):,.0f} rows/s",
        f"bare loop {median(theirs):,.0f} rows/s",
        divided(ours, theirs),
        at_least=0.80,
    )


def _whole(run: list[tuple[Spent, Posting]], loop: list[tuple[Spent, Posting]]) -> Figure:
    """Compare the whole process of the run, its start included, with the loop's posting alone."""
    ours, theirs = [spent.seconds for spent, _ in run], [measured.seconds for _, measured in loop]
    return Figure(
        "the whole run, start of the process to its end",
        f"{median(ours):.1f} s",
        f"bare loop's posting {median(theirs):.1f} s",
        divided(theirs, ours),
        at_least=0.60,
    )


def _processes(run: list[tuple[Spent, Posting]], loop: list[tuple[Spent, Posting]]) -> Figure:
    """Compare the two processes as wholes; the loop's reads the file and makes the bodies, too."""
    ours, theirs = [spent.seconds for spent, _ in run], [spent.seconds for spent, _ in loop]
    return Figure(
        "the whole run against the loop's whole process",
        f"{median(ours):.1f} s",
        f"bare loop, its start and reading too {median(theirs):.1f} s",
        divided(theirs, ours),
    )


def _cpu(run: list[tuple[Spent, Posting]], loop: list[tuple[Spent, Posting]], rows: int) -> Figure:
    ours, theirs = [spent.cpu for spent, _ in run], [_loop_cpu(spent) for spent, _ in loop]
    return Figure(
        "the same in CPU time",
        f"{micro(median(ours), rows):.0f} us a row",
        f"bare loop's posting {micro(median(theirs), rows):.0f} us a row",
        divided(theirs, ours),
    )


def _loop_cpu(spent: Spent) -> float:
    return float(spent.output.split()[-1])
