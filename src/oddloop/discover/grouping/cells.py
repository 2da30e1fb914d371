"""More rows than one graph should hold: group cells of k-means first, then look inside.

Rows are cut into shards, in canonical order; in each k-means (faiss) makes one cell per `_PER_CELL` rows. The cells'
centres are grouped by layers like rows, which gives the coarse groups; then rows are taken part by part, a part being
cells whose centres stand together and hold at most `MOST_IN_PART` rows, and grouped exactly, which gives the small
groups. A small group that two parts share is cut. Shards, and then parts, are independent tasks for an engine; where
they run changes nothing. Time O(n) shards and parts, each O(m^1.5 d) and that of a graph; memory one float32 copy of
the rows, and a shard or part for each task.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.discover.grouping.groups import Groups, make_groups
from oddloop.tasks import Run, run_here

Ints = npt.NDArray[np.int64]
MOST_IN_PART = 200_000
_PER_CELL = 64
_MOST_IN_SHARD = 1_000_000
_TRAINING_PER_CELL = 40
Points = npt.NDArray[np.float32]
Direct = Callable[[Points, Ints | None], Groups]
"""Groups of points and their logs, by one graph; it pickles."""


def group_by_cells(points: Points, logs: Ints | None, direct: Direct, seed: int, run: Run = run_here) -> Groups:
    """Group centres of cells, then the rows of each part.

    Args:
        points: (n, d) finite, in canonical order.
        logs: (n,) log of each row, or None.
        direct: how points are grouped that one graph can hold.
        seed: of the cells.
        run: how shards and parts are run.
    """
    cell, centres = _cells(points, seed, run)
    coarse = direct(centres, None)
    order = np.argsort(cell, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=len(centres)))])

    def rows_in(cells: Ints) -> Ints:
        return np.concatenate([order[start[c] : start[c + 1]] for c in cells.tolist()])

    members = [rows_in(coarse.members(i)) for i in range(len(coarse))]
    parent, persistence = coarse.parent.tolist(), coarse.persistence.tolist()
    labels = np.append(coarse.labels, -1)[cell]
    parts = _parts(coarse, np.diff(start))
    rows_of_part = [np.sort(rows_in(part)) for part in parts]
    items = [(points[rows], None if logs is None else logs[rows]) for rows in rows_of_part]
    each = run(functools.partial(_group_part, direct), items)
    for part, rows, found in zip(parts, rows_of_part, each, strict=True):
        above = int(coarse.labels[part[0]]) if len(np.unique(coarse.labels[part])) == 1 else -1
        members += [rows[found.members(i)] for i in range(len(found))]
        shift = len(parent)
        parent += [p + shift if p >= 0 else above for p in found.parent.tolist()]
        persistence += found.persistence.tolist()
        inside = found.labels >= 0
        labels[rows[inside]] = found.labels[inside] + shift
    return make_groups(members, parent, persistence, labels, "layers of cells")


def _group_part(direct: Direct, part: tuple[Points, Ints | None]) -> Groups:
    return direct(*part)


def _cells(points: Points, seed: int, run: Run) -> tuple[Ints, Points]:
    """Cell of each row, and the centres of all cells, shard after shard."""
    n_shards = -(-len(points) // _MOST_IN_SHARD)
    found = run(functools.partial(_cells_of_shard, seed), np.array_split(points, n_shards))
    first = np.cumsum([0, *(len(centres) for _, centres in found)])
    cell = np.concatenate([cell + at for (cell, _), at in zip(found, first, strict=False)])
    return cell, np.concatenate([centres for _, centres in found])


def _cells_of_shard(seed: int, points: Points) -> tuple[Ints, Points]:
    import faiss  # here: slow to load

    n, d = points.shape
    k = max(1, n // _PER_CELL)
    index: Any = faiss.IndexFlatL2(d)
    cells: Any = faiss.Clustering(d, k)
    cells.niter, cells.seed, cells.max_points_per_centroid = 6, seed + 1, 10**9
    n_training = min(n, k * _TRAINING_PER_CELL)
    cells.train(points[np.arange(n_training) * n // n_training], index)
    cell = np.concatenate([index.search(points[i : i + 65_536], 1)[1][:, 0] for i in range(0, n, 65_536)])
    used, cell = np.unique(cell, return_inverse=True)
    centres = faiss.vector_to_array(cells.centroids).reshape(k, d)[used]
    return cell.astype(np.int64), np.ascontiguousarray(centres, dtype=np.float32)


def _parts(coarse: Groups, size: Ints) -> list[Ints]:
    """Cells part by part: those of one flat group together, small groups with their neighbours in number."""
    order = np.argsort(coarse.labels, kind="stable")
    parts, begin, held = [], 0, 0
    for at, c in enumerate(order.tolist()):
        changes = at > begin and coarse.labels[c] != coarse.labels[order[at - 1]]
        if at > begin and (held + size[c] > MOST_IN_PART or (changes and held > MOST_IN_PART // 4)):
            parts.append(order[begin:at])
            begin, held = at, 0
        held += int(size[c])
    return [*parts, order[begin:]]
