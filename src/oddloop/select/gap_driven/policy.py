"""The policy `gap_driven`: the scenes that stand for most of what matters and is not labelled yet, per cost.

Every candidate matters as much as its segment needs it and the model doubts it (`importance`); a scene is worth what it
adds to how well all candidates are stood for by what is labelled and picked (facility location with a Gaussian kernel
on the graph of nearest scenes), times how much there is to learn in it itself (`own_worth`), per unit of cost. So near-
duplicates add nothing twice, one scene in a dense region stands for many, and an outlier for itself alone. Quotas are
filled first, scarcest first; a share of the budget goes to exploration and to a random control (`turns`). A dear scene
goes first where it alone is worth more than all that would be picked by worth per cost, which that alone would miss
(Khuller et al. 1999).

Time and memory: those of the graph (see `strategies.graph`), then a few of its rows per pick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.config import GapDrivenConfig
from oddloop.errors import TableError
from oddloop.select.gap_driven.graph import candidate_graph
from oddloop.select.gap_driven.importance import importance, own_worth
from oddloop.select.gap_driven.turns import Problem, pick_in_turns
from oddloop.select.pool import Bools, Picks, Pool
from oddloop.select.quotas import Quota, Shortfall
from oddloop.select.redundancy import Redundancy
from oddloop.select.strategies.facility import similarity_to
from oddloop.select.strategies.inputs import Inputs, costs_of, seed_of, weights_of


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


def gap_driven(
    vectors: npt.ArrayLike,
    budget: float,
    *,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
    score: npt.ArrayLike | None = None,
    need: npt.ArrayLike | None = None,
    quotas: Sequence[Quota] = (),
    redundancy: Redundancy | None = None,
    fair_sample: Bools | None = None,
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
        redundancy: what rows are worth beside labelled and picked ones in log, time and place; None takes nothing off.
        fair_sample: (n,) rows that control and exploration may draw from, where the others are a choice; None for all.
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
    problem = Problem(
        graph, weights, own, covered, prices, given.budget, tuple(quotas), config, redundancy, fair_sample
    )
    picks, counter = pick_in_turns(problem, rng)
    return GapDriven(picks, counter.shortfalls(), coverage)


def pick_gap_driven(pool: Pool, budget: float, rng: np.random.Generator) -> Picks:
    """`gap_driven` over a pool."""
    score = np.where(pool.score_valid, pool.score, np.nan)
    need = pool.need
    if pool.stands_for is not None:
        need = pool.stands_for if need is None else need * pool.stands_for
    found = gap_driven(
        pool.vectors,
        budget,
        costs=pool.costs,
        preselected=pool.labelled_vectors if len(pool.labelled_vectors) else None,
        score=score,
        need=need,
        quotas=pool.quotas,
        redundancy=pool.redundancy,
        fair_sample=pool.fair_sample,
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
