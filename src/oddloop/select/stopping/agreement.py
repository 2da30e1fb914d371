"""Rules that ask whether a new model still changes its mind: kappa of classes, and rank agreement of scene scores.

    kappa = (p_o - p_e) / (1 - p_e),    p_o = share of equal classes,  p_e = sum over classes of share x share

Rank agreement is Spearman's: the correlation of ranks, ties at their mean rank. Both lie in [-1, 1]; 1 is full
agreement, 0 what chance gives. Time O(n + classes) and O(n log n), memory O(n + classes^2) and O(n).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.select.stopping.answer import Answer


def cohen_kappa(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Agreement of two labellings beyond what chance gives.

    Args:
        first: (n,) integer classes, any numbers.
        second: (n,) classes of the same things.

    Returns:
        kappa in [-1, 1]; NaN where there is nothing, or where both say one and the same class throughout, so that
        chance alone would agree.

    Raises:
        ValueError: they are not of one length, or not one-dimensional.

    References:
        Cohen, A coefficient of agreement for nominal scales, 1960; Bloodgood and Vijay-Shanker, A method for stopping
        active learning based on stabilizing predictions, 2009.

    >>> round(cohen_kappa([0, 0, 1, 1], [0, 0, 1, 0]), 3)  # p_o = .75, p_e = .5 x .75 + .5 x .25 = .5
    0.5
    """
    one, two = np.asarray(first), np.asarray(second)
    _refuse_unlike(one, two)
    if not len(one):
        return float("nan")
    _, codes = np.unique(np.concatenate([one, two]), return_inverse=True)
    n = len(one)
    n_classes = int(codes.max()) + 1
    shares = [np.bincount(part, minlength=n_classes) / n for part in (codes[:n], codes[n:])]
    by_chance = float(shares[0] @ shares[1])
    if n_classes == 1:
        return float("nan")
    return float((np.mean(codes[:n] == codes[n:]) - by_chance) / (1 - by_chance))


def rank_agreement(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Spearman's rank correlation of two scores of the same things; ties get their mean rank.

    Args:
        first: (n,) scores; things where either is NaN are left out, infinite ones rank last.
        second: (n,) scores of the same things.

    Returns:
        a value in [-1, 1]; NaN with fewer than two things, or where one score is the same for all.

    Raises:
        ValueError: they are not of one length, or not one-dimensional.

    References:
        Spearman, The proof and measurement of association between two things, 1904.

    >>> rank_agreement([0.1, 0.2, 0.9], [1.0, 5.0, 7.0]), rank_agreement([1, 2, 3], [9, 8, 7])
    (1.0, -1.0)
    """
    from scipy.stats import rankdata  # here: slow to load

    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    _refuse_unlike(one, two)
    known = ~(np.isnan(one) | np.isnan(two))
    if known.sum() < 2:
        return float("nan")
    ranks = [rankdata(values[known]) for values in (one, two)]
    centred = [rank - rank.mean() for rank in ranks]
    scale = float(np.sqrt((centred[0] @ centred[0]) * (centred[1] @ centred[1])))
    return float(np.clip(centred[0] @ centred[1] / scale, -1, 1)) if scale > 0 else float("nan")


def stop_at_agreement(rule: str, value: float, n: int, limit: float, what: str) -> Answer:
    """Ask whether two rounds' models agree enough.

    Args:
        rule: `kappa` or `rank_agreement`.
        value: their agreement in [-1, 1]; NaN: not known.
        n: things that both judged.
        limit: agreement to reach.
        what: what was compared, such as `classes of m001 and m002 on frames without labels`.

    Returns:
        stop where value >= limit; no answer where the agreement is not known.

    >>> stop_at_agreement("kappa", 0.994, 812, 0.99, "classes of m001 and m002 on unlabelled frames").sentence
    'kappa 0.994 of classes of m001 and m002 on unlabelled frames (812), where 0.99 is enough'
    """
    name = rule.replace("_", " ")
    if not np.isfinite(value):
        return Answer(rule, None, f"{name} of {what} cannot be told from {n:,}")
    return Answer(rule, bool(value >= limit), f"{name} {value:.3f} of {what} ({n:,}), where {limit:g} is enough")


def _refuse_unlike(one: npt.NDArray[np.generic], two: npt.NDArray[np.generic]) -> None:
    if one.ndim != 1 or one.shape != two.shape:
        raise ValueError(
            f"two answers per thing are compared, so give two (n,) arrays; got {one.shape} and {two.shape}"
        )
