"""Disagreement between the candidate trajectories of a planner: how far apart two of them are, drawn independently.

    final    expected distance of their last positions (pairwise FDE), in metres     [0, inf)
    average  expected mean distance over their steps (pairwise ADE), in metres        [0, inf)

both as `trajectory_pairs.expected_distance`: one candidate has 0, and repeating all of them changes nothing. NaN, not
valid, where there is no candidate or no step, or a number is not finite. Larger is more worth labelling.

Time grows with rows x candidates² (x steps); memory, besides the result, does not grow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import FloatArray
from oddloop.score.foreign import to_float64
from oddloop.score.trajectory_pairs import expected_distance


class Disagreement(NamedTuple):
    """Expected distances of two candidates, each (N,) float64 in metres."""

    final_m: FloatArray
    average_m: FloatArray


def plan_disagreement(candidates: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Disagreement:
    """Measure how much the candidates of each plan differ.

    Args:
        candidates: (N,C,H,2) positions in metres, in one frame of reference per row.
        weights: (N,C) shares that sum to 1, such as the planner's probabilities; all alike where None.

    Raises:
        ValueError: the shapes do not fit.

    >>> plans = [[[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 8.0]]]]
    >>> [values.tolist() for values in plan_disagreement(plans)]
    [[4.0], [2.0]]
    """
    paths = to_float64(candidates)
    if paths.ndim != 4 or paths.shape[-1] != 2:
        raise ValueError(f"candidates must be (N,C,H,2); got shape {paths.shape}")
    average = expected_distance(paths, weights)
    if not paths.shape[2]:
        return Disagreement(average, average.copy())
    return Disagreement(np.where(np.isnan(average), np.nan, expected_distance(paths[:, :, -1], weights)), average)
