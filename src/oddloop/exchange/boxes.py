"""Axis-aligned image boxes in groups: which boxes share a group, and how much they overlap.

IoU(a, b) = area(a and b) / area(a or b), in [0, 1], with continuous corners (no +1 pixel); a box without area overlaps
nothing. Time and memory grow with the pairs of boxes in the same group (detections x labels of a frame and class).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.errors import TableError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes, and the group (such as one class in one frame) within which each may meet others.

    Attributes:
        group: (N,) int64, 0 or more.
        corners: (N, 4) float64: x_min, y_min, x_max, y_max in pixels.

    Raises:
        TableError: a corner is NaN or infinite.
    """

    group: IntArray
    corners: FloatArray

    def __post_init__(self) -> None:
        bad = np.flatnonzero(~np.isfinite(self.corners).all(axis=1))
        if len(bad):
            raise TableError(
                f"{len(bad):,} of {len(self.corners):,} boxes have a corner that is null, NaN or infinite, the first "
                f"is box {bad[0]}: {self.corners[bad[0]].tolist()}; give all four corners or leave the box out"
            )

    def __len__(self) -> int:
        return len(self.group)

    def __getitem__(self, index: IntArray | BoolArray) -> Boxes:
        return Boxes(self.group[index], self.corners[index])

    @classmethod
    def none(cls) -> Boxes:
        """No boxes."""
        return cls(np.empty(0, np.int64), np.empty((0, 4)))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of boxes of one group: indices into the left and right boxes, (P,) int64, and their IoU, (P,) float64."""

    left: IntArray
    right: IntArray
    iou: FloatArray


def overlapping(left: Boxes, right: Boxes, *, floor: float) -> Pairs:
    """Find the pairs of boxes that share a group and whose IoU is above `floor`, in order of the left boxes.

    Empty input gives no pairs.

    >>> a = Boxes(np.array([0]), np.array([[0.0, 0.0, 10.0, 10.0]]))
    >>> b = Boxes(np.array([0, 1]), np.array([[0.0, 0.0, 10.0, 5.0], [0.0, 0.0, 10.0, 10.0]]))
    >>> pairs = overlapping(a, b, floor=0.4)
    >>> pairs.right.tolist(), pairs.iou.tolist()
    ([0], [0.5])
    """
    i, j = _same_group(left.group, right.group)
    iou = _iou(left.corners[i], right.corners[j])
    kept = iou > floor
    return Pairs(i[kept], j[kept], iou[kept])


def _same_group(left: IntArray, right: IntArray) -> tuple[IntArray, IntArray]:
    """Indices of all pairs with equal group: a ragged join by sorting the right side once."""
    order = np.argsort(right, kind="stable")
    first = np.searchsorted(right[order], left, side="left")
    count = np.searchsorted(right[order], left, side="right") - first
    i = np.repeat(np.arange(len(left)), count)
    within = np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count)
    return i, order[np.repeat(first, count) + within]


def _iou(a: FloatArray, b: FloatArray) -> FloatArray:
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    shared = np.clip(sides, 0.0, None).prod(axis=1)
    either = _area(a) + _area(b) - shared
    iou: FloatArray = np.divide(shared, either, out=np.zeros_like(shared), where=shared > 0.0)
    return iou


def _area(corners: FloatArray) -> FloatArray:
    area: FloatArray = np.clip(corners[:, 2:] - corners[:, :2], 0.0, None).prod(axis=1)
    return area
