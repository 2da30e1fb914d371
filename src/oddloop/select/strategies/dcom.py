"""DCoM: typical rows while little is covered, uncertain rows once most is, by one switch that needs no setting.

Mishal & Weinshall 2024. Of all rows, the share c that lies within a radius of a labelled one tells how competent the
model is:

    competence = (1 + exp(-k (1 - a))) / (1 + exp(-k (c - a))),  a = 0.9, k = 30

which is 1 where all is covered and near 0 below a. A row adds

    competence x uncertainty + (1 - competence) x newly covered rows / most that any row could cover at first.

A sum of a fixed number and of ProbCover's objective, so it is submodular and greedy picks are lazy (see `greedy`).
Deviations: one radius for all rows, from the data (see `probcover`), instead of one per labelled row by its label's
purity; uncertainty and density are not stretched anew to 0..1 at each pick.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError
from oddloop.select.pool import Floats, Picks
from oddloop.select.strategies.facility import FacilityLocation, similarity_to
from oddloop.select.strategies.graph import similarity_graph
from oddloop.select.strategies.greedy import lazy_greedy
from oddloop.select.strategies.inputs import Inputs, seed_of
from oddloop.select.strategies.probcover import purity_radius

_CENTRE, _STEEPNESS = 0.9, 30.0


@dataclass
class Mixed:
    """A fixed worth of each row, and a share of what it adds to a coverage.

    Attributes:
        worth: (n,) of picking each row, whatever else is picked.
        coverage: of all rows by those picked so far.
        share: factor of what a row adds to the coverage.
    """

    worth: Floats
    coverage: FacilityLocation
    share: float

    def gains(self) -> Floats:
        """What each row would add."""
        return self.worth + self.share * self.coverage.gains()

    def gain(self, row: int) -> float:
        """What a row would add."""
        return float(self.worth[row] + self.share * self.coverage.gain(row))

    def add(self, row: int) -> None:
        """Pick a row."""
        self.coverage.add(row)


def competence(covered: float) -> float:
    """How competent a model is, by the share of rows that its labels cover; 0..1.

    >>> competence(1.0), round(competence(0.9), 3), round(competence(0.5), 6)
    (1.0, 0.525, 6e-06)
    """
    top = 1.0 + np.exp(-_STEEPNESS * (1.0 - _CENTRE))
    return float(top / (1.0 + np.exp(-_STEEPNESS * (covered - _CENTRE))))


def dcom(
    vectors: npt.ArrayLike,
    uncertainty: npt.ArrayLike,
    budget: float,
    *,
    rng: np.random.Generator,
    costs: npt.ArrayLike | None = None,
    preselected: npt.ArrayLike | None = None,
    radius: float | None = None,
    n_neighbours: int = 128,
    per_cost: bool = False,
    best_single: bool = True,
) -> Picks:
    """Pick typical rows first and uncertain rows later.

    Args:
        vectors: (n, d) float16, float32 or float64, finite, in units in which Euclidean distance means something.
        uncertainty: (n,) finite, larger = more worth labelling, in any unit, such as 1 - margin; stretched to 0..1.
        budget: in the unit of the costs.
        rng: source of the groups that the radius is chosen by, and of cells beyond 60,000 rows.
        costs: (n,) cost of each row; ones by default.
        preselected: (m, d) vectors of what is labelled already.
        radius: in the units of the vectors; None chooses it by `purity_radius`.
        n_neighbours: of each row in the graph.
        per_cost: whether to pick by gain per cost; see `lazy_greedy`.
        best_single: with `per_cost`, whether the best single row may go first; see `lazy_greedy`.

    Returns:
        picks, the largest gain first, ties by smallest row. Ends when no row left adds anything.

    Raises:
        TableError, ConfigError: shapes differ, vectors or uncertainty are not finite, or a number is not usable.

    >>> line, unsure = np.array([[0.0], [1.0], [2.0], [9.0]]), [0.1, 0.2, 0.3, 0.9]
    >>> dcom(line, unsure, 1, rng=np.random.default_rng(0), radius=1.0).rows.tolist()  # nothing is covered
    [1]
    >>> dcom(line, unsure, 1, rng=np.random.default_rng(0), radius=1.0, preselected=line).rows.tolist()  # all is
    [3]
    """
    given = Inputs.of(vectors, budget, costs, preselected)
    worth = stretch(uncertainty, len(given.points))
    radius = purity_radius(given.points, rng) if radius is None else radius
    graph = similarity_graph(given.points, kernel="ball", scale=radius, n_neighbours=n_neighbours, seed=seed_of(rng))
    covered = similarity_to(given.points, given.fixed, "ball", radius)
    trust = competence(float(covered.mean()) if len(covered) else 0.0)
    most = FacilityLocation.of(graph, None, covered).gains().max(initial=0.0)
    share = (1.0 - trust) / most if most > 0 else 0.0
    return lazy_greedy(
        lambda: Mixed(trust * worth, FacilityLocation.of(graph, None, covered), share),
        budget,
        costs=given.costs,
        per_cost=per_cost,
        best_single=best_single,
    )


def stretch(values: npt.ArrayLike, n: int) -> Floats:
    """(n,) values stretched to 0..1; 1 where all are the same.

    Raises:
        TableError: another number of values, or one is not finite.

    >>> stretch([1.0, 3.0, 2.0], 3).tolist()
    [0.0, 1.0, 0.5]
    """
    given = np.asarray(values, dtype=np.float64)
    if given.shape != (n,):
        raise TableError(f"uncertainty must be one number per row, {n} of them; got shape {given.shape}")
    bad = np.flatnonzero(~np.isfinite(given))
    if len(bad):
        raise TableError(f"uncertainty must be finite; row {bad[0]} has {given[bad[0]]:g}")
    half = 0.5 * given  # so that the difference of the largest numbers is finite
    span = float(np.ptp(half)) if n else 0.0
    return (half - half.min()) / span if span > 0 else np.ones(n)
