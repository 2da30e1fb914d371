"""Scene vectors to a map and clusters, with the facts of each cluster counted from `scenes`.

The map is the first two components: cheap, stable and honest about distance, if not pretty. A cluster is named by its
place when clusters are ordered by size, then by their smallest scene_id, so row order never changes a name. Growth: see
`density` (the slowest part) and `medoids`.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import DiscoverConfig
from oddloop.derived_tables import CLUSTERS, SCENE_MAP
from oddloop.discover.arrays import Floats, Ints, row_of, vector_matrix
from oddloop.discover.density import density_labels
from oddloop.discover.medoids import most_typical
from oddloop.errors import TableError
from oddloop.ids import Ids, id_array

_MEDOIDS = 3


def cluster_scenes(
    vectors: pa.Table, scenes: pa.Table, labelled_ids: Ids, config: DiscoverConfig
) -> tuple[pa.Table, pa.Table]:
    """Group scenes that are alike.

    Args:
        vectors: SCENE_VECTORS; rows in any order.
        scenes: SCENES with at least the scenes of `vectors`.
        labelled_ids: ids of the scenes that have labels: an Arrow column or a collection of strings.
        config: smallest cluster and density.

    Returns:
        SCENE_MAP (sorted by scene_id; null cluster where a scene is in none; y is 0 where vectors have one component)
        and CLUSTERS (largest first). Fewer scenes than one cluster needs make no clusters.

    Raises:
        TableError: a scene of `vectors` is not in `scenes`, or vectors differ in length.

    >>> ids = [f"s{i}" for i in range(8)]
    >>> vectors = pa.table({"scene_id": ids, "vector": [[float(i // 4 * 9 + i % 4 / 8)] for i in range(8)]})
    >>> scenes = pa.table({"scene_id": ids, "log_id": list("aabbcccc"), "duration_s": [2.0] * 8})
    >>> _, clusters = cluster_scenes(vectors, scenes, ["s0"], DiscoverConfig(min_cluster_size=3, min_samples=2))
    >>> clusters.select(["cluster_id", "n_scenes", "n_logs", "n_labelled", "medoid_scene_id"]).to_pylist()[0]
    {'cluster_id': 'c000', 'n_scenes': 4, 'n_logs': 2, 'n_labelled': 1, 'medoid_scene_id': 's1'}
    """
    vectors = vectors.sort_by("scene_id")
    ids = id_array(vectors["scene_id"])
    points = vector_matrix(vectors["vector"].combine_chunks())[0].astype(np.float64)
    labels = _by_size(density_labels(points, config.min_cluster_size, config.min_samples))
    return _map_table(ids, points, labels), _cluster_table(ids, points, labels, scenes, labelled_ids)


def _by_size(labels: Ints) -> Ints:
    """Renumber clusters by falling size, then by their first row; -1 stays."""
    found, first, size = np.unique(labels[labels >= 0], return_index=True, return_counts=True)
    number = np.full(len(found) + 1, -1, dtype=np.int64)
    number[found[np.lexsort((first, -size))]] = np.arange(len(found))
    return number[labels]


def _names(n: int) -> pa.Array:
    return pa.array([f"c{i:03d}" for i in range(n)], pa.string())


def _map_table(ids: pa.Array, points: Floats, labels: Ints) -> pa.Table:
    x, y = (points[:, i] if i < points.shape[1] else np.zeros(len(points)) for i in (0, 1))
    cluster = _names(int(labels.max(initial=-1)) + 1).take(pa.array(labels, mask=labels < 0))
    return pa.table([ids, x, y, cluster], schema=SCENE_MAP.schema())


def _cluster_table(ids: pa.Array, points: Floats, labels: Ints, scenes: pa.Table, labelled_ids: Ids) -> pa.Table:
    n = int(labels.max(initial=-1)) + 1
    rows = np.flatnonzero(labels >= 0)
    label = labels[rows]
    facts = _facts(ids.take(pa.array(rows)), scenes)
    labelled = pc.is_in(ids, value_set=id_array(labelled_ids)).to_numpy(zero_copy_only=False)[rows]
    medoids = [ids.take(pa.array(_typical(points, labels, cluster))).to_pylist() for cluster in range(n)]
    columns = {
        "cluster_id": _names(n),
        "n_scenes": np.bincount(label, minlength=n),
        "n_logs": _count_distinct(label, facts["log_id"], n),
        "duration_s": np.bincount(label, facts["duration_s"].to_numpy(), minlength=n),
        "n_labelled": np.bincount(label[labelled], minlength=n),
        "medoid_scene_id": [typical[0] for typical in medoids],
        "medoids": medoids,
    }
    return pa.table(columns, schema=CLUSTERS.schema())


def _facts(ids: pa.Array, scenes: pa.Table) -> pa.Table:
    rows, found = row_of(id_array(scenes["scene_id"]), ids)
    if not found.all():
        stranger = ids[int(np.argmin(found))].as_py()
        raise TableError(f"scene_vectors: scene {stranger!r} is not in `scenes`; run `oddloop discover` again")
    return scenes.select(["log_id", "duration_s"]).take(pa.array(rows))


def _typical(points: Floats, labels: Ints, cluster: int) -> Ints:
    rows = np.flatnonzero(labels == cluster)
    return rows[most_typical(points[rows], _MEDOIDS)]


def _count_distinct(label: Ints, values: pa.ChunkedArray, n: int) -> Ints:
    codes = values.combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    pairs = np.unique(np.stack([label, codes.astype(np.int64)]), axis=1)
    return np.bincount(pairs[0], minlength=n)
