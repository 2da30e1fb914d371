"""Scenes that show what a cluster is: the most typical, the most extreme and the most uncertain ones."""

from __future__ import annotations

import numpy as np

from oddloop.discover.arrays import Floats, Ints
from oddloop.discover.medoids import most_typical

N_EXAMPLES = 3


def typical_scenes(points: Floats, rows: Ints) -> Ints:
    """The members with the least summed distance to the others; see `medoids`."""
    return rows[most_typical(points[rows], N_EXAMPLES)]


def extreme_scenes(points: Floats, rows: Ints, typical: Ints) -> Ints:
    """The members farthest from the most typical one, farthest first; ties go to the smaller row.

    >>> extreme_scenes(np.array([[0.0], [1.0], [9.0], [5.0]]), np.arange(4), np.array([0])).tolist()
    [2, 3, 1]
    """
    others = np.setdiff1d(rows, typical[:1])
    distance = np.linalg.norm(points[others] - points[typical[:1]], axis=1)
    return others[np.argsort(-distance, kind="stable")[:N_EXAMPLES]]


def uncertain_scenes(score: Floats, rows: Ints) -> Ints:
    """The members of highest score, highest first; without a score there is no example."""
    known = rows[np.isfinite(score[rows])]
    return known[np.argsort(-score[known], kind="stable")[:N_EXAMPLES]]
