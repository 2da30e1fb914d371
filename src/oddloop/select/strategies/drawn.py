"""Scores with chance: high scores are likely, but not sure, to be picked, so that a batch is less alike.

Kirsch et al. 2023: adding Gumbel noise and sorting draws rows one after the other without replacement, with chance in
proportion to score^coldness (power), exp(coldness x score) (softmax, also called Gibbs) or rank^-coldness (rank, the
highest score being rank 1). Coldness 0 is random, infinity the highest scores. Time O(n log n), memory O(n).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from oddloop.errors import ConfigError, TableError
from oddloop.select.budget import walk
from oddloop.select.pool import Floats, Picks
from oddloop.select.strategies.facility import closed_rows
from oddloop.select.strategies.inputs import costs_of

Chance = Literal["power", "softmax", "rank"]


def _log_of_power(score: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.log(np.maximum(score, 0.0))


def _minus_log_rank(score: Floats) -> Floats:
    # Equal scores share the best rank among them, so that the order of rows does not matter.
    ranked = np.sort(-score)
    return -np.log1p(np.searchsorted(ranked, -score, side="left").astype(np.float64))


LOG_CHANCE: dict[Chance, Callable[[Floats], Floats]] = {
    "power": _log_of_power,
    "softmax": lambda score: score,
    "rank": _minus_log_rank,
}


def draw_by_score(
    score: npt.ArrayLike,
    budget: float,
    *,
    rng: np.random.Generator,
    chance: Chance = "power",
    coldness: float = 1.0,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike = (),
) -> Picks:
    """Draw rows with chance by their score.

    Args:
        score: (n,) finite, larger = more worth labelling. With `power`, rows of 0 or less come after all others.
        budget: in the unit of the costs.
        rng: source of one number per row.
        chance: `power`, `softmax` or `rank`.
        coldness: 0 or more; how surely high scores are drawn. With `softmax` it is in 1 / unit of the score.
        costs: (n,) cost of each row; ones by default.
        preselected: rows that are labelled already and not drawn.

    Returns:
        picks in the order drawn; a pick's gain is its score. Rows that do not fit are skipped. No rows, no picks.

    Raises:
        TableError, ConfigError: shapes differ, a score is not finite, or a setting is not usable.

    >>> draw_by_score([0.0, 5.0, 0.0], 1, rng=np.random.default_rng(0)).rows.tolist()
    [1]
    """
    scores = finite_of(score, "score")
    if chance not in LOG_CHANCE:
        raise ConfigError(f"chance = {chance!r} is not known; known: {', '.join(LOG_CHANCE)}")
    if not coldness >= 0:
        raise ConfigError(f"coldness must be 0 or more; got {coldness}")
    prices, closed = costs_of(costs, len(scores)), closed_rows(preselected, len(scores))
    noise = rng.gumbel(size=len(scores))
    order = np.lexsort([-noise, -_perturbed(LOG_CHANCE[chance](scores), coldness, noise)])
    rows = walk(order[~closed[order]], prices, budget)
    return Picks(rows, scores[rows])


def _perturbed(log_chance: Floats, coldness: float, noise: Floats) -> Floats:
    if not coldness:
        return noise
    # Noise divided instead of chance multiplied, so that an infinite coldness leaves the chance alone.
    return log_chance + noise / coldness


def finite_of(values: npt.ArrayLike, name: str) -> Floats:
    """(n,) float64.

    Raises:
        TableError: not one-dimensional, or not finite.
    """
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 1:
        raise TableError(f"{name} must be one number per row; got shape {given.shape}")
    bad = np.flatnonzero(~np.isfinite(given))
    if len(bad):
        raise TableError(f"{name} must be finite; row {bad[0]} has {given[bad[0]]:g}")
    return given
