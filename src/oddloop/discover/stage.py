"""The discover stage: vectors, map and clusters of all scenes in one call."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa

from oddloop.config import DiscoverConfig
from oddloop.discover.arrays import Floats
from oddloop.discover.basis import Basis, Columns, fit_basis
from oddloop.discover.blocks import Material, gather_material
from oddloop.discover.clusters import cluster_scenes
from oddloop.discover.maps import fit_map, place_on_map
from oddloop.discover.vectors import SceneVectors, place_scenes
from oddloop.tasks import Run, run_here


@dataclass(frozen=True)
class DiscoverResult:
    """What the stage found.

    Attributes:
        vectors: SCENE_VECTORS, sorted by scene_id.
        scene_map: SCENE_MAP, sorted by scene_id.
        members: CLUSTER_MEMBERS of all clusters, nested ones too.
        clusters: FOUND_CLUSTERS, largest first.
        duplicates: NEAR_DUPLICATES, sorted by scene_id.
        without_vector: scene_ids that are in none of these, because there is nothing to compare them by.
        blocks: columns by block that vectors are made of.
        n_missing: scenes that lack a block, by block.
        explained: (k,) share of the variance that each component holds; the first two are the axes of the map by PCA.
    """

    vectors: pa.Table
    scene_map: pa.Table
    members: pa.Table
    clusters: pa.Table
    duplicates: pa.Table
    without_vector: pa.Array
    explained: Floats
    blocks: Columns
    n_missing: dict[str, int]

    @property
    def n_without_vector(self) -> int:
        """How many scenes were left out."""
        return len(self.without_vector)


def discover(
    scenes: pa.Table,
    features: pa.Table | None,
    scene_scores: pa.Table | None,
    config: DiscoverConfig,
    seed: int = 0,
    *,
    hardest: pa.Table | None = None,
) -> DiscoverResult:
    """Make scene vectors and group them; see `build_scene_vectors` and `cluster_scenes` for arguments and errors.

    >>> scenes = pa.table({"scene_id": ["a", "b"], "log_id": ["l", "l"], "speed_mps": [8.0, 9.0]})
    >>> result = discover(scenes, None, None, DiscoverConfig())
    >>> result.scene_map.to_pylist()[0], result.clusters.num_rows, result.n_without_vector
    ({'scene_id': 'a', 'x': -1.0, 'y': 0.0, 'cluster_id': None}, 0, 0)
    """
    material = gather_material(scenes, features, scene_scores, config.vectors, hardest=hardest)
    basis = fit_all(material, config, seed)
    return discover_in(basis, place_scenes(material, basis), scenes, config, seed)


def fit_all(material: Material, config: DiscoverConfig, seed: int = 0, *, basis: Basis | None = None) -> Basis:
    """Fit a basis, unless one is given, and the map in it; see `fit_basis` and `fit_map`."""
    basis = basis or fit_basis(material, config.vectors)
    if config.map.method == "pca":  # needs no vectors
        return replace(basis, map=None)
    return replace(basis, map=fit_map(place_scenes(material, basis).vectors, config.map, seed))


def discover_in(
    basis: Basis,
    made: SceneVectors,
    scenes: pa.Table,
    config: DiscoverConfig,
    seed: int = 0,
    *,
    run: Run = run_here,
) -> DiscoverResult:
    """Group scenes that `place_scenes` has placed in a basis; see `cluster_scenes` for what is refused."""
    places = place_on_map(basis.map, made.vectors)
    found = cluster_scenes(
        made.vectors, scenes, config.clusters, seed, duplicates=config.duplicates, places=places, run=run
    )
    tables = (found.scene_map, found.members, found.clusters, found.duplicates)
    return DiscoverResult(made.vectors, *tables, made.without_vector, made.explained, made.blocks, made.n_missing)
