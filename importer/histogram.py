"""How long answers took, counted in logarithmic buckets: as exact for a millisecond as for a minute. Pure."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


_SHORTEST = 1e-4  # seconds: the lower end of bucket 0; what is shorter counts there, too
_PER_DOUBLING = 8  # a bucket's ends are 9 % apart, so that its middle is at most 4.4 % off
_OFFSET = -log2(_SHORTEST) * _PER_DOUBLING


def bucket_of(seconds: float) -> int:
    """Return the bucket that a duration counts in."""
    return int(log2(seconds) * _PER_DOUBLING + _OFFSET) if seconds > _SHORTEST else 0


def percentile(counts: Mapping[int, int], share: float) -> float:
    """Return the seconds within which that share (0.9) of all answers came: the middle of the bucket it falls in.

    Raises:
        ValueError: nothing was counted.
    """
    wanted = share * sum(counts.values())
    reached = 0
    for bucket in sorted(counts):
        reached += counts[bucket]
        if reached >= wanted:
            return _SHORTEST * float(2 ** ((bucket + 0.5) / _PER_DOUBLING))
    raise ValueError("no answers")
