"""What the segments of one model say together about the exponent a: a prior that each of them is fitted with.

One segment's curve often cannot tell a slow fall to zero from a fast fall to a floor. The exponents of segments that
the same model learns are alike, though not equal: ln a is taken to be normal with mean m and spread s, both learnt from
the profile likelihoods of all segments on a grid (empirical Bayes), m itself pulled to ln 0.5 with spread 0.7 and s to
small values. The likelihoods are raised to the power 0.3, since the points of one seed, and segments that share scenes,
do not err independently. A single segment so gets nearly the broad prior.
"""

from __future__ import annotations

import numpy as np

from oddloop.coverage.arrays import FloatArray

_CENTRE, _SPREAD = np.log(0.5), 0.7
_CENTRES = np.linspace(np.log(0.1), np.log(1.5), 55)
_SPREADS = np.array([0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7])
_TEMPER, _SPREAD_SCALE = 0.3, 0.5


def pool_exponents(costs: FloatArray, exponents: FloatArray) -> tuple[float, float]:
    """Centre and spread of ln a.

    Args:
        costs: (S,A) sum of squared residuals over noise variance of each segment at each exponent.
        exponents: (A,) the grid.

    Returns:
        the centre, and the spread with the doubt about the centre in it.

    >>> exponents = np.geomspace(0.05, 3, 48)
    >>> steep = 40 * np.log(exponents / 0.9) ** 2
    >>> centre, spread = pool_exponents(np.tile(steep, (30, 1)), exponents)
    >>> round(float(np.exp(centre)), 1), spread < 0.4
    (0.9, True)
    """
    likelihood = np.exp(-0.5 * _TEMPER * (costs - costs.min(axis=1, keepdims=True)))
    centre, spread = (grid.ravel() for grid in np.meshgrid(_CENTRES, _SPREADS))
    prior = np.exp(-0.5 * ((np.log(exponents)[:, None] - centre) / spread) ** 2)
    evidence = np.log(np.maximum(likelihood @ (prior / prior.sum(axis=0)), 1e-300)).sum(axis=0)
    evidence -= 0.5 * ((centre - _CENTRE) / _SPREAD) ** 2 + 0.5 * (spread / _SPREAD_SCALE) ** 2
    weight = np.exp(evidence - evidence.max())
    weight /= weight.sum()
    mean = float(weight @ centre)
    return mean, float(np.sqrt(weight @ (spread**2 + (centre - mean) ** 2)))
