"""Several scene scores as one: their product with exponents, or the weighted mean of their ranks.

A product asks for scenes that are high in all; a factor of ten in a score counts the same wherever it is, so scores
need no common unit, but must not be negative. Ranks take any score, and count only the order. Time O(n log n) a score.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import ObjectiveConfig
from oddloop.errors import ConfigError, TableError
from oddloop.ids import id_array
from oddloop.select.pool import Floats
from oddloop.select.scores import resolve_score, score_columns


def product_of(scores: npt.ArrayLike, exponents: npt.ArrayLike) -> Floats:
    """Multiply scores, each to its power.

    Args:
        scores: (m, n) m scores of n rows, 0 or more; NaN where there is none.
        exponents: (m,) above 0.

    Returns:
        (n,) geometric mean, weighted by the exponents, so in the scale of the scores; NaN where a score is. No rows, no
        numbers.

    Raises:
        TableError: a score is negative, or shapes differ.

    >>> product_of([[1.0, 4.0], [9.0, 4.0]], [1.0, 1.0]).tolist()
    [3.0, 4.0]
    """
    values, powers = _checked(scores, exponents)
    if (values < 0).any():
        raise TableError("a product takes scores of 0 or more; combine by ranks where a score may be negative")
    share = powers / powers.sum()
    product: Floats = np.prod(values ** share[:, None], axis=0)
    return product


def mean_of_ranks(scores: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """Average the ranks that rows have by each score.

    Args:
        scores: (m, n) m scores of n rows; NaN where there is none.
        weights: (m,) above 0.

    Returns:
        (n,) weighted mean of mid-ranks in (0, 1), equal scores sharing theirs; NaN where a score is. A rank is among
        the rows that have that score.

    Raises:
        TableError: shapes differ.

    >>> mean_of_ranks([[1.0, 2.0], [7.0, 5.0]], [3.0, 1.0]).tolist()
    [0.375, 0.625]
    """
    values, shares = _checked(scores, weights)
    ranks = np.stack([_mid_ranks(row) for row in values]) if len(values) else values
    mean: Floats = (shares / shares.sum()) @ ranks
    return mean


COMBINE = {"product": product_of, "ranks": mean_of_ranks}


def with_objectives(
    scene_scores: pa.Table | None, objectives: Sequence[ObjectiveConfig], combine: str, policy: str
) -> tuple[pa.Table | None, str, pa.Array]:
    """Scene scores with the combined one as a further column, its name, and the scenes that a limit keeps out.

    Returns:
        the table as it is, "" and no scene where there are no objectives. The combined score is valid where all are.

    Raises:
        ConfigError: an objective is no scene score; a product meets a negative score.
    """
    if not objectives:
        return scene_scores, "", id_array([])
    names = [resolve_score(policy, one.score, (), score_columns(scene_scores)) for one in objectives]
    assert scene_scores is not None  # noqa: S101 - else no name would be known
    values = np.stack([_valid_values(scene_scores, name) for name in names])
    try:
        combined = COMBINE[combine](values, [one.weight for one in objectives])
    except TableError as error:
        low = names[int(np.nanargmin(np.nanmin(values, axis=1)))]
        raise ConfigError(f'[[select.objectives]] {low}: {error}; set [select] combine = "ranks"') from error
    name = _formula(names, [one.weight for one in objectives], combine)
    table = scene_scores.append_column(name, pa.array(combined, from_pandas=True))
    table = table.append_column(f"{name}_valid", pa.array(np.isfinite(combined)))
    return table, name, _below(scene_scores, values, objectives)


def _below(scene_scores: pa.Table, values: Floats, objectives: Sequence[ObjectiveConfig]) -> pa.Array:
    limits = np.array([-np.inf if one.at_least is None else one.at_least for one in objectives])
    limited = np.array([one.at_least is not None for one in objectives])
    with np.errstate(invalid="ignore"):
        low = ~(values >= limits[:, None]) & limited[:, None]
    return id_array(scene_scores["scene_id"]).filter(pa.array(low.any(axis=0)))


def _valid_values(scene_scores: pa.Table, name: str) -> Floats:
    valid = pc.fill_null(scene_scores[f"{name}_valid"], False)
    values = pc.if_else(valid, scene_scores[name].cast(pa.float64()), None).to_numpy()
    return np.where(np.isfinite(values), values, np.nan)


def _formula(names: Sequence[str], weights: Sequence[float], combine: str) -> str:
    """How the score is made, which is its name."""
    sign = "^" if combine == "product" else " x "
    parts = [name if weight == 1.0 else f"{name}{sign}{weight:g}" for name, weight in zip(names, weights, strict=True)]
    return f"{combine} of {', '.join(parts)}"


def _mid_ranks(values: Floats) -> Floats:
    known = np.isfinite(values)
    _, place, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    ranks = np.full(len(values), np.nan)
    ranks[known] = (np.cumsum(counts) - counts / 2)[place] / max(int(known.sum()), 1)
    return ranks


def _checked(scores: npt.ArrayLike, weights: npt.ArrayLike) -> tuple[Floats, Floats]:
    values, shares = np.asarray(scores, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if values.ndim != 2 or shares.shape != values.shape[:1] or not (np.isfinite(shares) & (shares > 0)).all():
        raise TableError(
            f"scores must be one row per score and weights one finite number above 0 for each; got shapes "
            f"{values.shape} and {shares.shape}"
        )
    return np.where(np.isfinite(values), values, np.nan), shares
