"""Where predicted trajectories end, and how likely: the ragged arrays that every trajectory measure starts from.

An agent has members, a member has modes, a mode has a last position and the step before it. The weight of a mode is
w = p[m,k] / M, so that the weights of an agent sum to 1 whatever its members are like.

Time and memory grow with the number of modes; of the steps, only the last two of each mode are read.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.blocks import SUM_TOLERANCE
from oddloop.score.nested import Nested, floats, unnest
from oddloop.score.ragged import group_max, group_sum

_ROUNDING = 1e-9


class Ends(NamedTuple):
    """The last positions of the modes of N agents with Q members and P modes in all.

    Attributes:
        weights: (P,) share of the agent's probability; NaN throughout a member that is not a distribution.
        positions: (P,2) last position in metres; NaN where a mode has none.
        steps: (P,2) last position minus the one before, in metres; 0 where a mode has one step only.
        members: (N+1,) bounds of each agent's members.
        modes: (Q+1,) bounds of each member's modes.
    """

    weights: FloatArray
    positions: FloatArray
    steps: FloatArray
    members: IntArray
    modes: IntArray

    def offsets(self) -> IntArray:
        """(N+1,) bounds of each agent's modes."""
        return self.modes[self.members]

    def is_whole(self) -> BoolArray:
        """(N,) whether the agent's weights sum to 1 and every one of its modes ends at a finite position."""
        with np.errstate(invalid="ignore"):
            is_full = np.abs(group_sum(self.weights, self.offsets()) - 1.0) < _ROUNDING
        is_lost = group_sum(~np.isfinite(self.positions).all(axis=1), self.offsets()) > 0
        whole: BoolArray = is_full & ~is_lost
        return whole


def read_ends(mode_probs: pa.Array, modes: pa.Array, with_steps: bool = True) -> Ends:
    """Read the ends of agents whose `mode_probs` and `modes` are alike (see `is_alike`).

    Args:
        mode_probs: (N,) lists of members x modes.
        modes: (N,) lists of members x modes x steps x (x, y).
        with_steps: False leaves `steps` NaN, and the positions before the last unread.

    Raises:
        TableError: a level is not a list, or the numbers are not floats.
    """
    members = unnest(mode_probs, "`mode_probs`")
    inner = unnest(members.items, "each member of `mode_probs`")
    paths = unnest(unnest(unnest(modes, "`modes`").items, "each member of `modes`").items, "each mode of `modes`")
    last = _positions(paths, 1)
    steps = np.full_like(last, np.nan)
    if with_steps:
        before = _positions(paths, 2)
        is_single = np.diff(paths.offsets) == 1
        before[is_single] = last[is_single]
        with np.errstate(invalid="ignore", over="ignore"):
            steps = last - before
    return Ends(_weights(members, inner), last, steps, members.offsets, inner.offsets)


def is_alike(mode_probs: pa.Array, modes: pa.Array) -> BoolArray:
    """(N,) whether both have the same members, each with the same number of modes."""
    a, b = unnest(mode_probs, "`mode_probs`"), unnest(modes, "`modes`")
    a_modes = unnest(a.items, "each member of `mode_probs`").offsets
    b_modes = unnest(b.items, "each member of `modes`").offsets
    alike: BoolArray = np.diff(a.offsets) == np.diff(b.offsets)
    if alike.all() and np.array_equal(a_modes, b_modes):
        return alike
    lengths = [np.diff(m)[np.repeat(alike, np.diff(n.offsets))] for m, n in ((a_modes, a), (b_modes, b))]
    offsets = np.concatenate([[0], np.cumsum(np.diff(a.offsets)[alike])])
    alike[alike] = group_sum(lengths[0] != lengths[1], offsets) == 0
    return alike


def _weights(members: Nested, modes: Nested) -> FloatArray:
    p = floats(modes.items, "probabilities in `mode_probs`").astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        sums = group_sum(p, modes.offsets)
        lowest = -group_max(-p, modes.offsets)
        is_good = (np.abs(sums - 1.0) <= SUM_TOLERANCE) & (lowest >= 0)
    n_members = np.diff(members.offsets)
    scale = np.where(is_good, sums, np.nan) * np.repeat(n_members, n_members)
    weights: FloatArray = p / np.repeat(scale, np.diff(modes.offsets))
    return weights


def _positions(paths: Nested, back: int) -> FloatArray:
    """(P,2) the last position (`back` 1) or the one before (2); NaN where there is none, or not of two numbers."""
    result = np.full((len(paths.offsets) - 1, 2), np.nan)
    travelled = np.flatnonzero(np.diff(paths.offsets) >= back)
    # Taken before it is unnested: offsets of all steps would be larger than the positions themselves.
    rows = paths.items.take(pa.array(paths.offsets[1:][travelled] - back))
    points = unnest(rows, "each position in `modes`")
    is_pair = np.diff(points.offsets) == 2
    xy = floats(points.items, "positions in `modes`")
    places = slice(None) if is_pair.all() else points.offsets[:-1][is_pair, None] + np.arange(2)
    result[travelled[is_pair]] = xy[places].reshape(-1, 2)
    return result
