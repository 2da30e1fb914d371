"""How much each candidate matters: what its segment needs, times how sure the model's doubt is worth anything.

    w_i = need_i ((1 - C) + C (p + 1) r_i^p)

with r_i the rank of the scene's score in (0, 1], ties alike, and C in [0, 1] how well the labelled scenes stand for the
pool. While little is labelled C is near 0 and all scenes of a segment count alike, so that typical ones go first; as C
rises the model's doubt counts more: the switch from typical to uncertain is the pool's, not a number of rounds (after
Hacohen and Weinshall, DCoM, 2024, and Bae et al., UHerding, 2025). Ranks, since scores have no common unit; (p + 1) r^p
has mean 1, so that the score shifts weight and adds none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.select.pool import Bools, Floats


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
    doubt[valid] = (power + 1) * _ranks(score[valid]) ** power
    return need * ((1 - coverage) + coverage * doubt)


def _ranks(values: npt.NDArray[np.float64]) -> Floats:
    """Share of values that are at most as high; ties alike."""
    return np.searchsorted(np.sort(values), values, side="right") / max(len(values), 1)
