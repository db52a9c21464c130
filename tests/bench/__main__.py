"""`python -m tests.bench`: measures, and prints what came of it."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from . import standin
from .checking import checking
from .growth import growth
from .kit import Kit
from .others import others
from .pacing import pacing
from .posting import posting
from .starting import starting
from .table import figures_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from .figures import Figure

    Part = Callable[[Kit, argparse.Namespace], tuple[list[Figure], str]]

_QUICK = 0.01  # of the rows
_PLOT = Path(__file__).parents[2] / "docs" / "images" / "growth.svg"


def _posting(kit: Kit, options: argparse.Namespace) -> tuple[list[Figure], str]:
    return posting(kit, options.rows)


def _growth(kit: Kit, options: argparse.Namespace) -> tuple[list[Figure], str]:
    rough = kit.folder / _PLOT.name  # what one round shows is nothing to keep
    return growth(kit, options.plot or (rough if options.quick else _PLOT))


_PARTS: dict[str, Part] = {
    "posting": _posting,
    "check": lambda kit, _options: (checking(kit), ""),
    "growth": _growth,
    "limits": lambda kit, _options: (pacing(kit), ""),
    "start": lambda kit, _options: (starting(kit), ""),
    "others": lambda kit, _options: ([], others(kit)),
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often each thing is measured (default 5)")
    parser.add_argument("--rows", type=int, default=0, help="rows of the posting (default 50,000)")
    parser.add_argument("--quick", action="store_true", help="one round with a hundredth of the rows: does it work?")
    parser.add_argument("--only", nargs="+", choices=list(_PARTS), default=list(_PARTS), help="these parts alone")
    parser.add_argument("--plot", type=Path, help="where the plot goes (default: README's)")
    return parser.parse_args()


def _tell(words: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {words}", file=sys.stderr, flush=True)


def _machine(kit: Kit, seconds: int) -> str:
    served = standin.speed(kit.folder, seconds)
    speed = f"{served:,.0f} requests/s by wrk" if served else "wrk is not installed"
    cores = f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    system = f"Python {platform.python_version()}, {platform.system()}, {cores}"
    return f"{system}; the stand-in is {standin.best_kind()} ({speed}); {kit.rounds} rounds.\n"


def main() -> None:
    """Measure what is asked for; the table comes last."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        rounds, scale = (1, _QUICK) if options.quick else (options.rounds, 1.0)
        kit = Kit(Path(folder), rounds, scale, _tell)
        print(_machine(kit, 1 if options.quick else 5))
        figures: list[Figure] = []
        for name in options.only:
            _tell(f"measuring {name}")
            measured, words = _PARTS[name](kit, options)
            figures += measured
            if words:
                print(f"{name}\n\n{words}\n", flush=True)
        if figures:
            print(figures_table(figures))


if __name__ == "__main__":
    main()
