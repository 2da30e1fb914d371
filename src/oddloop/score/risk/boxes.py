"""Distances between oriented rectangles, pair by pair: exact, or by the discs around them.

A rectangle has a centre (x, y), a heading (of its length, anticlockwise from the x axis, in radians), a length and a
width in metres. The distance is between the nearest points of the two, 0 where they touch or overlap, range [0, inf).

Two rectangles overlap where none of their four axes separates them; where one does, the nearest points are a corner of
one and a point of the other, so eight distances from a corner to a rectangle suffice (Ericson, Real-time collision
detection, 2005, chapters 4.4 and 5.1). The disc around a rectangle has half its diagonal as radius: the distance of two
discs is never more than that of their rectangles, and takes a fifth of the time.

A pair with a number that is not finite, or a length or width below 0, has the distance NaN and does not overlap.
Time and memory grow with the number of pairs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.foreign import to_float64


class Boxes(NamedTuple):
    """Rectangles; the arrays are of one shape, float64.

    Attributes:
        x: centres, in metres.
        y: centres, in metres.
        heading: direction of the length, in radians.
        length: in metres, 0 or more.
        width: in metres, 0 or more.
    """

    x: FloatArray
    y: FloatArray
    heading: FloatArray
    length: FloatArray
    width: FloatArray

    def take(self, rows: IntArray | BoolArray) -> Boxes:
        """The boxes of these rows."""
        return Boxes(*(field[rows] for field in self))

    def is_known(self) -> BoolArray:
        """Whether all numbers of a box are finite, and no side is below 0."""
        known: BoolArray = np.isfinite(self.x + self.y + self.heading + self.length + self.width)
        return known & (self.length >= 0) & (self.width >= 0)


def make_boxes(
    x: npt.ArrayLike, y: npt.ArrayLike, heading: npt.ArrayLike, length: npt.ArrayLike, width: npt.ArrayLike
) -> Boxes:
    """Boxes of arrays that broadcast together.

    Raises:
        ValueError: they do not.
    """
    arrays = np.broadcast_arrays(*map(to_float64, (x, y, heading, length, width)))
    return Boxes(*arrays)


def box_distance(a: Boxes, b: Boxes) -> FloatArray:
    """(...) distance between each pair of rectangles, in metres.

    Args:
        a: (...) boxes.
        b: (...) boxes, of the same shape.

    >>> a, b = make_boxes([0.0], [0.0], 0.0, 4.0, 2.0), make_boxes([9.0], [0.0], np.pi / 2, 4.0, 2.0)
    >>> box_distance(a, b).round(9)
    array([6.])
    """
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.sqrt(np.minimum(_corners_to_box(a, b), _corners_to_box(b, a)))
    return np.where(a.is_known() & b.is_known(), np.where(boxes_overlap(a, b), 0.0, distance), np.nan)


def boxes_overlap(a: Boxes, b: Boxes) -> BoolArray:
    """(...) whether each pair of rectangles overlaps or touches.

    >>> a, b = make_boxes(0.0, 0.0, 0.0, 4.0, 2.0), make_boxes([1.0, 4.0, 4.1], 0.0, 0.0, 4.0, 2.0)
    >>> boxes_overlap(a, b)
    array([ True,  True, False])
    """
    with np.errstate(invalid="ignore", over="ignore"):
        apart = _is_separated(a, b) | _is_separated(b, a)
    overlap: BoolArray = a.is_known() & b.is_known() & ~apart
    return overlap


def disc_distance(a: Boxes, b: Boxes) -> FloatArray:
    """(...) distance between the discs around each pair of rectangles, in metres: a lower bound of `box_distance`.

    >>> a, b = make_boxes([0.0], [0.0], 0.0, 4.0, 3.0), make_boxes([9.0], [0.0], 0.0, 4.0, 3.0)
    >>> disc_distance(a, b)
    array([4.])
    """
    with np.errstate(invalid="ignore", over="ignore"):
        reach = (np.hypot(a.length, a.width) + np.hypot(b.length, b.width)) / 2
        distance = np.maximum(np.hypot(b.x - a.x, b.y - a.y) - reach, 0.0)
    return np.where(a.is_known() & b.is_known(), distance, np.nan)


def _in_frame_of(a: Boxes, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Points relative to the centre of `a`, along its length and along its width."""
    cos, sin = np.cos(a.heading), np.sin(a.heading)
    dx, dy = x - a.x, y - a.y
    return dx * cos + dy * sin, dy * cos - dx * sin


def _is_separated(a: Boxes, b: Boxes) -> BoolArray:
    """Whether one of the two axes of `a` separates the pair."""
    along, aside = _in_frame_of(a, b.x, b.y)
    cos, sin = np.abs(np.cos(b.heading - a.heading)), np.abs(np.sin(b.heading - a.heading))
    reach_along = (a.length + b.length * cos + b.width * sin) / 2
    reach_aside = (a.width + b.length * sin + b.width * cos) / 2
    separated: BoolArray = (np.abs(along) > reach_along) | (np.abs(aside) > reach_aside)
    return separated


def _corners_to_box(a: Boxes, b: Boxes) -> FloatArray:
    """Square of the least distance from a corner of `b` to the rectangle `a`."""
    along, aside = _in_frame_of(a, b.x, b.y)
    cos, sin = np.cos(b.heading - a.heading), np.sin(b.heading - a.heading)
    least = np.full(np.shape(along), np.inf)
    for front, left in ((0.5, 0.5), (0.5, -0.5), (-0.5, 0.5), (-0.5, -0.5)):
        u, v = front * b.length, left * b.width
        beyond = np.maximum(np.abs(along + u * cos - v * sin) - a.length / 2, 0.0)
        beside = np.maximum(np.abs(aside + u * sin + v * cos) - a.width / 2, 0.0)
        least = np.minimum(least, beyond * beyond + beside * beside)
    return least
