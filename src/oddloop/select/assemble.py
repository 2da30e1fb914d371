"""Candidates, vectors and labels as the pool that a policy sees."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.ids import Ids, id_array
from oddloop.select.arrays import gather_vectors, in_pool, rows_of
from oddloop.select.pool import Pool


def labelled_with_vector(scenes: pa.Table, labelled_ids: Ids, vectors: pa.Table | None) -> pa.Array:
    """Labelled scenes of the pool that have a vector, sorted; what is held out for evaluation teaches no model."""
    if vectors is None:
        return id_array([])
    ids = id_array(scenes["scene_id"])
    ids = ids.filter(pa.array(in_pool(scenes)))
    ids = ids.filter(pc.is_in(ids, value_set=id_array(labelled_ids)))
    ids = ids.filter(pa.array(gather_vectors(vectors, ids)[1]))
    return ids.take(pc.sort_indices(ids))


def assemble_pool(candidates: pa.Table, scenes: pa.Table, vectors: pa.Table | None, labelled: pa.Array) -> Pool:
    """The pool of these CANDIDATES; its arrays cannot be written to."""
    ids = id_array(candidates["scene_id"])
    matrix, has_vector = gather_vectors(vectors, ids)
    pool = Pool(
        scene_ids=ids.to_numpy(zero_copy_only=False),
        costs=candidates["cost"].to_numpy(),
        score=candidates["score"].to_numpy(),
        score_valid=candidates["score_valid"].to_numpy(),
        vectors=matrix,
        has_vector=has_vector,
        labelled_vectors=gather_vectors(vectors, labelled)[0],
        scenes=scenes.take(rows_of(scenes, ids)),
    )
    for array in (pool.costs, pool.score, pool.score_valid, pool.vectors, pool.has_vector, pool.labelled_vectors):
        array.flags.writeable = False  # a policy of the team's own may not change what is recorded
    return pool
