"""How good past forecasts were, and how much wider the next interval must be for it.

A forecast's miss is |what came - what was said| over the half width of its interval: at most 1 where it was inside. Of
n past misses the k-th smallest is taken, k = ceil(confidence x (n + 1)), the last one where there are fewer; the next
half width is multiplied by it, and never shrunk. Were misses drawn alike, the next one would be at most that with the
wanted chance (split conformal prediction); with few rounds it is the largest miss so far.

References:
    Vovk, Gammerman and Shafer, Algorithmic learning in a random world, 2005.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def widening(misses: Sequence[float], confidence: float = 0.9) -> float:
    """What to multiply the next half width by, 1 or more.

    Args:
        misses: past misses, 0 or more, in any order.
        confidence: coverage that is wanted, in (0, 1).

    >>> widening([]), widening([0.2, 1.5]), widening([0.1] * 18 + [1.2, 3.0])
    (1.0, 1.5, 1.2)
    """
    ranked = sorted(miss for miss in misses if math.isfinite(miss))
    place = min(math.ceil(confidence * (len(ranked) + 1)), len(ranked))
    return max(1.0, ranked[place - 1]) if ranked else 1.0
