"""Boxes of several members made into objects: which of them are the same thing.

In each frame, greedily: of the boxes that are free, the strongest (highest score) begins a group; of every other member
one free box joins it that overlaps it by IoU >= `iou_floor`. So a member has at most one box in a group, and a group is
an object that 1 to M members have found. Of several boxes of one member the one of the same class is preferred, then
the one that overlaps more, then the stronger one. Boxes of equal score are ranked by their sides, then by label, then
by member, so that neither the order of the boxes nor that of the members matters.

**Classes meet by default** (`across_classes`): where one member says car and another van of the same box, that is one
object whose class is in doubt. Kept apart, it would be two objects of doubtful existence: class disagreement would
vanish, existence disagreement and the number of objects would be wrong. Set it to False where things of different
classes truly share a box.

Boxes that are not `Detections.is_placed` stand alone, after the others. In a frame whose boxes all are of one member,
every box is an object and keeps its place.

Time grows with boxes x objects of a frame, and so linearly where frames are alike; memory with the boxes.

References:
    Harakeh and Waslander, Estimating and evaluating regression predictive uncertainty in deep object detectors, ICLR
    2021: boxes of one class within IoU 0.7 of the strongest; there a member may have several boxes in a group.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.boxes.calls import frozen, loops
from oddloop.score.boxes.detections import Detections
from oddloop.score.foreign import to_floats


class BoxGroups(NamedTuple):
    """N boxes in G groups in F frames.

    Attributes:
        order: (N,) int64 box numbers, group by group, each with its strongest box first.
        bounds: (G+1,) int64: group g is `order[bounds[g]:bounds[g + 1]]`.
        frames: (F+1,) int64: the groups of frame f are `frames[f]` to `frames[f + 1]`.
    """

    order: IntArray
    bounds: IntArray
    frames: IntArray

    @property
    def strongest(self) -> IntArray:
        """(G,) the box with the highest score of each group."""
        return self.order[self.bounds[:-1]]

    @property
    def n_boxes(self) -> IntArray:
        """(G,) boxes of each group, which is the members that found the object."""
        return np.diff(self.bounds)

    def pairs(self) -> tuple[IntArray, IntArray]:
        """The stronger and the weaker box of each group of two."""
        starts = self.bounds[:-1][self.n_boxes == 2]
        return self.order[starts], self.order[starts + 1]


def group_boxes(found: Detections, *, iou_floor: float = 0.5, across_classes: bool = True) -> BoxGroups:
    """Group the boxes of different members that show the same object.

    Args:
        found: the boxes; see `make_detections`.
        iou_floor: how much a box must overlap the strongest one to be of its group; above 0, at most 1.
        across_classes: whether boxes of different classes may be one object.

    Returns:
        The groups; none for a frame without boxes.

    Raises:
        ValueError: `iou_floor` is out of range.

    >>> from oddloop.score.boxes import make_detections
    >>> corners = [[0.0, 0.0, 10.0, 10.0], [50.0, 0.0, 60.0, 10.0], [0.0, 0.0, 10.0, 8.0]]
    >>> groups = group_boxes(make_detections(corners, [0.6, 0.7, 0.9], [0, 3], members=[0, 0, 1]))
    >>> [part.tolist() for part in np.split(groups.order, groups.bounds[1:-1])]
    [[2, 0], [1]]
    """
    if not 0 < iou_floor <= 1:
        raise ValueError(f"iou_floor must be above 0 and at most 1; got {iou_floor}")
    n_boxes = len(found)
    groups = BoxGroups(np.empty(n_boxes, np.int64), np.zeros(n_boxes + 1, np.int64), np.zeros_like(found.offsets))
    loops().group_frames(
        *(found.sides, found.scores, frozen(found.labels), frozen(found.members), frozen(found.is_placed)),
        *(frozen(found.offsets), (float(iou_floor), bool(across_classes)), *groups),
    )
    return groups._replace(bounds=groups.bounds[: groups.frames[-1] + 1])


def box_iou(a: npt.ArrayLike, b: npt.ArrayLike) -> FloatArray:
    """Intersection over union of pairs of boxes.

    Args:
        a: (..., 4) x_min, y_min, x_max, y_max.
        b: (..., 4), of a shape that broadcasts with that of `a`.

    Returns:
        (...) float64 in [0, 1]; NaN where the area of either box is not above 0 and finite. Corners are continuous
        coordinates: no pixel is added to a width.

    Raises:
        ValueError: no floats, or a last axis other than 4.

    >>> box_iou([0.0, 0.0, 2.0, 1.0], [[0.0, 0.0, 1.0, 1.0], [5.0, 0.0, 6.0, 1.0], [1.0, 1.0, 1.0, 1.0]])
    array([0.5, 0. , nan])
    """
    one, two = (to_floats(x).astype(np.float64) for x in (a, b))
    if any(x.ndim == 0 or x.shape[-1] != 4 for x in (one, two)):
        raise ValueError(f"boxes need a last axis of 4 sides; got {one.shape} and {two.shape}")
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        overlap = np.minimum(one[..., 2:], two[..., 2:]) - np.maximum(one[..., :2], two[..., :2])
        shared = np.maximum(overlap, 0.0).prod(axis=-1)
        areas = [np.maximum(x[..., 2:] - x[..., :2], 0.0).prod(axis=-1) for x in (one, two)]
        is_whole = np.logical_and.reduce([(area > 0) & (area < np.inf) for area in np.broadcast_arrays(*areas)])
        iou = np.minimum(shared / (areas[0] + areas[1] - shared), 1.0)
    return np.where(is_whole, iou, np.nan)[()]
