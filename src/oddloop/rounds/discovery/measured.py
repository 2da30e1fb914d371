"""What is measured of the scenes of clusters, beside all other scenes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.discover.arrays import row_of
from oddloop.discover.cards.parameters import Parameter, measure_parameters
from oddloop.ids import id_array
from oddloop.rounds.discovery.read import Discovery

MOST_SCENES = 20_000
"""Of more scenes than this, quantiles are those of a sample; it is drawn with seed 0."""
Ints = npt.NDArray[np.int64]


def measure_clusters(found: Discovery, scenes: pa.Table, clusters: Sequence[str]) -> dict[str, list[Parameter]]:
    """Parameters by cluster, the most telling first; see `discover.cards.parameters`.

    Args:
        found: the discovery.
        scenes: SCENES with whatever numeric columns there are.
        clusters: ids of the clusters to measure.
    """
    others = _sample(np.arange(scenes.num_rows))
    rows, is_there = row_of(id_array(scenes["scene_id"]), id_array(found.lasting.members["scene_id"]))
    cluster = pc.index_in(found.lasting.members["cluster_id"], value_set=pa.array(clusters, pa.string()))
    code = np.where(is_there, pc.fill_null(cluster, -1).to_numpy(), -1)
    measured = {}
    for place, name in enumerate(clusters):
        inside = rows[code == place]
        # A scene of the cluster that the sample has must not count as one of the others.
        shown = np.concatenate([_sample(inside), np.setdiff1d(others, inside)])
        n_inside = min(len(inside), MOST_SCENES)
        measured[name] = measure_parameters(scenes.take(pa.array(shown)), np.arange(n_inside))
    return measured


def _sample(rows: Ints) -> Ints:
    return rows if len(rows) <= MOST_SCENES else np.random.default_rng(0).choice(rows, MOST_SCENES, replace=False)
