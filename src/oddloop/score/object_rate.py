"""The rate of a score per object: what is left of a sum when the crowd is divided out.

A frame's rate is the reduction `mean`. A scene's is the sum of its frames' sums over the sum of their objects:

    <score>_sum_per_object = sum of <score>_sum / sum of n_objects, over the scene's valid frames

which every object enters alike, and not the mean of the frames' means, in which the one box of an empty street weighs
as much as all boxes of a crossing. Both sums add up over frames and scenes. `n_objects` counts objects of every label:
where only some labels are scored, the rate is theirs per object of any.

Time and memory grow with the frames.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import FloatArray
from oddloop.score.foreign import to_float64, to_int64
from oddloop.score.ragged import group_sum

PER_OBJECT = "_per_object"
"""Suffix of the rate of a score that is a sum over objects."""


def per_object(sums: npt.ArrayLike, n_objects: npt.ArrayLike, offsets: npt.ArrayLike) -> FloatArray:
    """Rate per object of each scene.

    Args:
        sums: (F,) sums over the objects of each frame; NaN where not valid.
        n_objects: (F,) objects of each frame.
        offsets: (S+1,) integers that do not fall, within [0, F]: scene i has the frames `offsets[i]:offsets[i + 1]`.

    Returns:
        (S,) float64; 0 for a scene in whose valid frames no object was found, NaN for one without a valid frame, or
        with a sum of no objects that is not 0. Frames that are not valid are left out, with their objects.

    Raises:
        ValueError: the offsets fall, or reach beyond the values.

    >>> per_object([1.0, 3.0, 0.0, np.nan], [1, 9, 0, 5], [0, 2, 3, 4])
    array([0.4, 0. , nan])
    """
    values, counts = to_float64(sums), to_float64(n_objects)
    missing, bounds = np.isnan(values), to_int64(offsets)
    n_valid = np.diff(bounds)
    if missing.any():
        values, counts = np.where(missing, 0.0, values), np.where(missing, 0.0, counts)
        n_valid = group_sum(~missing, bounds)
    total, n = group_sum(values, bounds), group_sum(counts, bounds)
    rate = np.divide(total, n, out=np.where(total == 0, 0.0, np.nan), where=n > 0)
    return np.where(n_valid > 0, rate, np.nan)
