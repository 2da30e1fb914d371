"""How much each candidate matters: what its segment needs, times how sure the model's doubt is worth anything.

    w_i = need_i ((1 - C) + C (p + 1) r_i^p)

with r_i the rank of the scene's score in (0, 1], where equal scores share the mean of their r^p, and C in [0, 1] how
well the labelled scenes stand for the pool. While little is labelled C is near 0 and all scenes of a segment count
alike, so that typical ones go first; as C rises the model's doubt counts more: the switch from typical to uncertain is
the pool's, not a number of rounds (after Hacohen and Weinshall, DCoM, 2024, and Bae et al., UHerding, 2025). Ranks,
since scores have no common unit; (p + 1) r^p has mean 1, so that the score shifts weight and adds none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.select.pool import Bools, Floats

_MOST = 10.0


def importance(score: Floats, valid: Bools, need: Floats, coverage: float, power: float) -> Floats:
    """Weight of each candidate.

    Args:
        score: (n,) larger = more worth labelling, in any unit.
        valid: (n,) where there is no score, the scene counts as average.
        need: (n,) 0 or more, 1 for average.
        coverage: C, in [0, 1].
        power: p, 0 or more; 0 leaves the score out.

    Returns:
        (n,) float64, 0 or more.

    >>> importance(np.array([1.0, 5.0]), np.array([True, True]), np.ones(2), coverage=0.0, power=3.0).tolist()
    [1.0, 1.0]
    >>> importance(np.array([1.0, 5.0]), np.array([True, True]), np.ones(2), coverage=1.0, power=1.0).tolist()
    [1.0, 2.0]
    """
    doubt = np.ones(len(score))
    doubt[valid] = _by_rank(score[valid], power)
    return need * ((1 - coverage) + coverage * doubt)


def own_worth(score: Floats, valid: Bools, coverage: float) -> Floats:
    """How much there is to learn in each candidate itself, beside what it stands for; 1 for average.

    A long, busy scene teaches more than its place among others tells, and a score that is summed over frames and
    objects says how much: (1 - C) + C x score / mean score, at most 10. A score with values below 0 has no ratios;
    twice its rank stands in.

    >>> own_worth(np.array([1.0, 3.0, np.nan]), np.array([True, True, False]), coverage=0.5).tolist()
    [0.75, 1.25, 1.0]
    """
    worth = np.ones(len(score))
    known = score[valid]
    mean = float(known.mean()) if len(known) else 0.0
    ratio = known / mean if mean > 0 and known.min() >= 0 else _by_rank(known, 1.0)
    worth[valid] = np.minimum((1 - coverage) + coverage * ratio, _MOST)
    return worth


def _by_rank(values: npt.NDArray[np.float64], power: float) -> Floats:
    """(p + 1) r^p of each value, of equal ones the mean, so that many equal scores gain no weight over having none."""
    if not len(values):
        return np.zeros(0)
    ordered = np.sort(values)
    _, starts, which, counts = np.unique(ordered, return_index=True, return_inverse=True, return_counts=True)
    each = (power + 1) * (np.arange(1, len(values) + 1) / len(values)) ** power
    shared: Floats = (np.add.reduceat(each, starts) / counts)[which]
    return shared[np.searchsorted(ordered, values)]
