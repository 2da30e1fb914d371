"""Committee disagreement: rows on which the members of an ensemble disagree most.

With p_m the probabilities of member m and p their mean over the M members, in nats:

- `vote_entropy`: entropy of the shares of votes, each member voting for its likeliest class (Dagan & Engelson 1995);
- `mean_kl`: mean over m of KL(p_m || p) (McCallum & Nigam 1998), which is the mutual information, BALD;
- `max_kl`: largest KL(p_m || p), for one dissenter among many.

All are 0 where all members agree; the first two are at most ln(min(M, C)) for C classes, the last at most ln M. Time
O(n M C), memory O(n) and a block of rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from oddloop.errors import ConfigError, TableError
from oddloop.select.budget import walk
from oddloop.select.frame import blocks
from oddloop.select.pool import Floats, Picks
from oddloop.select.strategies.facility import closed_rows
from oddloop.select.strategies.inputs import costs_of

Disagreement = Literal["vote_entropy", "mean_kl", "max_kl"]


def _vote_entropy(probabilities: Floats) -> Floats:
    n, n_members, n_classes = probabilities.shape
    votes = np.zeros((n, n_classes))
    np.add.at(votes, (np.repeat(np.arange(n), n_members), probabilities.argmax(axis=2).ravel()), 1.0 / n_members)
    return np.asarray(-_x_log_x(votes).sum(axis=1))


def _divergences(probabilities: Floats) -> Floats:
    """(n, M) KL(p_m || p); where p is 0, so is every p_m."""
    mean = probabilities.mean(axis=1, keepdims=True)
    cross = np.where(probabilities > 0, probabilities * np.log(np.where(mean > 0, mean, 1.0)), 0.0)
    return np.asarray(np.maximum((_x_log_x(probabilities) - cross).sum(axis=2), 0.0))


def _x_log_x(values: Floats) -> Floats:
    return np.where(values > 0, values * np.log(np.where(values > 0, values, 1.0)), 0.0)


DISAGREEMENTS: dict[Disagreement, Callable[[Floats], Floats]] = {
    "vote_entropy": _vote_entropy,
    "mean_kl": lambda probabilities: _divergences(probabilities).mean(axis=1),
    "max_kl": lambda probabilities: _divergences(probabilities).max(axis=1),
}


def committee(
    probabilities: npt.ArrayLike,
    budget: float,
    *,
    measure: Disagreement = "mean_kl",
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike = (),
) -> Picks:
    """Pick the rows on which members disagree most.

    Args:
        probabilities: (n, M, C) of C classes by M members, float, each at least 0 and of sum 1; rounding is divided
            out.
        budget: in the unit of the costs.
        measure: `vote_entropy`, `mean_kl` or `max_kl`; a vote's tie goes to the lower class.
        costs: (n,) cost of each row; ones by default.
        preselected: rows that are labelled already and not picked.

    Returns:
        picks by falling disagreement, ties by smallest row; a pick's gain is its disagreement in nats. Rows that do not
        fit are skipped. No rows, no picks.

    Raises:
        TableError, ConfigError: shapes differ, no probabilities, or a number is not usable.

    >>> agree, split = [[0.9, 0.1], [0.9, 0.1]], [[0.9, 0.1], [0.1, 0.9]]
    >>> committee([agree, split], 1, measure="vote_entropy").rows.tolist()
    [1]
    """
    if measure not in DISAGREEMENTS:
        raise ConfigError(f"measure = {measure!r} is not known; known: {', '.join(DISAGREEMENTS)}")
    given = member_probabilities(probabilities)
    score = np.empty(len(given))
    for part in blocks(len(given), 4 * given.shape[1] * given.shape[2]):  # with what is made on the way
        these = given[part].astype(np.float64)
        score[part] = DISAGREEMENTS[measure](these / these.sum(axis=2, keepdims=True))
    order = np.argsort(-score, kind="stable")
    closed = closed_rows(preselected, len(given))
    rows = walk(order[~closed[order]], costs_of(costs, len(given)), budget)
    return Picks(rows, score[rows])


def member_probabilities(probabilities: npt.ArrayLike) -> npt.NDArray[np.floating]:
    """(n, M, C) probabilities of M members.

    Raises:
        TableError: not three-dimensional, without members or classes, or not probabilities.
    """
    given = np.asarray(probabilities)
    given = given if given.dtype.kind == "f" else given.astype(np.float64)
    if given.ndim != 3 or (len(given) and not given.shape[1] * given.shape[2]):
        raise TableError(f"probabilities must be rows x members x classes; got shape {given.shape}")
    for part in blocks(len(given), given.shape[1] * given.shape[2] or 1):
        total = given[part].sum(axis=2, dtype=np.float64)
        good = (np.abs(total - 1.0) <= 1e-2).all(axis=1) & (given[part] >= 0).all(axis=(1, 2))
        if not good.all():
            row = part.start + int(np.argmin(good))
            raise TableError(f"probabilities must be 0 or more and sum to 1 over classes; row {row} does not")
    return given
