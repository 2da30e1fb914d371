"""Scene vectors to a map and clusters.

The map is for the eye (`maps`); clusters are found in the vectors. A cluster is named by its
place when clusters are ordered by size, then by their smallest scene_id, so row order never changes a name; ids that
last over runs come after (`identity`). Scenes that are nearly the same within a log are grouped as one, so that a
parked car is not a dense cluster, and are members of whatever that one is in. Growth: see `duplicates` and `grouping`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import ClusterConfig, DuplicatesConfig
from oddloop.derived_tables import CLUSTER_MEMBERS, FOUND_CLUSTERS, NEAR_DUPLICATES, SCENE_MAP
from oddloop.discover.arrays import Floats, Ints, row_of, vector_matrix
from oddloop.discover.duplicates import Duplicates, near_duplicates
from oddloop.discover.grouping import Groups, find_groups
from oddloop.discover.maps import first_two
from oddloop.errors import TableError
from oddloop.ids import id_array
from oddloop.tasks import Run, run_here


@dataclass(frozen=True)
class Clustered:
    """Clusters of one run under ids of its own.

    Attributes:
        scene_map: SCENE_MAP, sorted by scene_id; the cluster is that of the flat partition.
        members: CLUSTER_MEMBERS of all clusters, nested ones too; a row with a null cluster for a scene in none.
        clusters: FOUND_CLUSTERS, largest first.
        duplicates: NEAR_DUPLICATES, sorted by scene_id.
    """

    scene_map: pa.Table
    members: pa.Table
    clusters: pa.Table
    duplicates: pa.Table


def cluster_scenes(
    vectors: pa.Table,
    scenes: pa.Table,
    config: ClusterConfig,
    seed: int = 0,
    *,
    duplicates: DuplicatesConfig | None = None,
    places: Floats | None = None,
    run: Run = run_here,
) -> Clustered:
    """Group scenes that are alike.

    Args:
        vectors: SCENE_VECTORS; rows in any order.
        scenes: SCENES with at least the scenes of `vectors`.
        config: method and smallest cluster, in scenes and in logs; near-duplicates of one log count as one scene.
        seed: of whatever the method draws.
        duplicates: when scenes are near-duplicates; None for the default.
        places: (n, 2) where the scenes are on the map, in the order of scene_id; None for the first two components.
        run: how parts are run where there are more scenes than one graph should hold.

    Returns:
        map, members and clusters. Fewer scenes or logs than one cluster needs
        make no clusters.

    Raises:
        TableError: a scene of `vectors` is not in `scenes`, or vectors differ in length.

    >>> ids = [f"s{i}" for i in range(16)]
    >>> vectors = pa.table({"scene_id": ids, "vector": [[float(i // 8 * 99 + i % 8)] for i in range(16)]})
    >>> scenes = pa.table({"scene_id": ids, "log_id": [f"log{i // 2}" for i in range(16)]})
    >>> found = cluster_scenes(vectors, scenes, ClusterConfig(min_scenes=4, neighbours=5))
    >>> found.clusters.select(["cluster_id", "n_scenes"]).to_pylist()
    [{'cluster_id': 'c000', 'n_scenes': 8}, {'cluster_id': 'c001', 'n_scenes': 8}]
    """
    vectors = _by_id(vectors)
    ids = id_array(vectors["scene_id"])
    points = vector_matrix(vectors["vector"].combine_chunks())[0]
    logs, threshold = _logs(ids, scenes), (duplicates or DuplicatesConfig()).cosine
    alike = near_duplicates(points, logs=logs, threshold=threshold, seed=seed)
    counted, stands_for = np.unique(alike.counted, return_inverse=True)
    groups = find_groups(points[counted], logs=logs[counted], config=config, seed=seed, run=run).spread(stands_for)
    names = pa.array([f"c{i:03d}" for i in range(len(groups))], pa.string())
    places = first_two(points) if places is None else places
    tables = _map(ids, places, groups, names), _members(ids, groups, names), _clusters(groups, names)
    return Clustered(*tables, _duplicates(ids, alike, logs))


def _by_id(vectors: pa.Table) -> pa.Table:
    """Rows in the order of their ids; as they are, without a copy, where they stand in it."""
    ids = id_array(vectors["scene_id"])
    rises = pc.all(pc.greater(ids.slice(1), ids.slice(0, max(len(ids) - 1, 0)))).as_py()
    return vectors if rises is not False else vectors.sort_by("scene_id")


def _logs(ids: pa.Array, scenes: pa.Table) -> Ints:
    rows, found = row_of(id_array(scenes["scene_id"]), ids)
    if not found.all():
        stranger = ids[int(np.argmin(found))].as_py()
        raise TableError(f"scene_vectors: scene {stranger!r} is not in `scenes`; run `oddloop discover` again")
    codes = scenes["log_id"].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    logs: Ints = codes.astype(np.int64)[rows]
    return logs


def _map(ids: pa.Array, places: Floats, groups: Groups, names: pa.Array) -> pa.Table:
    x, y = places.T
    cluster = names.take(pa.array(groups.labels, mask=groups.labels < 0))
    return pa.table([ids, x, y, cluster], schema=SCENE_MAP.schema())


def _members(ids: pa.Array, groups: Groups, names: pa.Array) -> pa.Table:
    size = np.diff(groups.offsets)
    inside = pa.table([ids.take(pa.array(groups.rows)), names.take(pa.array(np.repeat(np.arange(len(groups)), size)))],
                      schema=CLUSTER_MEMBERS.schema())  # fmt: skip
    loose = ids.filter(pc.invert(pc.is_in(ids, value_set=inside["scene_id"].combine_chunks())))
    nothing = pa.table([loose, pa.nulls(len(loose), pa.string())], schema=CLUSTER_MEMBERS.schema())
    return pa.concat_tables([inside, nothing])


def _clusters(groups: Groups, names: pa.Array) -> pa.Table:
    parent = names.take(pa.array(groups.parent, mask=groups.parent < 0))
    return pa.table([names, parent, groups.persistence, np.diff(groups.offsets)], schema=FOUND_CLUSTERS.schema())


def _duplicates(ids: pa.Array, alike: Duplicates, logs: Ints) -> pa.Table:
    rows = np.flatnonzero(alike.representative != np.arange(len(ids)))
    stands = alike.representative[rows]
    columns = [ids.take(pa.array(rows)), ids.take(pa.array(stands)), alike.cosine[rows], logs[rows] == logs[stands]]
    return pa.table(columns, schema=NEAR_DUPLICATES.schema())
