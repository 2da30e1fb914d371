"""Scenes that show what a cluster is: the most typical, the most extreme and the most uncertain ones.

The first of each kind is the foremost; those that follow come from other logs as long as there are any, since scenes of
one drive are alike and looking at three of them tells no more than looking at one.
"""

from __future__ import annotations

import numpy as np

from oddloop.discover.arrays import Floats, Ints
from oddloop.discover.medoids import most_typical

N_EXAMPLES = 3


def typical_scenes(points: Floats, rows: Ints, log: Ints) -> Ints:
    """The members with the least summed distance to the others; see `medoids`."""
    return _of_several_logs(rows[most_typical(points[rows], len(rows))], log)


def extreme_scenes(points: Floats, rows: Ints, typical: Ints, log: Ints) -> Ints:
    """The members farthest from the most typical one, farthest first; ties go to the smaller row.

    >>> extreme_scenes(np.array([[0.0], [1.0], [9.0], [5.0]]), np.arange(4), np.array([0]), np.arange(4)).tolist()
    [2, 3, 1]
    """
    others = np.setdiff1d(rows, typical[:1])
    distance = np.linalg.norm(points[others] - points[typical[:1]], axis=1)
    return _of_several_logs(others[np.argsort(-distance, kind="stable")], log)


def uncertain_scenes(score: Floats, rows: Ints, log: Ints) -> Ints:
    """The members of highest score, highest first; without a score there is no example."""
    known = rows[np.isfinite(score[rows])]
    return _of_several_logs(known[np.argsort(-score[known], kind="stable")], log)


def _of_several_logs(ordered: Ints, log: Ints) -> Ints:
    """The first of each log in their order, then the others in theirs; `N_EXAMPLES` at most."""
    is_first = np.zeros(len(ordered), dtype=bool)
    is_first[np.unique(log[ordered], return_index=True)[1]] = True
    return np.concatenate([ordered[is_first], ordered[~is_first]])[:N_EXAMPLES]
