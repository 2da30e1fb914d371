"""How far the clusters of two runs hold the same scenes, counted on the scenes that both runs have.

One sparse product of two membership matrices. Time and memory grow with memberships and with pairs that overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.sparse import coo_array, csr_array

from oddloop.ids import id_array

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Overlap:
    """Clusters of an old run against those of a new one.

    Attributes:
        old_ids, new_ids: (o,), (k,) cluster ids, sorted.
        old_size, new_size: (o,), (k,) scenes of each that both runs have.
        common: (o, k) sparse, scenes that an old and a new cluster share.
        within: (k, k) sparse, scenes that two new clusters share: more than none where one is nested in the other.
        n_shared: scenes that both runs have.
    """

    old_ids: list[str]
    new_ids: list[str]
    old_size: Ints
    new_size: Ints
    common: csr_array
    within: csr_array
    n_shared: int

    def jaccard(self) -> csr_array:
        """(o, k) sparse, shared scenes as a share of those in either."""
        pairs = self.common.tocoo()
        either = self.old_size[pairs.row] + self.new_size[pairs.col] - pairs.data
        return csr_array((pairs.data / either, (pairs.row, pairs.col)), shape=pairs.shape)


def count_overlap(old: pa.Table, new: pa.Table) -> Overlap:
    """Count shared scenes of old and new clusters.

    Args:
        old, new: CLUSTER_MEMBERS of each run: `scene_id` and `cluster_id`, one row per scene and cluster that it is
            in, one with a null cluster where it is in none.

    Returns:
        counts; without a common scene all of them are 0.

    >>> old = pa.table({"scene_id": ["a", "b", "c"], "cluster_id": ["c1", "c1", None]})
    >>> new = pa.table({"scene_id": ["b", "c", "d"], "cluster_id": ["x", "x", "x"]})
    >>> found = count_overlap(old, new)
    >>> found.n_shared, found.old_size.tolist(), found.new_size.tolist(), found.common.toarray().tolist()
    (2, [1], [2], [[1]])
    """
    old_scenes, new_scenes = (id_array(t["scene_id"]).unique() for t in (old, new))
    shared = old_scenes.filter(pc.is_in(old_scenes, value_set=new_scenes))
    old_ids, one = _memberships(old, shared)
    new_ids, two = _memberships(new, shared)
    return Overlap(old_ids, new_ids, _sums(one), _sums(two), _product(one, two), _product(two, two), len(shared))


def _memberships(members: pa.Table, shared: pa.Array) -> tuple[list[str], csr_array]:
    """Cluster ids, and the (scenes, clusters) matrix of ones."""
    inside = members.filter(pc.is_valid(members["cluster_id"]))
    ids = id_array(inside["cluster_id"]).unique()
    ids = ids.take(pc.sort_indices(ids))
    row = pc.index_in(id_array(inside["scene_id"]), value_set=shared)
    known = pc.is_valid(row).to_numpy(zero_copy_only=False)
    column = pc.index_in(id_array(inside["cluster_id"]), value_set=ids).to_numpy()[known]
    rows = row.drop_null().to_numpy()
    ones = np.ones(len(rows), dtype=np.int64)
    matrix = csr_array(coo_array((ones, (rows, column)), shape=(len(shared), len(ids))))
    matrix.data[:] = 1  # a membership that is told twice counts once
    return ids.to_pylist(), matrix


def _product(one: csr_array, two: csr_array) -> csr_array:
    common = csr_array(one.T @ two)
    common.sort_indices()
    return common


def _sums(matrix: csr_array) -> Ints:
    return np.asarray(matrix.sum(axis=0), dtype=np.int64).ravel()
