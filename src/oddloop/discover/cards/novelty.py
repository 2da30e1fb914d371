"""How far scenes lie from what the model was trained on.

A scene is novel where its nearest training scene is farther than 99 % of the training scenes are from their own nearest
one. Distances are in the space of scene vectors. Exact; time O(scenes x training scenes x d), memory O(scenes). Of more
than `_MOST` training scenes an evenly spaced part, in the order of scene_id, stands for all: distances then come out a
little long on both sides of the comparison alike.
"""

from __future__ import annotations

import numpy as np

from oddloop.discover.arrays import Bools, Floats, Ints
from oddloop.discover.basis import parts_of
from oddloop.neighbours import nearest_among

_MOST = 50_000
_LEAST = 20
"""Fewer training scenes than this say nothing of a 99th percentile."""
QUANTILE = 0.99


def find_novel(points: Floats, is_trained: Bools) -> tuple[Bools, Floats] | None:
    """Say which scenes are novel.

    Args:
        points: (n, d) scene vectors, finite.
        is_trained: (n,) whether the model was trained on the scene.

    Returns:
        (n,) whether the scene is novel, and (n,) distance to its nearest training scene (for a training scene, to the
        nearest other one); None with fewer than 20 training scenes.

    >>> points = np.arange(30.0)[:, None] ** 2
    >>> novel, distance = find_novel(points, np.arange(30) < 25)
    >>> novel[25:].tolist(), distance[29]
    ([True, True, True, True, True], np.float64(265.0))
    """
    trained = np.flatnonzero(is_trained)
    if len(trained) < _LEAST:
        return None
    reference = trained[np.arange(min(len(trained), _MOST)) * len(trained) // min(len(trained), _MOST)]
    distance = _nearest_other(points, reference)
    limit = np.quantile(distance[reference], QUANTILE)
    return (distance > limit) & ~is_trained, distance


def _nearest_other(points: Floats, reference: Ints) -> Floats:
    """(n,) distance of each point to the nearest reference point that is not itself."""
    rows = reference[nearest_among(points.astype(np.float32), points[reference].astype(np.float32), 2, seed=0)]
    nearest = np.where(rows[:, 0] == np.arange(len(points)), rows[:, 1], rows[:, 0])
    return np.concatenate([_apart(points[part], points[nearest[part]]) for part in parts_of(len(points))])


def _apart(points: Floats, others: Floats) -> Floats:
    return np.asarray(np.linalg.norm(points - others, axis=1))
