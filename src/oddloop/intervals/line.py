"""What a straight line through a few points says of one more point, with an interval.

    y = a + b x + noise,    interval at x':  a + b x' ± t(P - 2) s sqrt(1 + 1/P + (x' - mean x)² / sum (x - mean x)²)

s² is the sum of squared residuals over P - 2. The 1 under the root is the noise of the new point itself. Time and
memory grow with the number of points.

References:
    Draper and Smith, Applied regression analysis, 1998, section 3.1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

FloatArray = npt.NDArray[np.float64]


def predict_point(x: FloatArray, y: FloatArray, at: float, confidence: float = 0.9) -> tuple[float, float]:
    """Predict y at a new x.

    Args:
        x: (P,) where points are, finite.
        y: (P,) their values; points without a finite one are left out.
        at: where the new point will be.
        confidence: coverage of the interval, in (0, 1).

    Returns:
        the value and the half width of its interval; both NaN with fewer than three points or where all x are one.

    >>> [round(v, 3) for v in predict_point(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.3]), 3.0)]
    [3.4, 1.179]
    """
    known = np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 3 or np.ptp(x) <= 0:
        return float("nan"), float("nan")
    off = x - x.mean()
    spread = float(off @ off)
    slope = float(off @ y) / spread
    rest = y - y.mean() - slope * off
    variance = float(rest @ rest) / (len(x) - 2)
    reach = 1 + 1 / len(x) + (at - x.mean()) ** 2 / spread
    half = float(stdtrit(len(x) - 2, (1 + confidence) / 2)) * np.sqrt(variance * reach)
    return float(y.mean() + slope * (at - x.mean())), float(half)
