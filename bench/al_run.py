"""Learning curves of strategies at equal cost, and what they say: `run`, `area`, `compare`.

Each seed draws a pool with its split and start; every strategy begins with the same labels and gets the same budget at
the same costs, so strategies are compared pair by pair. numpy, scipy and scikit-learn only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from joblib import Parallel, delayed
from scipy import stats
from threadpoolctl import threadpool_limits

from al_models import Fitted
from al_pools import AlPool


@dataclass(frozen=True)
class Ask:
    """What a strategy sees of a pool of n units when it is asked for labels.

    Attributes:
        vectors: (n, d) float32.
        costs: (n,) float64.
        labelled: rows labelled so far, in the order of labelling.
        candidates: rows that may be picked, rising.
        budget: what the picks may cost together.
        score: (n,) float64 uncertainty of the present model, summed over a unit's frames.
        probs: (n, C) float64 class probabilities; None for a regression.
        labels: (n,) int64 class of each labelled unit, -1 for all others; None without classes.
        segments: (n,) str; None without.
        n_objects: (n,) float64; None without.
        rng: for this question only.
        peek: held-out error if these rows were labelled too; for the upper bound, which no honest strategy may look at.
    """

    vectors: np.ndarray
    costs: np.ndarray
    labelled: np.ndarray
    candidates: np.ndarray
    budget: float
    score: np.ndarray
    probs: np.ndarray | None
    labels: np.ndarray | None
    segments: np.ndarray | None
    n_objects: np.ndarray | None
    rng: np.random.Generator
    peek: Callable[[np.ndarray], float]


Strategy = Callable[[Ask], np.ndarray]


class CannotRunError(Exception):
    """A strategy needs what this pool does not have, such as class probabilities."""


@dataclass(frozen=True)
class Curve:
    """Errors of one strategy on one seed at the costs of the pool; cost[0] and error[0] are the start."""

    cost: np.ndarray
    error: np.ndarray
    spent: np.ndarray


def area(curve: Curve) -> float:
    """Mean error over the logarithm of cost, so that each doubling of the labels weighs the same.

    >>> area(Curve(np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.5, 0.5]), np.zeros(3)))
    0.625
    """
    x = np.log2(curve.cost)
    return float(np.trapezoid(curve.error, x) / (x[-1] - x[0]))


def walk(order: np.ndarray, costs: np.ndarray, budget: float) -> np.ndarray:
    """Rows in the given order that fit the budget, skipping what does not: for strategies that know no cost.

    >>> walk(np.array([2, 0, 1, 3]), np.array([5.0, 1.0, 6.0, 2.0]), 9.0).tolist()
    [2, 1, 3]
    """
    taken, left = [], budget
    for row in np.asarray(order, dtype=np.int64).tolist():
        if costs[row] <= left + 1e-9:
            taken.append(row)
            left -= costs[row]
    return np.array(taken, dtype=np.int64)


def learn(pool: AlPool, strategy: Strategy, seed: int, begin: tuple[np.ndarray, Fitted]) -> Curve:
    """Label, train and measure until the last step."""
    labelled, fitted = begin
    base = float(pool.costs[labelled].sum())
    errors, spent = [fitted.error], [base]
    for number, step in enumerate(pool.steps):
        candidates = np.setdiff1d(np.arange(len(pool)), labelled)
        known = None if pool.labels is None else np.where(np.isin(np.arange(len(pool)), labelled), pool.labels, -1)
        peek = partial(_error_with, pool, labelled, seed)
        ask = Ask(pool.vectors, pool.costs, labelled, candidates, base + step - spent[-1], fitted.score, fitted.probs,
                  known, pool.segments, pool.n_objects, np.random.default_rng([seed, number, 7]), peek)  # fmt: skip
        rows = checked(strategy(ask), ask)
        labelled = np.concatenate([labelled, rows])
        fitted = pool.fit(labelled, seed)
        errors.append(fitted.error)
        spent.append(float(pool.costs[labelled].sum()))
    return Curve(base + np.array([0.0, *pool.steps]), np.array(errors), np.array(spent))


def _error_with(pool: AlPool, labelled: np.ndarray, seed: int, rows: np.ndarray) -> float:
    return pool.fit(np.concatenate([labelled, rows]), seed).error


def checked(rows: np.ndarray, ask: Ask) -> np.ndarray:
    """The picks, if they are candidates, each once, within the budget.

    Raises:
        ValueError: they are not.
    """
    picks = np.asarray(rows, dtype=np.int64)
    if len(np.unique(picks)) != len(picks) or not np.isin(picks, ask.candidates).all():
        raise ValueError("a strategy picked a row twice, or one that is no candidate")
    cost = float(ask.costs[picks].sum())
    if cost > ask.budget + 1e-6:
        raise ValueError(f"a strategy spent {cost:g} of a budget of {ask.budget:g}")
    return picks


def run_seed(make: Callable[[int], AlPool], strategies: Mapping[str, Strategy], seed: int) -> dict[str, Curve]:
    """Curves of all strategies that can run on one seed's pool."""
    curves: dict[str, Curve] = {}
    with threadpool_limits(1):
        pool = make(seed)
        start = pool.start(np.random.default_rng([seed, 5]))
        begin = start, pool.fit(start, seed)
        for name, strategy in strategies.items():
            try:
                curves[name] = learn(pool, strategy, seed, begin)
            except CannotRunError:
                continue
    return curves


def run(make: Callable[[int], AlPool], strategies: Callable[[], Mapping[str, Strategy]], seeds: Sequence[int],
        n_jobs: int = 2) -> dict[str, list[Curve]]:  # fmt: skip
    """Curves by strategy, one per seed, on some processes of one thread each; each makes the strategies for itself."""
    found = Parallel(n_jobs=n_jobs)(delayed(_run_seed)(make, strategies, seed) for seed in seeds)
    names = [name for name in found[0] if all(name in curves for curves in found)]
    return {name: [curves[name] for curves in found] for name in names}


def _run_seed(make: Callable[[int], AlPool], strategies: Callable[[], Mapping[str, Strategy]],
              seed: int) -> dict[str, Curve]:  # fmt: skip
    return run_seed(make, strategies(), seed)


@dataclass(frozen=True)
class Versus:
    """Difference of a strategy's areas to random's over seeds, with a 95 % interval; below 0 is better than random."""

    mean: float
    half: float

    @property
    def verdict(self) -> str:
        """ "better", "worse" or "unsure"."""
        if math.isnan(self.half) or abs(self.mean) <= self.half:
            return "unsure"
        return "better" if self.mean < 0 else "worse"


def compare(areas: Sequence[float], control: Sequence[float]) -> Versus:
    """Student's t interval of paired differences; the half width is NaN with fewer than two seeds.

    >>> found = compare([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])  # differences -1, -2, -3: spread 1, t(2) = 4.303
    >>> round(found.mean, 3), round(found.half, 3), found.verdict
    (-2.0, 2.484, 'unsure')
    """
    differences = np.asarray(areas, dtype=np.float64) - np.asarray(control, dtype=np.float64)
    n = len(differences)
    half = stats.t.ppf(0.975, n - 1) * differences.std(ddof=1) / math.sqrt(n) if n > 1 else math.nan
    return Versus(float(differences.mean()), float(half))


def ranks(areas: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, float]:
    """Mean rank of each strategy over pools {pool: {strategy: areas}}, 0 for the best and 1 for the last of a pool.

    Not every strategy runs on every pool, so ranks are shares of the strategies there; ties share their mean rank.

    >>> ranks({"a": {"x": [1.0], "y": [2.0], "z": [3.0]}, "b": {"x": [2.0], "y": [1.0]}})
    {'x': 0.5, 'y': 0.25, 'z': 1.0}
    """
    found: dict[str, list[float]] = {}
    for by_strategy in areas.values():
        place = stats.rankdata([np.mean(values) for values in by_strategy.values()]) - 1.0
        for name, rank in zip(by_strategy, place / max(1, len(by_strategy) - 1), strict=True):
            found.setdefault(name, []).append(float(rank))
    return {name: float(np.mean(values)) for name, values in found.items()}
