"""Wilson's score interval of a rate.

With k successes of n trials, p = k/n and z the normal quantile of (1 + confidence) / 2:

    (p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n)        within [0, 1]

It takes trials to be independent, which the objects of one log are not: where there are logs enough, prefer the
bootstrap by log. Time and memory grow with the number of rates.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

FloatArray = npt.NDArray[np.float64]


def wilson_interval(k: npt.ArrayLike, n: npt.ArrayLike, confidence: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Interval of each rate k/n.

    Args:
        k: (...) successes, in [0, n]; may be fractional where a rate is itself a mean.
        n: (...) trials.
        confidence: coverage of the interval, in (0, 1).

    Returns:
        (...) lower and upper ends in [0, 1]; NaN where n is 0.

    References:
        Wilson, Probable inference, the law of succession, and statistical inference, 1927.

    >>> [end.round(4) for end in wilson_interval(3, 40)]
    [np.float64(0.0258), np.float64(0.1986)]
    """
    successes, trials = np.asarray(k, np.float64), np.asarray(n, np.float64)
    z2 = float(ndtri((1 + confidence) / 2)) ** 2
    trials = np.where(trials > 0, trials, np.nan)
    p = successes / trials
    centre = p + z2 / (2 * trials)
    half = np.sqrt(z2 * (p * (1 - p) / trials + z2 / (4 * trials**2)))
    scale = 1 + z2 / trials
    # Rounding can leave the ends at -1e-17 for k = 0, or 1 + 1e-16 for k = n.
    return np.clip((centre - half) / scale, 0, 1)[()], np.clip((centre + half) / scale, 0, 1)[()]
