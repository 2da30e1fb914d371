"""Split a budget over segments by their learning curves: where the next scene lowers the weighted error most.

    minimise   sum v_i (L_i + k max(0, L_i / A_i - 1)),    L_i = c_i + b_i (s_i + d_i)^-a_i,    sum C_i d_i = B

s are scenes that a segment has, d those it gets, C the cost of one, v its weight (risk), A the level that it is held
against: by default the mean error of the other segments now, so that k > 0 (`balance`) favours those that lag behind.
Every d_i lies between an equal share of the exploration budget and the scenes that exist (`caps`).

The problem is convex and separable: for a price p per unit of cost, each segment's best size has the closed form
n(m) = (v a b m / (C p))^(1/(1+a)) with m = 1 + k/A before the error has fallen to A, m = 1 behind it, and the kink
n0 = (b / (A - c))^(1/a) in between: n = max(min(n(1 + k/A), n0), n(1)). The spending falls with the price, which is
found by bisection on its logarithm. Time grows with segments x about 60 steps: 100,000 segments take a second or two.

The segments must not overlap, or a scene is counted twice: give those of one set of attributes.

References:
    Tae and Whang, Slice Tuner, SIGMOD 2021 (its curves have no floor; its solver is a general one).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.coverage.arrays import FloatArray
from oddloop.coverage.diagnosis.fit import Curves

_STEPS = 200


@dataclass(frozen=True)
class AllocationRules:
    """What a budget is split by.

    Attributes:
        balance: k above: how much segments that lag behind the others are favoured; 0 looks at the sum only.
        exploration: share of the budget that is split evenly before, in [0, 1]: curves can be wrong.
    """

    balance: float = 1.0
    exploration: float = 0.1

    def __post_init__(self) -> None:
        if not (0 <= self.exploration <= 1 and self.balance >= 0):
            raise ValueError(
                f"exploration = {self.exploration:g} must lie in [0, 1] and balance = {self.balance:g} be 0 or more"
            )


def allocate(
    curves: Curves,
    n_scenes: npt.ArrayLike,
    budget: float,
    *,
    costs: npt.ArrayLike = 1.0,
    weights: npt.ArrayLike = 1.0,
    caps: npt.ArrayLike = np.inf,
    levels: npt.ArrayLike | None = None,
    rules: AllocationRules | None = None,
) -> FloatArray:
    """Scenes to add to each segment, as real numbers; see `round_scenes` for whole ones.

    Args:
        curves: (S,) one curve per segment.
        n_scenes: (S,) labelled scenes, above 0.
        budget: what may be spent, in the unit of the costs, 0 or more.
        costs: (S,) cost of a scene, above 0.
        weights: (S,) what an error in the segment counts, 0 or more.
        caps: (S,) scenes that can be had at most, 0 or more.
        levels: (S,) A above; None for the mean error of the other segments now.
        rules: balance and exploration.

    Returns:
        (S,) scenes, which cost the budget in all, or less where the caps allow no more.

    Raises:
        ValueError: an argument is not finite or outside its range.

    >>> alike = Curves(np.array([0.5, 0.5]), np.array([1.0, 1.0]), np.zeros(2))
    >>> allocate(alike, [10, 30], 60.0, rules=AllocationRules(exploration=0)).round(6).tolist()
    [40.0, 20.0]
    """
    task = _Task.build(curves, n_scenes, budget, costs, weights, caps, levels, rules or AllocationRules())
    if not len(task.n):
        return np.zeros(0)
    lowest, highest = task.lowest, task.caps
    if (task.costs @ highest) <= budget:
        return highest
    if (spent := float(task.costs @ lowest)) >= budget:
        return np.asarray(lowest * (budget / max(spent, 1e-300)), np.float64)
    return task.at_price(_find_price(task, budget))


def round_scenes(scenes: FloatArray, costs: npt.ArrayLike, budget: float) -> npt.NDArray[np.int64]:
    """Whole scenes that stay within the budget: rounded down, then one more each by falling remainder, while it lasts.

    Args:
        scenes: (S,) as `allocate` gives them, so that they cost the budget at most.
        costs: (S,) cost of a scene.
        budget: what may be spent.

    Returns:
        (S,) whole numbers that differ from `scenes` by less than one.

    >>> round_scenes(np.array([1.6, 2.7, 0.2]), 1.0, 4.5).tolist()
    [1, 3, 0]
    """
    whole = np.floor(scenes + 1e-9)
    price = np.broadcast_to(np.asarray(costs, np.float64), scenes.shape)
    left = budget - float(price @ whole)
    rest = scenes - whole
    order = np.argsort(-rest, kind="stable")
    order = order[rest[order] > 1e-9]
    fits = np.cumsum(price[order]) <= left + 1e-9
    whole[order[fits]] += 1
    return whole.astype(np.int64)


@dataclass(frozen=True, eq=False)
class _Task:
    """The problem in arrays of one length; `base` is ln(v a b / C), `steep` is ln(1 + k/A), `kink` is n0."""

    n: FloatArray
    slowness: FloatArray
    base: FloatArray
    steep: FloatArray
    kink: FloatArray
    costs: FloatArray
    lowest: FloatArray
    caps: FloatArray

    @classmethod
    def build(
        cls,
        curves: Curves,
        n_scenes: npt.ArrayLike,
        budget: float,
        costs: npt.ArrayLike,
        weights: npt.ArrayLike,
        caps: npt.ArrayLike,
        levels: npt.ArrayLike | None,
        rules: AllocationRules,
    ) -> _Task:
        a, b, c = (np.asarray(v, np.float64) for v in (curves.a, curves.b, curves.c))
        n, price, weight, cap = (
            np.broadcast_to(np.asarray(v, np.float64), a.shape) for v in (n_scenes, costs, weights, caps)
        )
        _refuse_bad(a, b, c, n, price, weight, cap, budget)
        level = _mean_of_others(curves.error_at(n)) if levels is None else np.broadcast_to(levels, a.shape)
        with np.errstate(divide="ignore", over="ignore"):
            base = np.log(weight * a * b / price)
            steep = np.log1p(rules.balance / np.where(level > 0, level, np.inf))
            kink = np.where(level > c, (b / np.where(level > c, level - c, 1.0)) ** (1 / a), np.inf)
        lowest = np.minimum(rules.exploration * budget / (len(a) * price), cap) if len(a) else cap
        return cls(n, 1 / (1 + a), base, steep, kink, price, lowest, cap)

    def at_price(self, log_price: float) -> FloatArray:
        """(S,) scenes to add where a unit of cost must lower the objective by the price."""
        behind = np.exp(np.minimum((self.base - log_price) * self.slowness, 700))
        before = np.exp(np.minimum((self.base + self.steep - log_price) * self.slowness, 700))
        size = np.maximum(np.minimum(before, self.kink), behind)
        return np.clip(size - self.n, self.lowest, self.caps)


def _find_price(task: _Task, budget: float) -> float:
    """Logarithm of the price at which just the budget is spent."""
    # At `high` nobody buys more than the least; at `low` everybody would spend more than all of the budget.
    live = np.isfinite(task.base)
    high = float(np.max((task.base + task.steep - np.log(task.n) / task.slowness)[live], initial=0.0)) + 1
    low = high - 1
    while task.costs @ task.at_price(low) < budget and low > high - 5000:
        low -= 2 * (high - low)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if task.costs @ task.at_price(middle) >= budget else (low, middle)
    return high


def _mean_of_others(error: FloatArray) -> FloatArray:
    """(S,) mean error of the other segments; of a single segment its own."""
    n = len(error)
    return np.asarray((error.sum() - error) / (n - 1) if n > 1 else error, np.float64)


def _refuse_bad(
    a: FloatArray,
    b: FloatArray,
    c: FloatArray,
    n: FloatArray,
    costs: FloatArray,
    weights: FloatArray,
    caps: FloatArray,
    budget: float,
) -> None:
    bad = {
        "curves": ~(np.isfinite(a) & np.isfinite(b) & np.isfinite(c) & (a > 0) & (b >= 0) & (c >= 0)),
        "n_scenes": ~(np.isfinite(n) & (n > 0)),
        "costs": ~(np.isfinite(costs) & (costs > 0)),
        "weights": ~(np.isfinite(weights) & (weights >= 0)),
        "caps": ~(caps >= 0),
        "budget": np.array([not (np.isfinite(budget) and budget >= 0)]),
    }
    for name, wrong in bad.items():
        if wrong.any():
            raise ValueError(
                f"{name}: the value of segment {int(np.argmax(wrong))} is not finite or outside its range; leave out "
                "segments without a curve, and see the ranges in the docstring of `allocate`"
            )
