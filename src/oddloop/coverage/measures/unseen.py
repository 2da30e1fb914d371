"""What no log has shown yet: how much of the world lies in kinds that were never seen, and how many kinds there are.

The unit is the log: frames and scenes of one drive resemble each other, and counting them would make every kind look
well seen. With f1 kinds seen in one log only, f2 in two, n sightings (log x kind) and S kinds seen:

    Good-Turing sample coverage     1 - f1 / n                              share of sightings that are of seen kinds
    Chao1, bias-corrected           S + f1 (f1 - 1) / (2 (f2 + 1))          kinds that there are, at least
    Chao1, classic                  S + f1² / (2 f2)                        the same where f2 > 0
    zero-event bound                1 - (1 - confidence)^(1 / n)            about 3 / n at 95 %

Time and memory grow with the kinds.

References:
    Good, The population frequencies of species and the estimation of population parameters, 1953. Chao, Nonparametric
    estimation of the number of classes in a population, 1984. Hanley and Lippman-Hand, If nothing goes wrong, is
    everything all right?, 1983.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oddloop.coverage.arrays import IntArray


class Unseen(NamedTuple):
    """What is still to be seen.

    Attributes:
        n_kinds: kinds seen.
        n_once: kinds seen in one log only.
        unseen_mass: estimated share of sightings that would be of kinds not seen yet; NaN without any sighting.
        n_kinds_estimated: kinds that there are, estimated from below.
    """

    n_kinds: int
    n_once: int
    unseen_mass: float
    n_kinds_estimated: float


def good_turing(n_logs: npt.ArrayLike) -> float:
    """Share of the world that lies in kinds seen, by Good and Turing.

    Args:
        n_logs: (K,) whole numbers: logs that each kind was seen in; zeros do not count.

    Returns:
        A share in [0, 1]; NaN where nothing was seen.

    Raises:
        ValueError: a number is negative or not whole.

    >>> good_turing([3, 1, 1])
    0.6
    """
    counts = _seen(n_logs)
    return 1.0 - int((counts == 1).sum()) / int(counts.sum()) if len(counts) else float("nan")


def chao1(n_logs: npt.ArrayLike, *, bias_corrected: bool = True) -> float:
    """Number of kinds that there are, by Chao's lower bound; arguments and errors as `good_turing`.

    The classic form is not defined where no kind was seen in two logs, and the corrected one is taken there.

    >>> chao1([3, 2, 1, 1])
    4.5
    """
    counts = _seen(n_logs)
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    if bias_corrected or not twice:
        return len(counts) + once * (once - 1) / (2 * (twice + 1))
    return len(counts) + once * once / (2 * twice)


def zero_event_bound(n: float, confidence: float = 0.95) -> float:
    """Upper bound of a rate after n independent trials without the event: exact, about 3 / n at 95 %.

    Args:
        n: trials, above 0: logs, or hours, or kilometres if events are independent per unit.
        confidence: of the one-sided bound, within (0, 1).

    Raises:
        ValueError: n is not above 0, or the confidence is not within (0, 1).

    >>> round(zero_event_bound(100), 4)
    0.0295
    """
    if not n > 0:
        raise ValueError(f"n must be above 0; got {n}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be within 0 and 1; got {confidence}")
    return float(-np.expm1(np.log1p(-confidence) / n))


def unseen(n_logs: npt.ArrayLike) -> Unseen:
    """All of it for the kinds of one set of attributes; arguments and errors as `good_turing`.

    >>> unseen([3, 2, 1, 1])
    Unseen(n_kinds=4, n_once=2, unseen_mass=0.2857142857142857, n_kinds_estimated=4.5)
    """
    counts = _seen(n_logs)
    once = int((counts == 1).sum())
    mass = once / int(counts.sum()) if len(counts) else float("nan")
    return Unseen(len(counts), once, mass, chao1(counts))


def _seen(n_logs: npt.ArrayLike) -> IntArray:
    numbers = np.asarray(n_logs)
    if numbers.size and not np.issubdtype(numbers.dtype, np.integer):
        raise ValueError(f"logs are counted in whole numbers; got {numbers.dtype}")
    if (numbers < 0).any():
        raise ValueError("a kind cannot have been seen in fewer than 0 logs")
    return numbers[numbers > 0].astype(np.int64)
