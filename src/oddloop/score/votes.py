"""The measures of `disagreement` on one block of members, which `ensembles` runs over all of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from oddloop.score.arrays import FloatArray
from oddloop.score.blocks import minus_p_log_q


def _vote_shares(cube: FloatArray) -> FloatArray:
    """(K,B) shares of the votes, NaN where the row is."""
    votes = (cube == cube.max(axis=1)[:, None]).astype(np.float64)
    votes /= np.maximum(votes.sum(axis=1), 1.0)[:, None]
    shares: FloatArray = votes.sum(axis=0) / len(cube)
    shares += 0.0 * cube[0]
    return shares


def _variation_ratio(cube: FloatArray) -> FloatArray:
    # Shares of an odd number of members may add up to a little more than 1.
    result: FloatArray = np.maximum(1.0 - _vote_shares(cube).max(axis=0), 0.0)
    return result


def _vote_entropy(cube: FloatArray) -> FloatArray:
    shares = _vote_shares(cube)
    return np.clip(minus_p_log_q(shares, shares), 0.0, math.log(len(shares)))


def _consensus(cube: FloatArray) -> FloatArray:
    crossed = minus_p_log_q(cube, cube.mean(axis=0)[None])
    divergence = crossed - minus_p_log_q(cube, cube)
    result: FloatArray = np.clip(divergence.max(axis=0), 0.0, math.log(len(cube)))
    return result


DISAGREEMENTS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "variation_ratio": _variation_ratio,
    "vote_entropy": _vote_entropy,
    "consensus": _consensus,
}
"""Measures by name, each of a (M,K,B) block of distributions, NaN throughout a row that has a bad member."""
