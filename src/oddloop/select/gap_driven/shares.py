"""Picks that are not made by merit: the random control, and exploration.

The control is one random order of all candidates, made before anything is picked, and taken from the front as the
spending grows. A scene that merit has picked already when its turn comes counts as control too and costs nothing more.
So at any prefix the control is a sample by chance of the whole pool, against which the other picks can be judged at
equal cost. Exploration draws by chance among the half of the candidates that what is labelled stands for least: scores
and gaps are measured where data is and say little there; the very farthest are often sensor faults, so distance only
says which half.
"""

from __future__ import annotations

import numpy as np

from oddloop.select.pool import Bools, Floats, Ints


def draw_control(open_rows: Bools, rng: np.random.Generator) -> Ints:
    """All open rows in a random order.

    >>> draw_control(np.array([True, False]), np.random.default_rng(0)).tolist()
    [0]
    """
    order = rng.permutation(len(open_rows))
    return order[open_rows[order]]


def draw_exploration(open_rows: Bools, covered: Floats, rng: np.random.Generator) -> Ints:
    """The open rows that are covered at most as well as their median, in a random order.

    >>> draw_exploration(np.array([True, True, True]), np.array([0.9, 0.1, 0.5]), np.random.default_rng(0)).tolist()
    [2, 1]
    """
    order = rng.permutation(len(open_rows))
    if not open_rows.any():
        return order[:0]
    little = open_rows & (covered <= np.median(covered[open_rows]))
    return order[little[order]]
