"""What a bootstrap of few logs lacks in width.

Resamples of L logs vary less than L new logs would, and their quantiles are those of a normal distribution where
Student's t is due. So each end is moved away from the value by

    t(L - 1) / z x sqrt(L / (L - 1))        1.6 for five logs, 1.1 for twenty, at 95 %

The ends keep their own distances from the value, so that a skewed interval stays skewed. Time and memory grow with the
number of intervals.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

FloatArray = npt.NDArray[np.float64]


def widen_for_few_logs(
    value: FloatArray, low: FloatArray, high: FloatArray, n_logs: npt.ArrayLike, confidence: float
) -> tuple[FloatArray, FloatArray]:
    """Ends of bootstrap intervals by log, as wide as the number of logs asks for.

    Args:
        value: (N,) the values that the intervals are of; one that lies outside its interval becomes its nearer end.
        low, high: (N,) percentiles of the replicates; where they are NaN, so are the ends.
        n_logs: (N,) logs that each value rests on; below 2 counts as 2.
        confidence: coverage of the intervals, in (0, 1).

    Returns:
        (N,) lower and upper ends.

    References:
        Davison and Hinkley, Bootstrap methods and their application, 1997, section 2.2.1 (variance of replicates);
        Hesterberg, What teachers should know about the bootstrap, 2015, section 4.1 (expanded percentiles).

    >>> one = np.ones(1)
    >>> [end.round(2).tolist() for end in widen_for_few_logs(one, one - 0.1, one + 0.2, [5], 0.95)]
    [[0.84], [1.32]]
    """
    logs = np.maximum(np.asarray(n_logs, np.float64), 2)
    tail = (1 + confidence) / 2
    factor = stdtrit(logs - 1, tail) / ndtri(tail) * np.sqrt(logs / (logs - 1))
    return value - factor * np.maximum(value - low, 0), value + factor * np.maximum(high - value, 0)
