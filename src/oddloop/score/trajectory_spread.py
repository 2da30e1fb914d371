"""How predicted trajectories disagree, per agent: which part of it is the road's, which the model's, and in which way.

With the ends and weights of `trajectory_ends` (e[m,k] the last position, w = p[m,k] / M), per agent, in metres:

    endpoint_spread      sqrt(sum w |e - mean|²)                                                    [0, inf)
    mode_displacement    mean over members of sum_kl p[m,k] p[m,l] |e[m,k] - e[m,l]|                [0, inf)
    member_displacement  sum_mn |mean_m - mean_n| / M², mean_m = sum_k p[m,k] e[m,k]                [0, inf)
    spread_along         sqrt(sum w ((e - mean)·t)²), t the direction of travel at the end          [0, inf)
    spread_across        sqrt(sum w ((e - mean)·n)²), n at right angles to t                        [0, inf)
    off_mode_risk        1 - max_c sum w [|e - e_c| <= 2 m], a probability without unit             [0, 1)

`mode_displacement` is 0 where every member sees one way; `member_displacement` is 0 where all members agree on average,
and is what more labels can cure. Both draw two modes (members) independently, so one of them gives 0.
along² + across² = endpoint_spread²: along is doubt about speed, across is doubt about the lane or the turn.

The direction t is the last step of the mean path, sum w (e - previous position). Where that is shorter than 1 cm (a
standing agent, paths of one step) no direction is travelled, and the axis along which the ends spread most stands in.

`off_mode_risk` commits to the end with the most probability within 2 m (the miss distance of Argoverse 2) and is the
probability of ending elsewhere; several members' modes count as one set.

NaN, not valid: where `modes` and `mode_probs` differ in shape, a member is no distribution, or a last position is
missing, not finite, or not of two numbers; for along and across also where that holds of the position before.
Time grows with modes² per agent for the displacements and the risk, else with modes; memory with the modes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import numpy as np
import pyarrow as pa

from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.ragged import group_mean, group_sum
from oddloop.score.shapes import by_shape
from oddloop.score.trajectory_ends import Ends, is_alike, read_ends
from oddloop.score.trajectory_pairs import expected_distance, off_mode_mass

OFF_MODE_M = 2.0
"""How far off the best mode's end still counts as that mode: the miss distance of Argoverse 2 (Wilson et al. 2021)."""
STANDING_M = 0.01
"""A mean path whose last step is shorter than this has no direction."""


def compute_spreads(mode_probs: pa.Array, modes: pa.Array, names: Collection[str]) -> dict[str, FloatArray]:
    """(N,) measures per agent, by name; NaN where not valid.

    Args:
        mode_probs: (N,) lists of members x modes.
        modes: (N,) lists of members x modes x steps x (x, y), in metres.
        names: names of `SPREADS`.

    Raises:
        KeyError: there is no such measure.
        TableError: a level is not a list, or the numbers are not floats.

    >>> ends = pa.array([[[[[0.0, 0.0], [9.0, 3.0]], [[0.0, 0.0], [9.0, -3.0]]]]])
    >>> probs = pa.array([[[0.5, 0.5]]])
    >>> {k: v.tolist() for k, v in compute_spreads(probs, ends, ("spread_along", "spread_across")).items()}
    {'spread_along': [0.0], 'spread_across': [3.0]}
    """
    alike = is_alike(mode_probs, modes)
    if not alike.all():
        mode_probs, modes = mode_probs.filter(pa.array(alike)), modes.filter(pa.array(alike))
    ends = read_ends(mode_probs, modes, with_steps=bool(_WITH_STEPS & set(names)))
    whole = ends.is_whole()
    results = {}
    for name in names:
        values = np.full(len(alike), np.nan)
        with np.errstate(invalid="ignore", over="ignore"):
            found = SPREADS[name](ends, whole)
        values[alike] = np.where(whole & np.isfinite(found), found, np.nan)
        results[name] = values
    return results


def _endpoint_spread(ends: Ends, _: BoolArray) -> FloatArray:
    off = _off_mean(ends)
    result: FloatArray = np.sqrt(group_sum(ends.weights * (off[:, 0] ** 2 + off[:, 1] ** 2), ends.offsets()))
    return result


def _spread_along(ends: Ends, _: BoolArray) -> FloatArray:
    return _projected(ends, across=False)


def _spread_across(ends: Ends, _: BoolArray) -> FloatArray:
    return _projected(ends, across=True)


def _projected(ends: Ends, across: bool) -> FloatArray:
    """(N,) root mean square of the ends along the direction of travel, or across it."""
    off, offsets = _off_mean(ends), ends.offsets()
    angle = np.repeat(_direction(ends, off), np.diff(offsets))
    along, aside = np.cos(angle), np.sin(angle)
    part = off[:, 1] * along - off[:, 0] * aside if across else off[:, 0] * along + off[:, 1] * aside
    result: FloatArray = np.sqrt(group_sum(ends.weights * part**2, offsets))
    return result


def _direction(ends: Ends, off: FloatArray) -> FloatArray:
    """(N,) angle of the last step of the mean path, or of the widest axis of the ends where there is no such step."""
    offsets = ends.offsets()
    step = np.stack([group_sum(ends.weights * s, offsets) for s in ends.steps.T])
    xx, yy, xy = (group_sum(ends.weights * p, offsets) for p in (off[:, 0] ** 2, off[:, 1] ** 2, off[:, 0] * off[:, 1]))
    widest = 0.5 * np.arctan2(2 * xy, xx - yy)
    length = np.hypot(*step)
    angle = np.where(length < STANDING_M, widest, np.arctan2(step[1], step[0]))
    return np.where(np.isfinite(length), angle, np.nan)


def _off_mean(ends: Ends) -> FloatArray:
    """(P,2) ends minus the agent's mean end."""
    offsets = ends.offsets()
    means = np.stack([group_sum(ends.weights * axis, offsets) for axis in ends.positions.T], axis=1)
    off: FloatArray = ends.positions - np.repeat(means, np.diff(offsets), axis=0)
    return off


def _mode_displacement(ends: Ends, whole: BoolArray) -> FloatArray:
    n_members = np.diff(ends.members)
    apart = np.full(len(ends.modes) - 1, np.nan)
    for rows, dense in _dense(ends.weights, ends.positions, ends.modes, np.repeat(whole, n_members)):
        p = dense[:, :, 0] / dense[:, :, 0].sum(axis=1, keepdims=True)
        apart[rows] = expected_distance(dense[:, :, 1:], p)
    return group_mean(apart, ends.members)


def _member_displacement(ends: Ends, whole: BoolArray) -> FloatArray:
    n_members = np.diff(ends.members)
    share = np.repeat(1.0 / np.maximum(n_members, 1), n_members)
    means = np.stack([group_sum(ends.weights * axis, ends.modes) / share for axis in ends.positions.T], axis=1)
    result = np.full(len(whole), np.nan)
    for rows, dense in _dense(share, means, ends.members, whole):
        result[rows] = expected_distance(dense[:, :, 1:], dense[:, :, 0])
    return result


def _off_mode_risk(ends: Ends, whole: BoolArray) -> FloatArray:
    result = np.full(len(whole), np.nan)
    for rows, dense in _dense(ends.weights, ends.positions, ends.offsets(), whole):
        result[rows] = off_mode_mass(dense[:, :, 1:], dense[:, :, 0], OFF_MODE_M)
    return result


def _dense(
    weights: FloatArray, positions: FloatArray, offsets: IntArray, kept: BoolArray
) -> Iterator[tuple[IntArray, FloatArray]]:
    """(r,) rows and (r,P,3) weight, x, y of the groups that are kept, by their number of items."""
    values = np.column_stack([weights, positions]).ravel()
    rows = np.flatnonzero(kept & (np.diff(offsets) > 0))
    shapes = np.stack([np.diff(offsets)[rows], np.full(len(rows), 3)], axis=1)
    for group, dense in by_shape(values, 3 * offsets[rows], shapes):
        yield rows[group], dense.astype(np.float64, copy=False)


SPREADS: dict[str, Callable[[Ends, BoolArray], FloatArray]] = {
    "endpoint_spread": _endpoint_spread,
    "mode_displacement": _mode_displacement,
    "member_displacement": _member_displacement,
    "spread_along": _spread_along,
    "spread_across": _spread_across,
    "off_mode_risk": _off_mode_risk,
}
"""Measures by name, each of the ends and of which agents are whole."""
_WITH_STEPS = {"spread_along", "spread_across"}
