"""Clopper and Pearson's exact interval of a rate.

Its ends are the rates under which k or more, and k or fewer, successes of n trials have the probability (1 -
confidence) / 2; they are quantiles of Beta(k, n - k + 1) and Beta(k + 1, n - k). It covers at least as often as it
says, also where rates are small and trials few, and is mostly wider than Wilson's. Like that one, it takes trials to be
independent, which the objects of one log are not. Time and memory grow with the number of rates.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

FloatArray = npt.NDArray[np.float64]


def exact_interval(k: npt.ArrayLike, n: npt.ArrayLike, confidence: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Interval of each rate k/n.

    Args:
        k: (...) successes, in [0, n]; may be fractional where a rate is itself a mean.
        n: (...) trials.
        confidence: coverage of the interval, in (0, 1).

    Returns:
        (...) lower and upper ends in [0, 1]; NaN where n is 0.

    References:
        Clopper and Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial, 1934.

    >>> [end.round(4) for end in exact_interval(3, 40)]
    [np.float64(0.0157), np.float64(0.2039)]
    """
    successes, trials = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(n, np.float64))
    trials = np.where(trials > 0, trials, np.nan)
    failures, tail = trials - successes, (1 - confidence) / 2
    with np.errstate(invalid="ignore"):
        low = np.where(successes > 0, betaincinv(successes, failures + 1, tail), 0 * trials)
        high = np.where(failures > 0, betaincinv(successes + 1, failures, 1 - tail), 1 + 0 * trials)
    return low[()], high[()]
