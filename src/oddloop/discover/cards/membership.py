"""Which scene is in which cluster, as numbers: clusters may be nested, so a scene may be in several."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.discover.arrays import Floats, Ints
from oddloop.errors import TableError
from oddloop.ids import id_array


@dataclass(frozen=True)
class Membership:
    """Clusters and scenes as numbers.

    Attributes:
        ids: (g,) cluster ids, sorted.
        scene_ids: (n,) scene ids, as given.
        cluster, scene: (m,) cluster and scene of each membership, by rising cluster, then scene; each pair once.
        log: (n,) number of the log of each scene.
        n_logs: logs in all.
    """

    ids: list[str]
    scene_ids: pa.Array
    cluster: Ints
    scene: Ints
    log: Ints
    n_logs: int

    def __len__(self) -> int:
        return len(self.ids)

    def sums(self, values: Floats) -> Floats:
        """(g,) sum over each cluster's scenes of (n,) values."""
        return np.bincount(self.cluster, values[self.scene], minlength=len(self)).astype(np.float64)

    def scenes_of(self, cluster: int) -> Ints:
        """Rows of a cluster's scenes, ascending."""
        return self.scene[slice(*np.searchsorted(self.cluster, [cluster, cluster + 1]))]

    def pairs(self, *values: Floats) -> tuple[Ints, Ints, list[Floats]]:
        """Cluster and log of each pair that occurs, and the sums of (n,) values over its scenes."""
        key = self.cluster * self.n_logs + self.log[self.scene]
        found, place = np.unique(key, return_inverse=True)
        sums = [np.bincount(place, v[self.scene], minlength=len(found)).astype(np.float64) for v in values]
        return found // max(self.n_logs, 1), found % max(self.n_logs, 1), sums

    def per_log(self, values: Floats) -> Floats:
        """(L,) sum over each log's scenes of (n,) values, in clusters or not."""
        return np.bincount(self.log, values, minlength=self.n_logs).astype(np.float64)


def read_membership(members: pa.Table, scenes: pa.Table) -> Membership:
    """Number clusters and scenes.

    Args:
        members: CLUSTER_MEMBERS; rows without a cluster are passed over.
        scenes: SCENES with at least the members' scenes.

    Raises:
        TableError: a member is not in `scenes`.
    """
    inside = members.filter(pc.is_valid(members["cluster_id"]))
    names = id_array(inside["cluster_id"]).unique()
    names = names.take(pc.sort_indices(names))
    scene_ids = id_array(scenes["scene_id"])
    row = pc.index_in(id_array(inside["scene_id"]), value_set=scene_ids)
    if row.null_count:
        stranger = inside["scene_id"].combine_chunks().filter(pc.is_null(row))[0].as_py()
        raise TableError(f"cluster_members: scene {stranger!r} is not in `scenes`; run `oddloop discover` again")
    number = pc.index_in(id_array(inside["cluster_id"]), value_set=names)
    key = number.to_numpy().astype(np.int64) * max(len(scene_ids), 1) + row.to_numpy()
    key = np.unique(key)
    codes = scenes["log_id"].combine_chunks().dictionary_encode()
    log = codes.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    n = max(len(scene_ids), 1)
    return Membership(names.to_pylist(), scene_ids, key // n, key % n, log, len(codes.dictionary))
