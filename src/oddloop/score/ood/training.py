"""The rows that statistics may be fitted to: those of the scenes that the model was trained on, and no others.

Fitted on anything else, a statistic would call normal what the model has never seen. Every `fit_*` takes a
`TrainingSet`, and the functions here, which need the labelled scenes, are how one is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import TableError
from oddloop.score.arrays import AnyFloats, IntArray
from oddloop.score.foreign import to_numpy
from oddloop.score.ood.arrays import LARGEST, as_matrix, usable_rows
from oddloop.score.ood.source import Source
from oddloop.score.ood.vectors import dense_rows

Ids: TypeAlias = pa.Array | pa.ChunkedArray | Collection[str]
"""Scene ids: an Arrow column, or any collection of strings."""


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Finite features of the scenes that the model was trained on.

    Attributes:
        source: what made the features.
        features: (n,d) float16, float32 or float64, finite and at most 1e60.
        classes: (n,) class of each row, 0 to C - 1, every class with a row; all 0 where there are no classes.
        scenes_digest: digest of the ids of the scenes, whatever their order.
        n_ignored: rows of those scenes that were left out, since a number was not finite, beyond 1e60, or missing.
    """

    source: Source
    features: AnyFloats
    classes: IntArray
    scenes_digest: str
    n_ignored: int


def training_set(
    features: npt.ArrayLike,
    scene_ids: Ids,
    trained_ids: Ids,
    source: Source,
    classes: npt.ArrayLike | None = None,
) -> TrainingSet:
    """Keep the rows of the scenes that the model was trained on.

    Args:
        features: (N,d) float16, float32 or float64, a row per frame or scene.
        scene_ids: (N,) scene of each row.
        trained_ids: the scenes that the model was trained on; others of its scenes are left out.
        source: what made the features.
        classes: (N,) integers or strings: class of each row, as labelled; None: one class.

    Raises:
        TableError: lengths differ, or no usable row is left.
        ValueError: `features` holds no floats or is not two-dimensional.

    >>> made = training_set([[1.0], [2.0], [9.0]], ["a", "b", "c"], ["a", "b"], Source("m1", "layer4"))
    >>> made.features.tolist(), made.n_ignored
    ([[1.0], [2.0]], 0)
    """
    matrix = as_matrix(features, "features")
    ids, wanted = _id_array(scene_ids), _id_array(trained_ids)
    labels = np.zeros(len(matrix), np.int64) if classes is None else to_numpy(classes)
    if not len(matrix) == len(ids) == len(labels):
        raise TableError(f"{len(matrix)} rows of features, {len(ids)} scene ids, {len(labels)} classes: must be alike")
    trained = pc.is_in(ids, value_set=wanted).to_numpy(zero_copy_only=False)
    kept = trained.copy()
    kept[trained] = usable_rows(matrix[trained]) & (np.abs(matrix[trained]) <= np.float64(LARGEST)).all(axis=1)
    if not kept.any():
        raise TableError(
            f"no finite features of any of the {len(wanted)} scenes that the model was trained on; "
            "export features for those scenes, too"
        )
    codes = np.unique(labels[kept], return_inverse=True)[1].reshape(-1).astype(np.int64)
    n_ignored = int(trained.sum() - kept.sum())
    used = ids.filter(pa.array(kept))
    return TrainingSet(source, matrix[kept], codes, _digest_of_ids(used), n_ignored)


def training_set_of_table(
    features: pa.Table, trained_ids: Ids, source: Source, class_column: str | None = None
) -> TrainingSet:
    """The same from a table of features.

    Args:
        features: rows of `tables.FEATURES`; a vector that is null, or of another length than most, is ignored.
        trained_ids: the scenes that the model was trained on.
        source: what made the features.
        class_column: column of class names; None: one class.

    Raises:
        TableError: a column is missing or of the wrong type, or no usable row is left.

    >>> table = pa.table({"scene_id": ["a", "b"], "vector": [[1.0, 2.0], None]})
    >>> made = training_set_of_table(table, ["a", "b"], Source("m1", "layer4"))
    >>> made.features.shape, made.n_ignored
    ((1, 2), 1)
    """
    for name in ("scene_id", "vector", *([class_column] if class_column else [])):
        if name not in features.column_names:
            raise TableError(f"features: column `{name}` is missing; there are: {', '.join(features.column_names)}")
    is_trained = pc.is_in(features["scene_id"].cast(pa.string()), value_set=_id_array(trained_ids))
    rows = features.filter(is_trained)
    classes = None
    if class_column:
        if rows[class_column].null_count:
            raise TableError(f"features: `{class_column}` is null in {rows[class_column].null_count:,} training rows")
        classes = rows[class_column].to_numpy()
    return training_set(dense_rows(rows["vector"].combine_chunks()), rows["scene_id"], trained_ids, source, classes)


def _id_array(ids: Ids) -> pa.Array:
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    return ids.cast(pa.string()) if isinstance(ids, pa.Array) else pa.array(list(ids), pa.string())


def _digest_of_ids(ids: pa.Array) -> str:
    state = hashlib.blake2b(digest_size=16)
    for scene_id in sorted(ids.unique().to_pylist()):
        state.update(scene_id.encode() + b"\0")
    return state.hexdigest()
