"""Scenes that are like examples, among those that meet the conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.discover.arrays import row_of, vector_matrix
from oddloop.discover.search import find_similar
from oddloop.ids import id_array
from oddloop.web.queries.scenes.column import Bools, Ints
from oddloop.web.queries.scenes.index import Index
from oddloop.web.store import NothingThereError

_FILE = "scene_vectors.parquet"


@dataclass(frozen=True)
class Vectors:
    """Vectors of scenes that have one: (m, d), (m,) squares of their lengths, and (m,) rows of the index."""

    matrix: npt.NDArray[np.floating]
    squares: npt.NDArray[np.floating]
    rows: Ints


@dataclass(frozen=True)
class Likeness:
    """Rows of scenes, the likest first, with their distance to the nearest example; `total` is how many there are."""

    rows: Ints
    distances: tuple[float, ...]
    total: int


def find_like(index: Index, kept: Bools, like: Sequence[str], unlike: Sequence[str], k: int) -> Likeness:
    """The k kept scenes that are most like the examples, which are left out.

    Raises:
        NothingThereError: an example has no scene vector.
    """
    vectors = read_vectors(index)
    positives, negatives = _places(index, vectors, like), _places(index, vectors, unlike)
    is_among = kept[vectors.rows]
    is_among[np.concatenate([positives, negatives])] = False
    n_among = int(np.count_nonzero(is_among))
    if not n_among or not len(positives):
        return Likeness(np.zeros(0, dtype=np.int64), (), 0)
    matrix = vectors.matrix
    among = np.flatnonzero(is_among) if len(negatives) else _near(vectors, positives, is_among, min(k, n_among))
    found = find_similar(matrix, matrix[positives], matrix[negatives], k=k, rows=among)
    return Likeness(vectors.rows[found.rows], tuple(found.distance.tolist()), n_among)


def _near(vectors: Vectors, examples: Ints, is_among: Bools, k: int) -> Ints:
    """Rows that are among the k nearest of the examples, and few others: squares are rounded, and then none is missed.

    One product of matrices, which takes a tenth of the time of exact differences.
    """
    matrix = vectors.matrix
    squares = vectors.squares - 2 * (matrix @ matrix[examples].T).T
    squares += vectors.squares[examples, None]
    nearest = np.where(is_among, squares.min(axis=0), np.inf)
    limit = np.partition(nearest, k - 1)[k - 1]
    slack = 8 * matrix.shape[1] * np.finfo(nearest.dtype).eps * (limit + 4 * vectors.squares[examples].max())
    return np.flatnonzero(nearest <= limit + slack)


def read_vectors(index: Index) -> Vectors:
    """Scene vectors by row of the index; none before scenes were described."""
    folder = index.view.stage("discover")
    if folder is None or not folder.exists(_FILE):
        return Vectors(np.zeros((0, 0)), np.zeros(0), np.zeros(0, dtype=np.int64))

    def make() -> Vectors:
        table = folder.read_table(_FILE, ["scene_id", "vector"])
        matrix, is_there = vector_matrix(table["vector"].combine_chunks())
        rows, found = row_of(index.ids, id_array(table["scene_id"]).filter(pa.array(is_there)))
        known = matrix[found]
        return Vectors(known, np.einsum("ij,ij->i", known, known), rows[found])

    return index.view.cached(("scene vectors", index.digest, index.view.stages["discover"]), make)


def _places(index: Index, vectors: Vectors, scene_ids: Sequence[str]) -> Ints:
    places = [_place(index, vectors, scene_id) for scene_id in scene_ids]
    return np.array(places, dtype=np.int64)


def _place(index: Index, vectors: Vectors, scene_id: str) -> int:
    row = index.row(scene_id)
    found = np.flatnonzero(vectors.rows == (-1 if row is None else row))
    if not len(found):
        raise NothingThereError(f"scene {scene_id!r} has no scene vector, so nothing can be likened to it")
    return int(found[0])
