"""How probable a collision is, given several predicted ways of an agent and one path of the ego vehicle.

With p[m,k] the probability that member m of M gives to mode k, and hit[m,k] = 1 where the agent's shape on that mode
overlaps (or touches) the ego's at one and the same step:

    one agent   P = sum_mk p[m,k] hit[m,k] / M                       [0, 1]
    a frame     1 - prod over agents of (1 - P)                      [0, 1], agents taken as independent

The shapes are rectangles along the direction of travel, or the discs around them (half the diagonal as radius): discs
never miss an overlap of rectangles, need no heading and are faster, but report passing neighbours too.
Steps are instants: what happens between them is not seen.

NaN, not valid: a member is no distribution, or a number that is needed is not finite. No mode gives NaN; a frame
without agents has 0. Larger is more worth labelling as it is.

Time grows with agents x members x modes x steps; memory with those of a block of agents.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import BoolArray, FloatArray
from oddloop.score.foreign import to_float64
from oddloop.score.measures import is_distribution
from oddloop.score.ragged import group_sum
from oddloop.score.risk.boxes import boxes_overlap, disc_distance, make_boxes

Shape = Literal["boxes", "discs"]
MOVING_M = 0.05
"""A step shorter than this tells no heading."""
_BLOCK = 1 << 18
_ROUNDING = 1e-9


def collision_probability(
    probs: npt.ArrayLike,
    modes: npt.ArrayLike,
    ego: npt.ArrayLike,
    agent_size: npt.ArrayLike,
    ego_size: npt.ArrayLike,
    shape: Shape = "boxes",
    agent_heading: npt.ArrayLike = np.nan,
    ego_heading: npt.ArrayLike = np.nan,
) -> FloatArray:
    """Probability that each agent meets the ego vehicle.

    Args:
        probs: (N,M,K) probabilities of the modes of each member.
        modes: (N,M,K,H,2) predicted centres in metres.
        ego: (N,H,2) the ego's centres at the same steps, in the same frame of reference.
        agent_size: (N,2) length and width of each agent, or (2,) for all.
        ego_size: (N,2) or (2,) of the ego.
        shape: rectangles or discs.
        agent_heading: (N,) headings for rectangles on a mode that never moves; with NaN such an agent is not valid
            where the discs meet.
        ego_heading: (N,) the same for the ego.

    Returns:
        (N,) probabilities.

    Raises:
        ValueError: the shapes do not fit.

    >>> ways = [[[[[5.0, 5.0], [5.0, 0.0]], [[5.0, 5.0], [5.0, 20.0]]]]]
    >>> collision_probability([[[0.25, 0.75]]], ways, [[[0.0, 0.0], [5.0, 1.0]]], [4.0, 2.0], [4.0, 2.0])
    array([0.25])
    """
    p, paths, own = (to_float64(x) for x in (probs, modes, ego))
    _check(p, paths, own)
    n = len(p)
    sizes = [np.broadcast_to(to_float64(s), (n, 2)) for s in (agent_size, ego_size)]
    headings = [np.broadcast_to(to_float64(h), (n,)) for h in (agent_heading, ego_heading)]
    result = np.full(n, np.nan)
    if p[:1].size or not n:
        per_block = max(_BLOCK // max(math.prod(paths.shape[1:4]), 1), 1)
        for start in range(0, n if paths.shape[3] else 0, per_block):
            rows = slice(start, start + per_block)
            hit, known = _hits(paths[rows], own[rows], [s[rows] for s in sizes], [h[rows] for h in headings], shape)
            result[rows] = _probability(p[rows], hit, known)
    return result


def any_collision_probability(probabilities: npt.ArrayLike, offsets: npt.ArrayLike) -> FloatArray:
    """Probability that the ego meets at least one agent of each frame, agents taken as independent.

    Args:
        probabilities: (N,) of each agent.
        offsets: (F+1,) bounds of each frame's agents.

    Returns:
        (F,) probabilities; 0 for a frame without agents, NaN for one with an agent that is not valid.

    Raises:
        ValueError: the offsets fall, or reach beyond the agents.

    >>> any_collision_probability([0.5, 0.5, 1.0], [0, 2, 2, 3])
    array([0.75, 0.  , 1.  ])
    """
    p = to_float64(probabilities)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = -np.expm1(group_sum(np.log1p(-p), offsets))
    return np.clip(found + 0.0, 0.0, 1.0)


def path_headings(paths: npt.ArrayLike, standing: npt.ArrayLike = np.nan) -> FloatArray:
    """Direction of travel at each step, from the step before; from the first that moves, before that.

    Args:
        paths: (...,H,2) positions in metres.
        standing: (...) heading of a path of which no step is `MOVING_M` long, in radians.

    Returns:
        (...,H) headings in radians.

    >>> path_headings([[0.0, 0.0], [0.0, 1.0], [0.0, 1.0], [-1.0, 1.0]]).round(4)
    array([1.5708, 1.5708, 1.5708, 3.1416])
    """
    xy = to_float64(paths)
    n_steps = xy.shape[-2]
    place = np.arange(n_steps)
    with np.errstate(invalid="ignore", over="ignore"):
        step = np.diff(xy, axis=-2, prepend=xy[..., :1, :])
        moves = np.hypot(step[..., 0], step[..., 1]) >= MOVING_M
        angle = np.arctan2(step[..., 1], step[..., 0])
    last = np.maximum.accumulate(np.where(moves, place, -1), axis=-1)
    first = np.where(moves, place, n_steps).min(axis=-1, initial=n_steps)[..., None]
    source = np.where(last >= 0, last, np.minimum(first, max(n_steps - 1, 0)))
    known = np.take_along_axis(angle, source, axis=-1)
    return np.where(first < n_steps, known, to_float64(standing)[..., None])


def _check(p: FloatArray, paths: FloatArray, ego: FloatArray) -> None:
    if p.ndim != 3:
        raise ValueError(f"probs must be (N,M,K); got shape {p.shape}")
    if paths.ndim != 5 or paths.shape[:3] != p.shape or paths.shape[-1] != 2:
        raise ValueError(f"modes must be {(*p.shape, 'H', 2)}, one path per probability; got shape {paths.shape}")
    if ego.shape != (len(p), paths.shape[3], 2):
        raise ValueError(f"ego must be {(len(p), paths.shape[3], 2)}, one position per step; got shape {ego.shape}")


def _hits(
    paths: FloatArray, ego: FloatArray, sizes: list[FloatArray], headings: list[FloatArray], shape: Shape
) -> tuple[BoolArray, BoolArray]:
    """(N,M,K) whether the agent meets the ego on each mode, and whether all that is needed for it is known."""
    own = ego[:, None, None]
    a_size, b_size = (s[:, None, None, None, :] for s in sizes)
    a = make_boxes(paths[..., 0], paths[..., 1], 0.0, a_size[..., 0], a_size[..., 1])
    b = make_boxes(own[..., 0], own[..., 1], 0.0, b_size[..., 0], b_size[..., 1])
    known = _always(a.is_known() & b.is_known())
    with np.errstate(invalid="ignore"):
        hit = _ever(disc_distance(a, b) <= _ROUNDING)
    if shape == "boxes":
        # Only where the discs meet can the rectangles.
        row, member, mode = np.nonzero(hit)
        near = paths[row, member, mode], ego[row], [s[row] for s in sizes], [h[row] for h in headings]
        hit[row, member, mode], turned = _overlaps(*near)
        known[row, member, mode] &= turned
    return hit, known


def _overlaps(
    paths: FloatArray, ego: FloatArray, sizes: list[FloatArray], headings: list[FloatArray]
) -> tuple[BoolArray, BoolArray]:
    """(q,) whether rectangles along (q,H,2) paths overlap at some step, and whether their headings are known."""
    boxes = []
    for xy, size, standing in zip((paths, ego), sizes, headings, strict=True):
        turn = path_headings(xy, standing)
        boxes.append(make_boxes(xy[..., 0], xy[..., 1], turn, size[:, :1], size[:, 1:]))
    known = _always(boxes[0].is_known() & boxes[1].is_known())
    return _ever(boxes_overlap(*boxes)), known


def _ever(at_step: BoolArray) -> BoolArray:
    """Whether it is so at one step at least."""
    result: BoolArray = np.logical_or.reduce(at_step, axis=-1)
    return result


def _always(at_step: BoolArray) -> BoolArray:
    """Whether it is so at every step."""
    result: BoolArray = np.logical_and.reduce(at_step, axis=-1)
    return result


def _probability(p: FloatArray, hit: BoolArray, known: BoolArray) -> FloatArray:
    is_good = is_distribution(p).all(axis=1) & known.all(axis=(1, 2))
    with np.errstate(invalid="ignore", over="ignore"):
        found = (p * hit).sum(axis=(1, 2)) / p.shape[1]
    return np.where(is_good, np.clip(found, 0.0, 1.0), np.nan)
