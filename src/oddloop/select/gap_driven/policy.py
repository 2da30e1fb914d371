"""The policy `gap_driven`: the scenes that stand for most of what matters and is not labelled yet, per cost.

Every candidate matters as much as its segment needs it and the model doubts it (`importance`); a scene is worth what it
adds to how well all candidates are stood for by what is labelled and picked (facility location with a Gaussian kernel
on the graph of nearest scenes), times how much there is to learn in it itself (`own_worth`), per unit of cost. So near-
duplicates add nothing twice, one scene in a dense region stands for many, and an outlier for itself alone. Quotas are
filled first, scarcest first; a share of the budget goes to exploration and to a random control (`shares`). A dear scene
goes first where it alone is worth more than all that would be picked by worth per cost, which that alone would miss
(Khuller et al. 1999).

Time and memory: those of the graph (see `strategies.graph`), then a few of its rows per pick.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from oddloop.config import GapDrivenConfig
from oddloop.errors import TableError
from oddloop.select.gap_driven.graph import candidate_graph
from oddloop.select.gap_driven.importance import importance, own_worth
from oddloop.select.gap_driven.picking import Picking
from oddloop.select.gap_driven.shares import draw_control, draw_exploration
from oddloop.select.pool import Floats, Ints, Picks, Pool
from oddloop.select.quotas import Counter, Quota, Shortfall
from oddloop.select.strategies import FacilityLocation
from oddloop.select.strategies.facility import similarity_to
from oddloop.select.strategies.graph import Graph
from oddloop.select.strategies.inputs import Inputs, costs_of, seed_of, weights_of

QUOTA, COVER, EXPLORE, CONTROL = "quota", "cover", "explore", "control"
_ROUNDING = 1e-9


@dataclass(frozen=True)
class GapDriven:
    """What `gap_driven` picked.

    Attributes:
        picks: rows in order, with what each added and the rule that let it in.
        shortfalls: quotas that could not be filled.
        coverage: how well the labelled scenes stood for the candidates before, in [0, 1].
    """

    picks: Picks
    shortfalls: list[Shortfall]
    coverage: float


@dataclass(frozen=True)
class _Problem:
    graph: Graph
    weights: Floats
    own: Floats
    covered: Floats
    prices: Floats
    budget: float
    quotas: tuple[Quota, ...]
    config: GapDrivenConfig

    def objective(self) -> FacilityLocation:
        return FacilityLocation(self.graph, self.weights, self.covered.copy())

    def start(self) -> Picking:
        return Picking(self.objective(), self.own, self.prices, self.budget, Counter(self.quotas, len(self.prices)))


def gap_driven(
    vectors: npt.ArrayLike,
    budget: float,
    *,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
    score: npt.ArrayLike | None = None,
    need: npt.ArrayLike | None = None,
    quotas: Sequence[Quota] = (),
    config: GapDrivenConfig | None = None,
    rng: np.random.Generator | None = None,
) -> GapDriven:
    """Pick the rows that stand for most of what matters and is not labelled yet, per cost.

    Args:
        vectors: (n, d) float16, float32 or float64, in units in which Euclidean distance means something; a row of NaN
            has none, and stands for itself alone.
        budget: in the unit of the costs.
        costs: (n,) cost of each row, finite, 0 or more; ones by default.
        preselected: (m, d) vectors of what is labelled already.
        score: (n,) larger = more worth labelling; NaN where there is none, which counts as average.
        need: (n,) how much the row's segment needs data, 1 for average; ones by default.
        quotas: what must, and may, be picked.
        config: shares, power of the score, neighbours; None for the defaults.
        rng: source of control and exploration.

    Returns:
        picks that cost at most the budget; any prefix is a valid selection for a smaller one.

    Raises:
        TableError, ConfigError: shapes differ, or a number is not usable.

    >>> line = np.array([[0.0], [1.0], [2.0], [9.0], [10.0]])
    >>> plain = GapDrivenConfig(control_share=0.0, exploration_share=0.0)
    >>> gap_driven(line, 2, config=plain).picks.rows.tolist()
    [2, 3]
    """
    config, rng = config or GapDrivenConfig(), rng or np.random.default_rng(0)
    matrix = _as_matrix(vectors)
    has_vector = np.isfinite(matrix).all(axis=1) if matrix.shape[1] else np.zeros(len(matrix), dtype=bool)
    given = Inputs.of(matrix[has_vector], budget, None, preselected)
    n = len(matrix)
    prices = costs_of(costs, n)
    graph = candidate_graph(given.points, has_vector, config.n_neighbours, seed=seed_of(rng))
    covered = np.zeros(n)
    covered[has_vector] = similarity_to(given.points, given.fixed, "gaussian", graph.scale)
    coverage = float(covered[has_vector].mean()) if has_vector.any() else 0.0
    doubt = np.full(n, np.nan) if score is None else np.asarray(score, dtype=np.float64)
    if doubt.shape != (n,):
        raise TableError(f"score must be one number per row, {n} of them; got shape {doubt.shape}")
    known = np.isfinite(doubt)
    weights = importance(doubt, known, weights_of(need, n, "need"), coverage, config.score_power)
    own = own_worth(doubt, known, coverage) if config.score_power else np.ones(n)
    problem = _Problem(graph, weights, own, covered, prices, given.budget, tuple(quotas), config)
    picks, counter = _pick(problem, rng)
    return GapDriven(picks, counter.shortfalls(), coverage)


def pick_gap_driven(pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    """`gap_driven` over a pool."""
    score = np.where(pool.score_valid, pool.score, np.nan)
    found = gap_driven(
        pool.vectors,
        budget,
        costs=pool.costs,
        preselected=pool.labelled_vectors if len(pool.labelled_vectors) else None,
        score=score,
        need=pool.need,
        quotas=pool.quotas,
        config=pool.gap_driven,
        rng=rng,
    )
    return found.picks


def _as_matrix(vectors: npt.ArrayLike) -> npt.NDArray[np.floating]:
    matrix = np.asarray(vectors)
    if matrix.ndim != 2 or matrix.dtype.kind != "f":
        raise TableError(f"vectors must be a matrix of floats, one row per scene; got {matrix.dtype}, {matrix.shape}")
    infinite = np.isinf(matrix).any(axis=1)
    if infinite.any():
        raise TableError(f"vectors must be finite, or NaN for none; row {int(np.argmax(infinite))} holds infinity")
    return matrix


def _pick(problem: _Problem, rng: np.random.Generator) -> tuple[Picks, Counter]:
    free = problem.start().open
    affordable = free & (problem.prices <= problem.budget)
    # Drawn among all, so that a smaller budget gives the first of the same picks; then what is too dear goes.
    drawn = draw_control(free, rng), draw_exploration(free, problem.covered, rng)
    control, explore = (rows[affordable[rows]] for rows in drawn)
    picking = _run(problem, control, explore)
    single = np.where(affordable, problem.objective().gains(), 0.0)
    if not _only_draws(problem.config) and single.max(initial=0.0) > picking.picks().gains.sum() * (1 + _ROUNDING):
        other = _run(problem, control, explore, first=int(np.argmax(single)))
        picking = other if _missing(other) <= _missing(picking) else picking  # quotas come before what is worth most
    return picking.picks(), picking.counter


def _missing(picking: Picking) -> int:
    return sum(shortfall.minimum - shortfall.n_picked for shortfall in picking.counter.shortfalls())


def _run(problem: _Problem, control: Ints, explore: Ints, first: int = -1) -> Picking:
    picking, config = problem.start(), problem.config
    drawn = ((CONTROL, config.control_share, deque(control.tolist())),
             (EXPLORE, config.exploration_share, deque(explore.tolist())))  # fmt: skip
    every = np.ones(len(picking.open), dtype=bool)
    cover: Iterator[tuple[int, str]] = ((row, COVER) for row in picking.by_worth(every))
    if _only_draws(config):
        rule, _, rows = max(drawn, key=lambda one: one[1])
        cover = _by_chance(picking, rule, rows)
    for row, rule in chain([(first, COVER)] if first >= 0 else [], _for_quotas(picking), cover):
        picking.take(row, rule)
        for name, share, rows in drawn:
            _catch_up(picking, name, share, rows)
    return picking


def _only_draws(config: GapDrivenConfig) -> bool:
    return config.control_share + config.exploration_share > 1 - 1e-9  # shares such as 0.9 and 0.1 are rounded


def _by_chance(picking: Picking, rule: str, rows: deque[int]) -> Iterator[tuple[int, str]]:
    """The next drawn row that can be picked, until one does not fit."""
    while rows and (picking.fits(rows[0]) or not picking.open[rows[0]]):
        if picking.open[row := rows.popleft()]:
            yield row, rule
        else:
            picking.draw(row, rule, keeps=CONTROL)


def _for_quotas(picking: Picking) -> Iterator[tuple[int, str]]:
    for quota in picking.counter.by_scarcity():
        mine = np.zeros(len(picking.open), dtype=bool)
        mine[picking.counter.quotas[quota].rows] = True
        rows = chain(picking.by_worth(mine), picking.by_cost(mine))
        while picking.counter.wanted(quota) and (row := next(rows, None)) is not None:
            yield row, QUOTA


def _catch_up(picking: Picking, rule: str, share: float, rows: deque[int]) -> None:
    while rows and picking.is_behind(rule, share):
        if not picking.draw(rows.popleft(), rule, keeps=CONTROL):
            rows.clear()
