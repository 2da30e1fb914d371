"""Scene vectors: what clustering and diverse selection compare scenes by.

Blocks are scaled robustly, each to its share of variance, joined and projected; all that is in a `Basis`, which later
scenes can be placed in. Time O(frames x d + scenes x d^2); memory O(scenes x d) beside the input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.config import VectorsConfig
from oddloop.derived_tables import SCENE_VECTORS
from oddloop.discover.arrays import Floats
from oddloop.discover.basis import Basis, Columns, fit_basis, is_known
from oddloop.discover.blocks import Material, gather_material
from oddloop.discover.placing import place_into


@dataclass(frozen=True)
class SceneVectors:
    """Scene vectors, and the scenes that have none.

    Attributes:
        vectors: SCENE_VECTORS, one row per scene with a vector, sorted by scene_id.
        without_vector: scene_ids that have nothing to make a vector of, sorted.
        explained: (k,) share of the variance that each component holds; 0 where all scenes are alike.
        blocks: columns by block that the vectors are made of.
        n_missing: scenes of `vectors` that lack a block, by block; they count as average in it.
        basis: what they were made by.
    """

    vectors: pa.Table
    without_vector: pa.Array
    explained: Floats
    blocks: Columns
    n_missing: dict[str, int]
    basis: Basis


def build_scene_vectors(
    scenes: pa.Table,
    features: pa.Table | None,
    scene_scores: pa.Table | None,
    config: VectorsConfig,
    *,
    hardest: pa.Table | None = None,
    basis: Basis | None = None,
    encoder: str = "",
) -> SceneVectors:
    """Make one vector per scene.

    Args:
        scenes: SCENES; with its numeric telemetry.
        features: FEATURES, per frame or per scene, from one encoder; None where there are none.
        scene_scores: SCENE_SCORES; None where nothing was scored.
        config: blocks, weights, components.
        hardest: `frame_id` of the frames that the model found hardest; None where frames have no score.
        basis: what scenes that were there before were placed by; None to fit one to these.
        encoder: identity of what made features and scores.

    Returns:
        vectors (float32, without unit, at most `config.n_components` long) sorted by scene_id, whatever the order of
        the rows; scenes of which no block knows anything are listed in `without_vector`.

    Raises:
        TableError: a scene is there twice, or feature vectors differ in length or are not finite, or the
            basis is of another encoder or other columns.

    >>> scenes = pa.table({"scene_id": ["b", "a"], "log_id": ["l", "l"], "speed_mps": [1.0, 3.0]})
    >>> result = build_scene_vectors(scenes, None, None, VectorsConfig())
    >>> result.vectors.to_pylist(), result.blocks
    ([{'scene_id': 'a', 'vector': [1.0]}, {'scene_id': 'b', 'vector': [-1.0]}], {'telemetry': ('speed_mps',)})
    """
    material = gather_material(scenes, features, scene_scores, config, hardest=hardest, encoder=encoder)
    return place_scenes(material, basis or fit_basis(material, config))


def place_scenes(material: Material, basis: Basis) -> SceneVectors:
    """Vectors of scenes in a basis; see `build_scene_vectors` for what is returned and raised."""
    coordinates, present = _coordinates(material, basis), is_known(material)
    missing: dict[str, int] = {}
    for block in material.blocks:
        missing[block.name] = int((present & ~np.isfinite(block.values).any(axis=1)).sum())
    return SceneVectors(
        _table(material.scene_ids.filter(pa.array(present)), coordinates if present.all() else coordinates[present]),
        material.scene_ids.filter(pa.array(~present)),
        basis.components.explained,
        material.columns,
        missing,
        basis,
    )


def _coordinates(material: Material, basis: Basis) -> npt.NDArray[np.float32]:
    placed = np.zeros((len(material.scene_ids), len(basis.components.loadings)), dtype=np.float32)
    place_into(placed, basis, material)
    return placed


def _table(ids: pa.Array, coordinates: npt.NDArray[np.float32]) -> pa.Table:
    flat = pa.array(coordinates.ravel())
    offsets = pa.array(np.arange(len(ids) + 1) * coordinates.shape[1], pa.int32())
    return pa.table([ids, pa.ListArray.from_arrays(offsets, flat)], schema=SCENE_VECTORS.schema())
