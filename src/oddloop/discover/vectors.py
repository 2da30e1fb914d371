"""Scene vectors: what clustering and diverse selection compare scenes by.

Learned features where there are any (pooled to scenes), else telemetry and score summaries; then standardised and
projected. Time O(frames x d + scenes x d^2); memory O(scenes x d) beside the input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oddloop.config import DiscoverConfig
from oddloop.derived_tables import SCENE_VECTORS
from oddloop.discover.arrays import Floats, sorted_ids
from oddloop.discover.pooling import mean_by_scene
from oddloop.discover.projection import project
from oddloop.discover.scaling import standardise
from oddloop.discover.telemetry import telemetry_matrix


@dataclass(frozen=True)
class SceneVectors:
    """Scene vectors, and the scenes that have none.

    Attributes:
        vectors: SCENE_VECTORS, one row per scene with a vector, sorted by scene_id.
        without_vector: scene_ids that have nothing to make a vector of, sorted.
        explained: (k,) share of the variance that each component holds; 0 where all scenes are alike.
    """

    vectors: pa.Table
    without_vector: pa.Array
    explained: Floats


def build_scene_vectors(
    scenes: pa.Table, features: pa.Table | None, scene_scores: pa.Table | None, config: DiscoverConfig
) -> SceneVectors:
    """Make one vector per scene.

    Args:
        scenes: SCENES; with its numeric telemetry.
        features: FEATURES, per frame or per scene, from one encoder; None where there are none.
        scene_scores: SCENE_SCORES; used only without features; None where nothing was scored.
        config: how many components to keep.

    Returns:
        vectors (float32, standardised units, at most `config.n_components` long) sorted by scene_id, whatever the order
        of the rows; scenes without features, or without any telemetry value, are listed in `without_vector`.

    Raises:
        TableError: a scene is there twice, or feature vectors differ in length or are not finite.

    >>> scenes = pa.table({"scene_id": ["b", "a"], "log_id": ["l", "l"], "speed_mps": [1.0, 3.0]})
    >>> result = build_scene_vectors(scenes, None, None, DiscoverConfig())
    >>> result.vectors.to_pylist()
    [{'scene_id': 'a', 'vector': [1.0]}, {'scene_id': 'b', 'vector': [-1.0]}]
    """
    ids = sorted_ids(scenes)
    if features is None:
        values, present = telemetry_matrix(scenes, scene_scores, ids)
    else:
        values, present = mean_by_scene(features, ids)
    known = values if present.all() else values[present]
    projection = project(standardise(known), config.n_components)
    table = _table(ids.filter(pa.array(present)), projection.coordinates)
    return SceneVectors(table, ids.filter(pa.array(~present)), projection.explained)


def _table(ids: pa.Array, coordinates: Floats) -> pa.Table:
    flat = pa.array(coordinates.astype(np.float32).ravel())
    offsets = pa.array(np.arange(len(ids) + 1) * coordinates.shape[1], pa.int32())
    return pa.table([ids, pa.ListArray.from_arrays(offsets, flat)], schema=SCENE_VECTORS.schema())
