"""Item 6: how soon a command is there, against the bare interpreter; and what it imports that it does not need."""

from __future__ import annotations

import sys
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from .figures import Figure, divided, in_turns
from .kit import IMPORTER
from .sources import write_csv

if TYPE_CHECKING:
    from .kit import Kit
    from .processes import Spent

_LEAST_ROUNDS = 5
#: Commands that read no file.
_WITHOUT_SOURCE = (("--help",), ("--version",), ("run", "--help"), ("check", "--help"), ("sandbox", "--reset"))


def starting(kit: Kit) -> list[Figure]:
    """Measure the quick commands, warm."""
    source = str(write_csv(kit.folder, 100))
    commands = {
        "--help": (*IMPORTER, "--help"),
        "--version": (*IMPORTER, "--version"),
        "check of 100 rows": (*IMPORTER, "check", source, "--quiet"),
        "python": (sys.executable, "-c", "pass"),
        "pandas": (sys.executable, "-c", "import pandas"),
    }
    actions = {name: partial(kit.spend, *command) for name, command in commands.items()}
    in_turns(1, actions, kit.tell)  # warm
    results = in_turns(max(kit.rounds, _LEAST_ROUNDS), actions, kit.tell)
    quick = [
        _figure(name, results[name], "python -c pass", results["python"], 0.25) for name in ("--help", "--version")
    ]
    name = "check of 100 rows"
    return [*quick, _figure(name, results[name], "import pandas", results["pandas"], 1.2), _imports(kit)]


def _figure(name: str, ours: list[Spent], against: str, theirs: list[Spent], goal: float) -> Figure:
    """Compare with another start in the table, and with the goal's seconds in the ratio."""
    seconds = [spent.seconds for spent in ours]
    beside = median(spent.seconds for spent in theirs)
    return Figure(
        f"{name} against {goal:g} s",
        f"{median(seconds):.3f} s",
        f"{against} {beside:.3f} s",
        divided(seconds, [goal] * len(seconds)),
        at_most=1,
    )


def _imports(kit: Kit) -> Figure:
    guilty = [" ".join(words) for words in _WITHOUT_SOURCE if imports_pandas(_imported(kit, words))]
    words = ", ".join(guilty) if guilty else "none"
    return Figure(
        "commands without a source that import pandas",
        words,
        f"{len(_WITHOUT_SOURCE)} commands",
        (len(guilty) / len(_WITHOUT_SOURCE),),
        at_most=0,
    )


def _imported(kit: Kit, words: tuple[str, ...]) -> str:
    return kit.spend(sys.executable, "-X", "importtime", *IMPORTER[1:], *words).output


def imports_pandas(times: str) -> bool:
    """Tell whether what `-X importtime` printed has pandas in it."""
    return any(line.rpartition("|")[2].strip() == "pandas" for line in times.splitlines())
