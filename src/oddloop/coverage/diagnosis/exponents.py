"""What the segments of one model say together about the exponent a: a prior that each of them is fitted with.

One segment's curve often cannot tell a slow fall to zero from a fast fall to a floor. The exponents of segments that
the same model learns are alike, though not equal: ln a is taken to be normal with mean m and spread 0.12, about as much
as among segments of one kind in the verdict benchmark (0.08 to 0.2). m is learnt from the profile likelihoods of all
segments on a grid (empirical Bayes), pulled to ln 0.5 with spread 0.7. The likelihoods are raised to the power 0.3,
since the points of one seed, and segments that share scenes, do not err independently. So a single segment gets nearly
the broad prior.
"""

from __future__ import annotations

import numpy as np

from oddloop.coverage.arrays import FloatArray

_CENTRE, _SPREAD = np.log(0.5), 0.7
_CENTRES = np.linspace(np.log(0.1), np.log(1.5), 55)
_WITHIN, _TEMPER = 0.12, 0.3


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
    prior = np.exp(-0.5 * ((np.log(exponents)[:, None] - _CENTRES) / _WITHIN) ** 2)
    evidence = np.log(np.maximum(likelihood @ (prior / prior.sum(axis=0)), 1e-300)).sum(axis=0)
    evidence -= 0.5 * ((_CENTRES - _CENTRE) / _SPREAD) ** 2
    weight = np.exp(evidence - evidence.max())
    weight /= weight.sum()
    mean = float(weight @ _CENTRES)
    return mean, float(np.sqrt(_WITHIN**2 + weight @ (_CENTRES - mean) ** 2))
