"""Detected boxes of many frames as arrays, and which of them can be grouped.

A box is **whole** where its sides span an area that is above 0 and finite. In a frame of several members a box can be
grouped where it is also of a member that the frame has, and its score is in [0, 1]; in a frame of one member nothing
is grouped, and a box may do without sides.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import AnyFloats, BoolArray, FloatArray, IntArray
from oddloop.score.boxes.calls import frozen
from oddloop.score.foreign import to_floats, to_numpy
from oddloop.score.ragged import group_max

Sides = tuple[AnyFloats, AnyFloats, AnyFloats, AnyFloats]


@dataclass(frozen=True, eq=False)
class Detections:
    """N boxes in F frames; `make_detections` checks them.

    Attributes:
        offsets: (F+1,) int64 bounds of each frame's boxes.
        sides: four times (N,) floats of one dtype: x_min, y_min, x_max, y_max, in pixels; NaN where not given.
        scores: (N,) floats in [0, 1].
        labels: (N,) int64 places in `label_names`; -1 where a box has no label.
        label_names: the classes, sorted.
        members: (N,) int64, which member found the box.
        n_members: (F,) int64, how many members looked at the frame.
        probs: class probabilities of all boxes, one after the other.
        classes: (N+1,) int64 bounds of each box's probabilities; none where it has its score only.
    """

    offsets: IntArray
    sides: Sides
    scores: AnyFloats
    labels: IntArray
    label_names: tuple[str, ...]
    members: IntArray
    n_members: IntArray
    probs: AnyFloats
    classes: IntArray

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def corners(self) -> AnyFloats:
        """(N,4) the sides of each box."""
        return np.stack(self.sides, axis=1)

    @functools.cached_property
    def is_whole(self) -> BoolArray:
        """(N,) whether the sides span an area above 0."""
        x_min, y_min, x_max, y_max = self.sides
        with np.errstate(invalid="ignore", over="ignore"):
            width, height = np.subtract(x_max, x_min, dtype=np.float64), np.subtract(y_max, y_min, dtype=np.float64)
            area = width * height
            whole: BoolArray = (width > 0) & (height > 0) & (area > 0) & (area < np.inf)
        return whole

    @functools.cached_property
    def is_bare(self) -> BoolArray:
        """(N,) whether a box has no sides at all."""
        bare: BoolArray = np.logical_and.reduce([np.isnan(side) for side in self.sides])
        return bare

    def has_label(self, wanted: Collection[str]) -> BoolArray:
        """(N,) whether a box is of one of these classes."""
        is_wanted = np.array([*(name in wanted for name in self.label_names), False])
        of_boxes: BoolArray = is_wanted[self.labels]  # -1, no label, finds the False at the end
        return of_boxes

    @functools.cached_property
    def is_placed(self) -> BoolArray:
        """(N,) whether a box can be told apart from, or set against, those of other members."""
        n_members = np.repeat(self.n_members, np.diff(self.offsets))
        can_meet = self.is_whole & (self.scores >= 0) & (self.scores <= 1)
        placed: BoolArray = (self.members >= 0) & (self.members < n_members) & ((n_members == 1) | can_meet)
        return placed


def make_detections(
    corners: npt.ArrayLike,
    scores: npt.ArrayLike,
    offsets: npt.ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    members: npt.ArrayLike | None = None,
    n_members: npt.ArrayLike | None = None,
    probs: npt.ArrayLike | None = None,
) -> Detections:
    """Boxes of many frames, checked.

    Args:
        corners: (N,4) x_min, y_min, x_max, y_max, in pixels, float16, float32 or float64.
        scores: (N,) floats in [0, 1].
        offsets: (F+1,) integers from 0 to N that do not fall: frame i has the boxes `offsets[i]:offsets[i + 1]`.
        labels: (N,) class of each box; None: all of one class.
        members: (N,) integers, which member found each box; None: member 0.
        n_members: (F,) or one integer, how many members looked at each frame, also those that found nothing; None: the
            largest member of a frame's boxes, plus 1.
        probs: (N,K) class probabilities; None: scores only.

    Values may be anything: a box that is not whole, or whose score or member is out of range, makes measures NaN.

    Raises:
        ValueError: shapes that do not fit together, or wrong dtypes.

    >>> make_detections([[0.0, 0.0, 2.0, 1.0]], [0.5], [0, 1, 1]).n_members.tolist()
    [1, 1]
    """
    sides, bounds = to_floats(corners), _integers(offsets, "offsets")
    if sides.ndim != 2 or sides.shape[1] != 4:
        raise ValueError(f"corners must have shape (N, 4); got {sides.shape}")
    n_boxes, n_frames = len(sides), len(bounds) - 1
    if n_frames < 0 or bounds[0] != 0 or bounds[-1] != n_boxes or np.any(bounds[1:] < bounds[:-1]):
        raise ValueError(f"offsets must rise from 0 to {n_boxes}, the number of boxes")
    names, codes = np.unique(np.asarray([""] * n_boxes if labels is None else labels, np.str_), return_inverse=True)
    owners = np.zeros(n_boxes, np.int64) if members is None else _integers(members, "members")
    flat, classes = _flat_probs(probs, n_boxes)
    numbers = to_floats(scores)
    shapes = {"scores": numbers.shape, "labels": codes.shape, "members": owners.shape}
    if wrong := [f"{name} {shape}" for name, shape in shapes.items() if shape != (n_boxes,)]:
        raise ValueError(f"of {n_boxes} boxes, these have another shape: {', '.join(wrong)}")
    counts = count_members(owners, bounds) if n_members is None else _integers(n_members, "n_members")
    return Detections(
        bounds,
        as_sides(*sides.T),
        frozen(_widened(numbers)),
        codes.astype(np.int64),
        tuple(names.tolist()),
        owners,
        np.array(np.broadcast_to(counts, n_frames)),
        flat,
        classes,
    )


def as_sides(*sides: AnyFloats) -> Sides:
    """Four arrays of one dtype, float32 or float64, as the loops take them."""
    dtype = np.result_type(np.float32, *sides)
    x_min, y_min, x_max, y_max = (frozen(side.astype(dtype, copy=False)) for side in sides)
    return x_min, y_min, x_max, y_max


def count_members(members: IntArray, offsets: IntArray) -> IntArray:
    """(F,) the largest member of each frame's boxes plus 1, at least 1.

    >>> count_members(np.array([0, 4, 0]), np.array([0, 2, 2, 3])).tolist()
    [5, 1, 1]
    """
    largest: FloatArray = np.maximum(group_max(members, offsets), 0.0)
    return largest.astype(np.int64) + 1


def _flat_probs(probs: npt.ArrayLike | None, n_boxes: int) -> tuple[AnyFloats, IntArray]:
    if probs is None:
        return frozen(np.empty(0, np.float32)), np.zeros(n_boxes + 1, np.int64)
    dense = _widened(to_floats(probs))
    if dense.ndim != 2 or len(dense) != n_boxes or not dense.shape[1]:
        raise ValueError(f"probs must have shape ({n_boxes}, K); got {dense.shape}")
    return frozen(dense.reshape(-1)), np.arange(n_boxes + 1) * dense.shape[1]


def _widened(values: AnyFloats) -> AnyFloats:
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _integers(values: npt.ArrayLike, what: str) -> IntArray:
    array = to_numpy(values)
    if not (np.issubdtype(array.dtype, np.integer) or array.size == 0) or array.ndim > 1:
        raise ValueError(f"{what} must be integers on one axis; got {array.dtype} {array.shape}")
    return np.array(array, np.int64)
