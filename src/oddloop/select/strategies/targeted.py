"""Find more like these, and not like those: rows that stand for the neighbourhood of examples.

    f(S) = sum over i of a_i max(0, max over j in S of s_ij - b_i)

with s the Gaussian kernel, a_i the similarity of row i to the nearest example to find, and b_i that to the nearest
example to avoid or labelled row. So what is near the examples matters, what is near those to avoid is stood for
already, and one of many equal rows is enough. Monotone and submodular; it is facility location with these weights, and
with the conditional gain of Kothawade et al. 2021 (SIMILAR). Time and memory: see `facility`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.select.pool import Picks
from oddloop.select.strategies.facility import facility_location_on, similarity_to
from oddloop.select.strategies.graph import similarity_graph
from oddloop.select.strategies.inputs import Inputs, others_of, seed_of


def targeted(
    vectors: npt.ArrayLike,
    budget: float,
    *,
    like: npt.ArrayLike,
    unlike: npt.ArrayLike | None = None,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
    weights: npt.ArrayLike | None = None,
    rng: np.random.Generator | None = None,
    width: float | None = None,
    n_neighbours: int = 64,
    per_cost: bool = False,
    best_single: bool = True,
) -> Picks:
    """Pick rows near some examples, far from others, and not alike.

    Args:
        vectors: (n, d) float16, float32 or float64, finite, in units in which Euclidean distance means something.
        budget: in the unit of the costs.
        like: (p, d) vectors of examples to find more of, p at least 1.
        unlike: (q, d) vectors of examples to avoid.
        costs: (n,) cost of each row; ones by default.
        preselected: (m, d) vectors of what is labelled already; avoided like `unlike`.
        weights: (n,) how much each row matters beside that; ones by default.
        rng: source of the seed of cells, which only matter beyond 60,000 rows.
        width: of the kernel exp(-d^2 / (2 width^2)), in the units of the vectors; None takes the median distance of all
            neighbours.
        n_neighbours: of each row in the graph.
        per_cost: whether to pick by gain per cost; see `lazy_greedy`.
        best_single: with `per_cost`, whether the best single row may go first; see `lazy_greedy`.

    Returns:
        picks, the largest gain first, ties by smallest row. Ends early when no row left adds anything.

    Raises:
        TableError, ConfigError: there is no example, shapes differ, vectors are not finite, or a number is not usable.

    >>> line = np.array([[0.0], [1.0], [5.0], [6.0], [9.0]])
    >>> targeted(line, 1, like=[[5.2]], width=1.0).rows.tolist()
    [2]
    >>> targeted(line, 1, like=[[5.2]], unlike=[[4.9]], width=1.0).rows.tolist()
    [3]
    """
    given = Inputs.of(vectors, budget, costs, preselected, weights)
    wanted, unwanted = others_of(like, given.points, "like"), others_of(unlike, given.points, "unlike")
    if not len(wanted):
        raise TableError("like must hold at least one vector to find more of; got none")
    graph = similarity_graph(given.points, scale=width, n_neighbours=n_neighbours, seed=seed_of(rng))
    scale = graph.scale if len(given.points) else 1.0
    avoided = (similarity_to(given.points, others, "gaussian", scale) for others in (unwanted, given.fixed))
    return facility_location_on(
        graph,
        budget,
        costs=given.costs,
        covered=np.maximum(*avoided),
        weights=given.weights * similarity_to(given.points, wanted, "gaussian", scale),
        per_cost=per_cost,
        best_single=best_single,
    )
