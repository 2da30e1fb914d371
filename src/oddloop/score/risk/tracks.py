"""Vehicles of many frames as arrays: what every measure of this package that looks at traffic starts from.

SI units: metres, metres per second, radians anticlockwise from the x axis. The rows of a frame stand together.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from oddloop.score.arrays import BoolArray, FloatArray, IntArray
from oddloop.score.foreign import to_float64, to_int64
from oddloop.score.risk.boxes import Boxes, make_boxes


class Tracks(NamedTuple):
    """N vehicle states in F frames.

    Attributes:
        boxes: (N,) rectangles.
        speed: (N,) float64 speeds along the heading, in m/s; below 0 in reverse.
        offsets: (F+1,) bounds of each frame's states.
    """

    boxes: Boxes
    speed: FloatArray
    offsets: IntArray

    def is_known(self) -> BoolArray:
        """(N,) whether every number of the state is finite, and no side is below 0."""
        known: BoolArray = self.boxes.is_known() & np.isfinite(self.speed)
        return known

    def frames(self, first: int, last: int) -> Tracks:
        """The states of some frames, `last` not included."""
        rows = slice(int(self.offsets[first]), int(self.offsets[last]))
        boxes = Boxes(*(field[rows] for field in self.boxes))
        return Tracks(boxes, self.speed[rows], self.offsets[first : last + 1] - self.offsets[first])


def make_tracks(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    heading: npt.ArrayLike,
    speed: npt.ArrayLike,
    length: npt.ArrayLike,
    width: npt.ArrayLike,
    offsets: npt.ArrayLike,
) -> Tracks:
    """Tracks of arrays as they come; lengths and widths may be one number for all.

    Raises:
        ValueError: the arrays are not of one length, or the offsets do not rise from 0 to that length.

    >>> make_tracks([0.0, 9.0], [0.0, 0.0], 0.0, [3.0, 2.0], 4.0, 2.0, [0, 2]).speed
    array([3., 2.])
    """
    boxes = make_boxes(x, y, heading, length, width)
    speeds = np.broadcast_to(to_float64(speed), boxes.x.shape)
    bounds = to_int64(offsets)
    if boxes.x.ndim != 1 or boxes.x.shape != speeds.shape:
        raise ValueError(f"tracks need arrays of one length; got shapes {boxes.x.shape} and {speeds.shape}")
    if not len(bounds) or bounds[0] != 0 or bounds[-1] != len(speeds) or (np.diff(bounds) < 0).any():
        raise ValueError(f"offsets must rise from 0 to {len(speeds)}, the number of states")
    return Tracks(boxes, speeds, bounds)
