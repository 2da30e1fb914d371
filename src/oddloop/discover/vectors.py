"""Scene vectors: what clustering and diverse selection compare scenes by.

Blocks are scaled robustly, each to its share of variance, joined and projected. Time O(frames x d + scenes x d^2);
memory O(scenes x d) beside the input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from oddloop.config import VectorsConfig
from oddloop.derived_tables import SCENE_VECTORS
from oddloop.discover.arrays import Floats, sorted_ids
from oddloop.discover.blocks import BlockValues, gather_blocks
from oddloop.discover.projection import project
from oddloop.discover.scaling import scale_columns, weigh_block


@dataclass(frozen=True)
class SceneVectors:
    """Scene vectors, and the scenes that have none.

    Attributes:
        vectors: SCENE_VECTORS, one row per scene with a vector, sorted by scene_id.
        without_vector: scene_ids that have nothing to make a vector of, sorted.
        explained: (k,) share of the variance that each component holds; 0 where all scenes are alike.
        blocks: columns by block that the vectors are made of.
        n_missing: scenes of `vectors` that lack a block, by block; they count as average in it.
    """

    vectors: pa.Table
    without_vector: pa.Array
    explained: Floats
    blocks: dict[str, tuple[str, ...]]
    n_missing: dict[str, int]


def build_scene_vectors(
    scenes: pa.Table,
    features: pa.Table | None,
    scene_scores: pa.Table | None,
    config: VectorsConfig,
    *,
    hardest: pa.Table | None = None,
) -> SceneVectors:
    """Make one vector per scene.

    Args:
        scenes: SCENES; with its numeric telemetry.
        features: FEATURES, per frame or per scene, from one encoder; None where there are none.
        scene_scores: SCENE_SCORES; None where nothing was scored.
        config: blocks, weights, components.
        hardest: `frame_id` of the frames that the model found hardest; None where frames have no score.

    Returns:
        vectors (float32, without unit, at most `config.n_components` long) sorted by scene_id, whatever the order of
        the rows; scenes of which no block knows anything are listed in `without_vector`.

    Raises:
        TableError: a scene is there twice, or feature vectors differ in length or are not finite.

    >>> scenes = pa.table({"scene_id": ["b", "a"], "log_id": ["l", "l"], "speed_mps": [1.0, 3.0]})
    >>> result = build_scene_vectors(scenes, None, None, VectorsConfig())
    >>> result.vectors.to_pylist(), result.blocks
    ([{'scene_id': 'a', 'vector': [1.0]}, {'scene_id': 'b', 'vector': [-1.0]}], {'telemetry': ('speed_mps',)})
    """
    ids = sorted_ids(scenes)
    blocks = gather_blocks(scenes, features, scene_scores, hardest, ids, config)
    known = [np.isfinite(block.values).any(axis=1) for block in blocks]
    present = np.any(known, axis=0) if known else np.zeros(len(ids), dtype=bool)
    projection = project(_joined(blocks, present, config), config.n_components)
    return SceneVectors(
        _table(ids.filter(pa.array(present)), projection.coordinates),
        ids.filter(pa.array(~present)),
        projection.explained,
        {block.name: block.columns for block in blocks},
        {block.name: int((present & ~has).sum()) for block, has in zip(blocks, known, strict=True)},
    )


def _joined(blocks: list[BlockValues], present: np.ndarray, config: VectorsConfig) -> Floats:
    parts = [weigh_block(scale_columns(block.values[present]), config.weight(block.name)) for block in blocks]
    return np.column_stack(parts) if parts else np.zeros((0, 0))


def _table(ids: pa.Array, coordinates: Floats) -> pa.Table:
    flat = pa.array(coordinates.astype(np.float32).ravel())
    offsets = pa.array(np.arange(len(ids) + 1) * coordinates.shape[1], pa.int32())
    return pa.table([ids, pa.ListArray.from_arrays(offsets, flat)], schema=SCENE_VECTORS.schema())
