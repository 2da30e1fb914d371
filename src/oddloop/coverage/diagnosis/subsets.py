"""Which labelled scenes each training of a learning curve gets: nested subsets, the same share of every log.

The shares rise geometrically to 1, so that the points stand evenly on a log axis. Per seed the scenes of each log are
put in random order and given the places (i + u) / m, u uniform and m the log's number of scenes; a share takes the
scenes whose place is below it. So a larger share contains every smaller one of that seed, every log gives its share to
within one scene, and all segments grow together. Time grows with scenes x seeds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oddloop.coverage.arrays import BoolArray, FloatArray, IntArray, read_codes, read_column


@dataclass(frozen=True, eq=False)
class CurvePlan:
    """The trainings of a learning curve: every share of the labelled scenes with every seed.

    Attributes:
        scene_ids: (N,) labelled scenes.
        shares: (K,) shares of them, rising to 1; a training's `size` is its share's number from 0.
        places: (R,N) place in [0, 1) of each scene in each seed's order.
    """

    scene_ids: pa.Array
    shares: FloatArray
    places: FloatArray

    def takes(self, size: int, seed: int) -> BoolArray:
        """(N,) whether each labelled scene is in the training of a size and seed."""
        inside: BoolArray = self.places[seed] < self.shares[size]
        return inside

    @property
    def trainings(self) -> list[tuple[int, int]]:
        """(size, seed) of every training, large ones first: they fail first where memory or time do not suffice."""
        n_seeds, n_sizes = len(self.places), len(self.shares)
        return [(size, seed) for size in range(n_sizes)[::-1] for seed in range(n_seeds)]


def plan_curves(labelled: pa.Table, n_sizes: int, n_seeds: int, smallest: float, rng: np.random.Generator) -> CurvePlan:
    """Plan the trainings.

    Args:
        labelled: scene_id and log_id of the labelled scenes that models are trained on.
        n_sizes: K shares.
        n_seeds: R seeds, each with an order of its own.
        smallest: smallest share, in (0, 1).
        rng: source of the orders.

    Raises:
        TableError: a column is missing, or a log_id is null.
        ValueError: fewer than two sizes, no seed, or a share outside (0, 1).

    >>> labelled = pa.table({"scene_id": ["a", "b", "c", "d"], "log_id": ["k", "k", "l", "l"]})
    >>> plan = plan_curves(labelled, 2, 1, 0.5, np.random.default_rng(0))
    >>> plan.shares.tolist(), [int(plan.takes(size, 0).sum()) for size in (0, 1)]
    ([0.5, 1.0], [2, 4])
    """
    if n_sizes < 2 or n_seeds < 1 or not 0 < smallest < 1:
        raise ValueError(
            f"a curve of {n_sizes} sizes and {n_seeds} seeds from a share of {smallest:g}: give two sizes or more, "
            "one seed or more, and a smallest share between 0 and 1"
        )
    _, logs = read_codes(labelled, "log_id", "labelled scenes")
    scene_ids = read_column(labelled, "scene_id", "labelled scenes").cast(pa.string())
    return CurvePlan(scene_ids, np.geomspace(smallest, 1.0, n_sizes), draw_places(logs, n_seeds, rng))


def draw_places(logs: IntArray, n_seeds: int, rng: np.random.Generator) -> FloatArray:
    """Draw each scene's place in [0, 1) per seed.

    Args:
        logs: (N,) log number of each labelled scene, from 0.
        n_seeds: how many orders to draw.
        rng: source of the orders.

    Returns:
        (seeds, N) places.

    >>> places = draw_places(np.array([0, 0, 1, 1]), 1, np.random.default_rng(0))[0]
    >>> (np.flatnonzero(places < 0.5) // 2).tolist()  # one scene of each log
    [0, 1]
    """
    counts = np.bincount(logs) if len(logs) else np.zeros(1, np.int64)
    first = np.cumsum(counts) - counts
    places = np.empty((n_seeds, len(logs)))
    for row in places:
        order = np.lexsort((rng.random(len(logs)), logs))
        shift = rng.random(len(counts))
        log = logs[order]
        row[order] = (np.arange(len(logs)) - first[log] + shift[log]) / counts[log]
    return places
