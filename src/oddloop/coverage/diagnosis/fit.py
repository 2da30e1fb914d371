"""Fit the learning curve e(n) = c + b n^-a, with b, c >= 0 and a on a grid: exact, closed form, many at once.

For a given a the curve is a straight line in x = n^-a, so the weighted least squares fit under b, c >= 0 has a closed
form: the ordinary line where both are positive, else the better of the two lines that hold one of them at 0. The best a
of the grid wins, so a fit always exists and never depends on a start value. A pull towards a likely a can be given:

    minimise   sum w (e - c - b n^-a)² / noise²  +  (ln a - ln a0)² / spread²

Without `noise` the second term is left out. Time grows with curves x resamples x points x exponents; memory with curves
x resamples x exponents, so give blocks of curves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.coverage.arrays import FloatArray

EXPONENTS: FloatArray = np.geomspace(0.05, 3.0, 48)
"""Grid of a, each 9 % above the last. Deep networks have 0.07 to 0.35 (Hestness et al. 2017), small models up to 1."""
_TINY = 1e-300
_LEAST_NOISE = 1e-12


@dataclass(frozen=True, eq=False)
class Curves:
    """Fitted curves c + b n^-a; all arrays of one shape.

    Attributes:
        a: exponent, above 0.
        b: what is learnable at n = 1, 0 or more, in the unit of the error.
        c: floor, 0 or more, in the unit of the error.
    """

    a: FloatArray
    b: FloatArray
    c: FloatArray

    def error_at(self, n: npt.ArrayLike) -> FloatArray:
        """Error with n scenes; n broadcasts against the curves, and is above 0.

        >>> Curves(np.array([0.5]), np.array([1.0]), np.array([0.1])).error_at(100.0)
        array([0.2])
        """
        error: FloatArray = self.c + self.b * np.asarray(n, np.float64) ** -self.a
        return error

    def scenes_for(self, target: npt.ArrayLike) -> FloatArray:
        """Scenes at which the error reaches the target; infinite where the floor is not below it, 0 where b is 0.

        >>> Curves(np.array([0.5, 0.5]), np.array([1.0, 1.0]), np.array([0.1, 0.3])).scenes_for(0.2).round(6)
        array([100.,  inf])
        """
        room = np.asarray(target, np.float64) - self.c
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            n = (self.b / np.maximum(room, 0)) ** (1 / self.a)
        flat: FloatArray = np.where(self.b > 0, np.where(room > 0, n, np.inf), np.where(room >= 0, 0.0, np.inf))
        return flat


def fit_curves(
    n: FloatArray,
    errors: FloatArray,
    weights: FloatArray,
    *,
    exponents: FloatArray = EXPONENTS,
    noise: FloatArray | None = None,
    prior: tuple[FloatArray, float] | None = None,
) -> Curves:
    """Fit B resamples of each of S curves.

    Args:
        n: (S,P) scenes of each point, above 0.
        errors: (S,B,P) errors, finite.
        weights: (S,B,P) weights, 0 or more; a point of weight 0 does not count.
        exponents: (A,) grid of a.
        noise: (S,) standard deviation of a point of weight 1; sets how strongly the prior pulls.
        prior: (S,B) centres of ln a, and the spread.

    Returns:
        curves of shape (S,B); a row without any weight gives NaN.

    >>> n = np.array([[10.0, 40.0, 160.0]])
    >>> curve = fit_curves(n, (0.1 + n**-0.5)[:, None], np.ones((1, 1, 3)), exponents=np.array([0.25, 0.5, 1.0]))
    >>> [float(v[0, 0].round(6)) for v in (curve.a, curve.b, curve.c)]
    [0.5, 1.0, 0.1]
    """
    scale = np.max(n, axis=1, keepdims=True)
    x = (n / scale)[:, :, None] ** -exponents
    lines = _fit_lines(x, errors, weights)
    cost = lines.cost
    if noise is not None and prior is not None:
        centre, spread = prior
        cost = cost / np.maximum(noise, _LEAST_NOISE)[:, None, None] ** 2
        cost = cost + ((np.log(exponents) - centre[:, :, None]) / spread) ** 2
    best = np.argmin(cost, axis=2, keepdims=True)
    a = exponents[best[:, :, 0]]
    b, c = (np.take_along_axis(v, best, axis=2)[:, :, 0] for v in (lines.slope, lines.floor))
    empty = weights.sum(axis=2) <= 0
    return Curves(np.where(empty, np.nan, a), np.where(empty, np.nan, b * scale**a), np.where(empty, np.nan, c))


def profile_costs(
    n: FloatArray, errors: FloatArray, weights: FloatArray, exponents: FloatArray = EXPONENTS
) -> FloatArray:
    """(S,A) least weighted sum of squares at each exponent; n, errors and weights are (S,P).

    >>> n = np.array([[10.0, 40.0, 160.0]])
    >>> profile_costs(n, n**-0.5, np.ones((1, 3)), np.array([0.25, 0.5])).round(6).tolist()[0][1]
    0.0
    """
    x = (n / np.max(n, axis=1, keepdims=True))[:, :, None] ** -exponents
    return _fit_lines(x, errors[:, None, :], weights[:, None, :]).cost[:, 0, :]


@dataclass(frozen=True, eq=False)
class _Lines:
    """(S,B,A) best line of each exponent."""

    slope: FloatArray
    floor: FloatArray
    cost: FloatArray


def _fit_lines(x: FloatArray, y: FloatArray, w: FloatArray) -> _Lines:
    """Weighted least squares of y = floor + slope x with both 0 or more; x (S,P,A), y and w (S,B,P)."""
    total = np.maximum(w.sum(axis=2), _TINY)[:, :, None]
    mean_y = (w * y).sum(axis=2)[:, :, None] / total
    rest = y - mean_y  # centred, so that a good fit's small cost is not lost in rounding
    mean_x = w @ x / total
    mean_xx = w @ x**2 / total
    cov = (w * rest) @ x / total
    var_y = (w * rest**2).sum(axis=2)[:, :, None] / total
    var_x = np.maximum(mean_xx - mean_x**2, 0)
    slope = np.where(var_x > 1e-14 * mean_xx, cov / np.maximum(var_x, _TINY), 0.0)
    floor = mean_y - slope * mean_x
    through_zero = (cov + mean_x * mean_y) / np.maximum(mean_xx, _TINY)
    no_floor = var_y + mean_y**2 - through_zero**2 * mean_xx
    inside = (slope >= 0) & (floor >= 0)
    is_flat = var_y <= no_floor
    slope = np.where(inside, slope, np.where(is_flat, 0.0, through_zero))
    cost = np.where(inside, var_y - slope * cov, np.where(is_flat, var_y, no_floor))
    floor = np.where(inside, floor, np.where(is_flat, mean_y, 0.0))
    return _Lines(slope, floor, np.maximum(cost, 0) * total)
