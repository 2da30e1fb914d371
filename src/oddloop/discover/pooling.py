"""Frame features pooled to scenes: the mean over the frames of a scene.

Sums and counts are kept per scene, so that batches, shards and later runs add up in any order. Time O(frames x d);
memory O(scenes x d) beside the features themselves, which are read `_ROWS` at a time.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.discover.arrays import Bools, Floats, Ints, row_of, vector_matrix
from oddloop.errors import TableError
from oddloop.ids import id_array

_ROWS = 1024
"""Vectors handled at a time: 2 MB of float64 at 256 numbers each, which stays in the processor's cache."""


def mean_by_scene(features: pa.Table, scene_ids: pa.Array) -> tuple[Floats, Bools]:
    """Average the feature vectors of each scene.

    Args:
        features: scene_id and `vector` (list of floats), one row per frame or per scene; null vectors and scenes that
            are not asked for are passed over.
        scene_ids: (n,) the scenes wanted, each once.

    Returns:
        (n, d) means, 0 where there is none, and (n,) whether the scene has any vector; d is 0 without any vector.

    Raises:
        TableError: vectors differ in length or hold NaN or infinity.

    >>> table = pa.table({"scene_id": ["a", "a", "c"], "vector": [[1.0, 0.0], [3.0, 0.0], [9.0, 9.0]]})
    >>> means, present = mean_by_scene(table, id_array(["a", "b"]))
    >>> means.tolist(), present.tolist()
    ([[2.0, 0.0], [0.0, 0.0]], [True, False])
    """
    rows, known = row_of(scene_ids, id_array(features["scene_id"]))
    sums, counts, start = np.zeros((len(scene_ids), 0)), np.zeros(len(scene_ids), dtype=np.int64), 0
    for batch in features.select(["vector"]).to_batches(max_chunksize=_ROWS):
        matrix, present = vector_matrix(batch["vector"])
        part = slice(start, start := start + batch.num_rows)
        wanted = known[part][present]
        sums = _match_width(sums, counts, matrix.shape[1] if len(matrix) else sums.shape[1])
        _add(sums, counts, rows[part][present][wanted], matrix[wanted].astype(np.float64))
    _refuse_non_finite(sums, scene_ids)
    sums /= np.maximum(counts, 1)[:, None]
    return sums, counts > 0


def _match_width(sums: Floats, counts: Ints, width: int) -> Floats:
    if sums.shape[1] == width:
        return sums
    if sums.shape[1] == 0 and not counts.any():
        return np.zeros((len(sums), width))
    raise TableError(f"features: vectors differ in length: {sums.shape[1]} and {width}; give all from one encoder")


def _add(sums: Floats, counts: Ints, rows: Ints, matrix: Floats) -> None:
    """Add each row of `matrix` to the sums of its scene, in place."""
    if not len(rows):
        return
    order = np.argsort(rows, kind="stable")
    scenes, starts, members = np.unique(rows[order], return_index=True, return_counts=True)
    sums[scenes] += np.add.reduceat(matrix[order], starts, axis=0)
    counts[scenes] += members


def _refuse_non_finite(sums: Floats, scene_ids: pa.Array) -> None:
    # A NaN or an infinity in any frame spoils the sum of its scene, so looking at the sums finds them all.
    bad = np.flatnonzero(~np.isfinite(sums).all(axis=1))
    if len(bad):
        raise TableError(
            f"features: the vectors of {len(bad)} scenes hold NaN or infinity, the first is scene "
            f"{scene_ids[int(bad[0])].as_py()!r}; run `oddloop check` for the rows"
        )


def hardest_frames(frame_scores: pa.Table, score: str, share: float) -> pa.Table:
    """Pick the frames of highest score of each scene: where to look, if most of a scene is calm.

    Args:
        frame_scores: `frame_id`, `scene_id` and the score; frames whose score is null or not finite are passed over.
        score: column of a frame score, larger = harder.
        share: share of a scene's scored frames, in (0, 1); one frame at least.

    Returns:
        `frame_id` of the chosen frames, sorted; ties go to the smaller frame_id.

    >>> scores = pa.table({"frame_id": list("abcd"), "scene_id": ["s"] * 3 + ["t"], "x": [0.1, 0.9, 0.5, 0.0]})
    >>> hardest_frames(scores, "x", 0.3)["frame_id"].to_pylist()
    ['b', 'd']
    """
    values = pc.fill_null(frame_scores[score].cast(pa.float64()), np.nan).to_numpy()
    kept = frame_scores.select(["frame_id", "scene_id"]).filter(pa.array(np.isfinite(values)))
    kept = kept.append_column("score", pa.array(values[np.isfinite(values)]))
    kept = kept.sort_by([("scene_id", "ascending"), ("score", "descending"), ("frame_id", "ascending")])
    scene = kept["scene_id"].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    size = np.bincount(scene, minlength=0)
    place = np.arange(len(scene)) - np.searchsorted(scene, scene)
    chosen = place < np.maximum(np.ceil(share * size), 1)[scene]
    return kept.filter(pa.array(chosen)).select(["frame_id"]).sort_by("frame_id")
