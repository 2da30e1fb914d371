"""Candidates, vectors and labels as the pool that a policy sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.ids import Ids, id_array
from oddloop.select.arrays import StoredVectors, gather_vectors, in_pool, rows_of
from oddloop.select.pool import Bools, Ints, Pool, Vectors


def labelled_with_vector(scenes: pa.Table, labelled_ids: Ids, vectors: pa.Table | StoredVectors | None) -> pa.Array:
    """Labelled scenes of the pool that have a vector, sorted; what is held out for evaluation teaches no model."""
    if vectors is None:
        return id_array([])
    ids = id_array(scenes["scene_id"])
    ids = ids.filter(pa.array(in_pool(scenes)))
    ids = ids.filter(pc.is_in(ids, value_set=id_array(labelled_ids)))
    known = vectors["scene_id"] if isinstance(vectors, pa.Table) else vectors.ids
    ids = ids.filter(pc.is_in(ids, value_set=id_array(known)))
    return ids.take(pc.sort_indices(ids))


def assemble_pool(
    candidates: pa.Table, scenes: pa.Table, vectors: pa.Table | StoredVectors | None, labelled: pa.Array
) -> Pool:
    """The pool of these CANDIDATES; its arrays cannot be written to."""
    ids = id_array(candidates["scene_id"])
    matrix, has_vector, on_demand = _vectors(vectors, ids)
    pool = Pool(
        scene_ids=ids.to_numpy(zero_copy_only=False),
        costs=candidates["cost"].to_numpy(),
        score=candidates["score"].to_numpy(),
        score_valid=candidates["score_valid"].to_numpy(),
        vectors=matrix,
        has_vector=has_vector,
        labelled_vectors=_read(vectors, labelled),
        scenes=scenes.take(rows_of(scenes, ids)),
        on_demand=on_demand,
    )
    for array in (pool.costs, pool.score, pool.score_valid, pool.vectors, pool.has_vector, pool.labelled_vectors):
        array.flags.writeable = False  # a policy of the team's own may not change what is recorded
    return pool


@dataclass(frozen=True)
class OnDemand:
    """Vectors of the rows of a pool, NaN where there are none; a class, since it travels to tasks."""

    stored: StoredVectors
    at: Ints

    def __call__(self, rows: Ints) -> Vectors:
        """(k, d) float32."""
        wanted = self.at[rows]
        present = wanted >= 0
        found = self.stored.read(wanted[present])
        if present.all():
            return found
        vectors = np.full((len(rows), found.shape[1]), np.nan, dtype=np.float32)
        vectors[present] = found
        return vectors


def _vectors(
    vectors: pa.Table | StoredVectors | None, ids: pa.Array
) -> tuple[Vectors, Bools, Callable[[Ints], Vectors] | None]:
    if vectors is None or isinstance(vectors, pa.Table):
        return *gather_vectors(vectors, ids), None
    at = pc.fill_null(pc.index_in(ids, value_set=vectors.ids), -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.zeros((len(ids), 0), dtype=np.float32), at >= 0, OnDemand(vectors, at)


def _read(vectors: pa.Table | StoredVectors | None, ids: pa.Array) -> Vectors:
    matrix, _, on_demand = _vectors(vectors, ids)
    return matrix if on_demand is None else on_demand(np.arange(len(ids)))
