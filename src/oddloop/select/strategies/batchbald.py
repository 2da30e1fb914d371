"""BatchBALD: rows whose labels, all together, tell most about which member of an ensemble is right.

Kirsch et al. 2019. With y the labels of a batch and m the member,

    I(y; m) = H(y) - mean over m of H(y | m),

the joint entropy less what is chance even to a member. The joint distribution of the labels of the picks, and so the
entropy with one more row, is exact up to `most_exact` combinations of classes; beyond, that many combinations drawn
from the ensemble stand for all, each a member drawn at random and labels drawn from it, and the entropy is their mean
(importance sampling, as in the paper; its error sinks with the square root of their number). Time O(n M C
combinations) per pick, memory a block of that; for small pools.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.errors import ConfigError
from oddloop.select.budget import check_budget
from oddloop.select.frame import blocks
from oddloop.select.pool import Floats, Picks
from oddloop.select.strategies.committee import member_probabilities
from oddloop.select.strategies.facility import closed_rows
from oddloop.select.strategies.inputs import costs_of
from oddloop.select.strategies.logdet import first_best


def batchbald(
    probabilities: npt.ArrayLike,
    budget: float,
    *,
    rng: np.random.Generator,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike = (),
    most_exact: int = 4096,
    per_cost: bool = False,
) -> Picks:
    """Pick rows whose labels together tell most.

    Args:
        probabilities: (n, M, C) of C classes by M members, float, each at least 0 and of sum 1; rounding is divided
            out.
        budget: in the unit of the costs.
        rng: source of the combinations drawn; not used while all can be counted.
        costs: (n,) cost of each row; ones by default.
        preselected: rows that are picked already, such as those that wait for labels.
        most_exact: above 0; up to this many combinations of classes are counted, and that many are drawn beyond.
        per_cost: whether to pick by gain per cost instead of gain; a row without cost then goes before all others.

    Returns:
        picks with the information that each added, in nats, ties (but for rounding) by smallest row. Ends early when no
        row left adds anything. Rows that do not fit are skipped. No rows, no picks.

    Raises:
        TableError, ConfigError: shapes differ, no probabilities, or a number is not usable.

    >>> agree, split = [[0.9, 0.1], [0.9, 0.1]], [[0.9, 0.1], [0.1, 0.9]]
    >>> batchbald([agree, split], 1, rng=np.random.default_rng(0)).rows.tolist()
    [1]
    """
    given = member_probabilities(probabilities)
    if most_exact < 1:
        raise ConfigError(f"most_exact must be 1 or more; got {most_exact}")
    prices, limit = costs_of(costs, len(given)), check_budget(budget)
    closed = closed_rows(preselected, len(given))
    joint = Joint(given, most_exact, rng)
    for pending in np.flatnonzero(closed):
        joint.add(int(pending))
    rows: list[int] = []
    gains: list[float] = []
    spent = 0.0
    while (fits := ~closed & (spent + prices <= limit)).any():
        gain = joint.gains(fits)
        if not gain[fits].max() > _LEAST:
            break
        worth = np.divide(gain, prices, out=np.full_like(gain, np.inf), where=prices > 0) if per_cost else gain
        row = first_best(np.where(gain > _LEAST, worth, -1.0), fits)
        rows.append(row)
        gains.append(float(gain[row]))
        spent += float(prices[row])
        closed[row] = True
        joint.add(row)
    return Picks(np.array(rows, dtype=np.int64), np.array(gains, dtype=np.float64))


_LEAST = 1e-12
"""Nats below which a gain is rounding only."""


class Joint:
    """Combinations of labels of the picks: how likely each is to each member, and how much each counts.

    Exact: all combinations, which count by how likely they are. Drawn: some combinations, all of which count alike.
    """

    def __init__(self, probabilities: npt.NDArray[np.floating], most: int, rng: np.random.Generator) -> None:
        """Begin with no pick, so one empty combination."""
        self._p, self._most, self._rng = probabilities, most, rng
        n_members = probabilities.shape[1]
        self._likely = np.ones((n_members, 1))
        self._picked: list[int] = []
        self._members: npt.NDArray[np.int64] | None = None
        self._chance = np.zeros(len(probabilities))
        for part in blocks(len(probabilities), n_members * probabilities.shape[2] or 1):
            self._chance[part] = _entropy(self._rows(part)).mean(axis=1)
        self._known = 0.0
        self._log_scale = np.zeros(1)

    def gains(self, among: npt.NDArray[np.bool_]) -> Floats:
        """(n,) information that each of some rows would add; 0 for the others, and never less."""
        result = np.zeros(len(self._p))
        rows = np.flatnonzero(among)
        n_classes = self._p.shape[2]
        for part in blocks(len(rows), self._likely.shape[1] * n_classes):
            some = rows[part]
            result[some] = self._entropy_with(self._rows(some)) - self._known - self._chance[some]
        return np.maximum(result, 0.0)

    def add(self, row: int) -> None:
        """Put a row into the batch."""
        p = self._rows(np.array([row]))[0]
        self._known = float(self._entropy_with(p[None])[0])
        self._picked.append(row)
        if self._members is None and self._likely.shape[1] * p.shape[1] <= self._most:
            self._likely = (self._likely[:, :, None] * p[:, None, :]).reshape(len(p), -1)
        elif self._members is None:
            self.draw()
        else:
            self._narrow(p)

    def draw(self) -> None:
        """Draw combinations of the labels of all picks."""
        n_members = self._p.shape[1]
        self._members = self._rng.integers(n_members, size=self._most)
        self._likely, self._log_scale = np.ones((n_members, self._most)), np.zeros(self._most)
        for row in self._picked:
            self._narrow(self._rows(np.array([row]))[0])
        self._known = float(-(np.log(self._likely.mean(axis=0)) + self._log_scale).mean())

    def _narrow(self, p: Floats) -> None:
        """Draw a label of one more row for each combination; scaled, since products of many would be 0."""
        self._likely *= p[:, self._labels(p)]
        top = self._likely.max(axis=0)
        self._likely /= top
        self._log_scale += np.log(top)

    def _labels(self, p: Floats) -> npt.NDArray[np.int64]:
        """(combinations,) a label of one row for each, drawn from the member that the combination is drawn from."""
        running = np.cumsum(p, axis=1)[self._members]
        drawn = self._rng.random((len(running), 1)) * running[:, -1:]
        return np.asarray((running <= drawn).sum(axis=1), dtype=np.int64)

    def _entropy_with(self, p: Floats) -> Floats:
        """(b,) joint entropy of the picks and each of b rows of (M, C)."""
        n_members = self._likely.shape[0]
        both = np.einsum("mk,bmc->bkc", self._likely, p, optimize=True) / n_members
        if self._members is None:
            return _entropy(both.reshape(len(p), -1))
        before = self._likely.mean(axis=0)
        surprise = np.log(np.where(both > 0, both, 1.0)) + self._log_scale[None, :, None]
        terms = both / before[None, :, None] * surprise
        return np.asarray(-terms.sum(axis=2).mean(axis=1))

    def _rows(self, rows: npt.NDArray[np.int64] | slice) -> Floats:
        p = self._p[rows].astype(np.float64)
        return np.asarray(p / p.sum(axis=2, keepdims=True))


def _entropy(p: Floats) -> Floats:
    """Entropy over the last axis, in nats."""
    return np.asarray(-np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0)), 0.0).sum(axis=-1))
