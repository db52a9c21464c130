"""Ratios of two things measured in turns, their median and what was to be reached. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str  #: what is measured
    ours: str  #: the product's value, with its unit
    against: str  #: what it is compared with, and that one's value
    ratios: tuple[float, ...]  #: one for each round
    at_least: float | None = None  #: the goal, where there is one
    at_most: float | None = None

    @property
    def ratio(self) -> float:
        """Give the median of the rounds."""
        return median(self.ratios)

    @property
    def is_met(self) -> bool | None:
        """Tell whether the goal is met; None where there is none."""
        if self.at_least is None and self.at_most is None:
            return None
        return (self.at_least is None or self.ratio >= self.at_least) and (
            self.at_most is None or self.ratio <= self.at_most
        )


def in_turns(rounds: int, actions: Mapping[str, Callable[[], T]], tell: Callable[[str], None]) -> dict[str, list[T]]:
    """Do every action once a round, every second round backwards: what else the machine does meets them all."""
    results: dict[str, list[T]] = {name: [] for name in actions}
    for number in range(rounds):
        names = list(actions)
        for name in reversed(names) if number % 2 else names:
            tell(f"round {number + 1} of {rounds}: {name}")
            results[name].append(actions[name]())
    return results


def divided(above: Sequence[float], below: Sequence[float]) -> tuple[float, ...]:
    """Divide round by round."""
    return tuple(one / other for one, other in zip(above, below, strict=True))


def micro(seconds: float, rows: int) -> float:
    """Give microseconds a row."""
    return seconds / rows * 1e6
