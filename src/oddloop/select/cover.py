"""How far every point is from its nearest centre, kept while centres are added one by one.

A new centre can only be nearer to x than x's own centre o if |new - o| < 2 |x - o| (triangle inequality), so most
points need no look at all after the first few centres; the rest are ruled out by a float32 bound or measured in float64
(see `frame`). The result is that of the plain float64 algorithm. Time O(n d) per centre at worst and far less in
practice, the less the more the points are grouped; memory one float32 copy of the points at most, the centres, and
O(n).
"""

from __future__ import annotations

import numpy as np

from oddloop.select.frame import Floats32, Frame, blocks, lower_bounds, scaled_mean, squared_differences, squared_norms
from oddloop.select.nearest import nearest_squared
from oddloop.select.pool import Bools, Floats, Ints, Vectors

_CLOSED = -1.0
_GATHER = 0.2
"""Above this share of rows to look at, one pass over all in memory order is faster than gathering them."""


class Cover:
    """Points, centres, and for each point its nearest centre.

    A point is open until it is picked or closed; only open points keep a distance.
    """

    def __init__(self, points: Vectors, fixed: Vectors, capacity: int) -> None:
        """Begin with `fixed` (m, d) centres; at most `capacity` points will be added as centres."""
        self._points = points
        self._frame = Frame.of(points, fixed)
        self._scan = self._frame.scan(points)
        self._sq_norm = squared_norms(self._scan)
        self._near = np.full(len(points), np.inf)
        self._owner = np.zeros(len(points), dtype=np.int64)
        if len(fixed):
            self._near, self._owner = nearest_squared(points, fixed, self._frame)
        # Pages of an empty array that are never written cost nothing.
        self._centres = np.empty((len(fixed) + capacity, points.shape[1]), dtype=np.float32)
        self._centres[: len(fixed)] = self._frame.scan(fixed)
        self._sq_centre = np.empty(len(self._centres), dtype=np.float32)
        self._sq_centre[: len(fixed)] = squared_norms(self._centres[: len(fixed)])
        self._n = len(fixed)

    def close(self, rows: Bools) -> None:
        """Leave these points out of all further answers."""
        self._near[rows] = _CLOSED

    def farthest(self) -> int | None:
        """Open point farthest from its centre, smallest row first; None where all are closed or at distance 0.

        Without any centre it is the open point nearest to the mean of all points.
        """
        if not self._n:
            return self.nearest_to_mean(self._near > _CLOSED)
        row = int(self._near.argmax()) if len(self._near) else -1
        return row if row >= 0 and self._near[row] > 0 else None

    def distance(self, row: int) -> float:
        """Distance of an open point to its centre, in the units of the points; NaN while there is no centre."""
        return float(np.sqrt(self._near[row]) * self._frame.scale) if self._n else float("nan")

    def squared(self) -> Floats:
        """(n,) squared distance of each open point to its centre, as a share of the squared scale of all; else 0."""
        squared: Floats = np.maximum(self._near, 0.0)
        return squared

    def distances(self) -> Floats:
        """(n,) distance of each open point to its centre, in the units of the points; 0 for all others."""
        return np.sqrt(self.squared()) * self._frame.scale

    def add(self, row: int) -> None:
        """Make a point a centre, and close it."""
        centre, sq_centre = self._scan[row], self._sq_norm[row]
        self._near[row] = _CLOSED
        self._update(self._candidates(centre, sq_centre), row)
        self._centres[self._n], self._sq_centre[self._n] = centre, sq_centre
        self._n += 1

    def _candidates(self, centre: Floats32, sq_centre: np.float32) -> Ints:
        """Open points that the new centre may be nearer to than their own."""
        possible = self._near > _CLOSED
        if self._n:
            between = lower_bounds(self._centres[: self._n], self._sq_centre[: self._n], centre, sq_centre)
            possible = between[self._owner] < 4.0 * self._near
        rows = np.flatnonzero(possible)
        if len(rows) > _GATHER * len(possible):
            return np.flatnonzero(possible & (lower_bounds(self._scan, self._sq_norm, centre, sq_centre) < self._near))
        return self._gather(rows, centre, sq_centre)

    def _gather(self, rows: Ints, centre: Floats32, sq_centre: np.float32) -> Ints:
        kept = [np.zeros(0, dtype=np.int64)]
        for part in blocks(len(rows), len(centre)):
            some = rows[part]
            bound = lower_bounds(self._scan.take(some, axis=0), self._sq_norm[some], centre, sq_centre)
            kept.append(some[bound < self._near[some]])
        return np.concatenate(kept)

    def _update(self, rows: Ints, centre_row: int) -> None:
        centre = self._frame.exact(self._points[centre_row])
        for part in blocks(len(rows), len(centre)):
            some = rows[part]
            squared = squared_differences(self._frame.exact(self._points[some]), centre)
            closer = squared < self._near[some]
            self._near[some[closer]], self._owner[some[closer]] = squared[closer], self._n

    def nearest_to_mean(self, among: Bools) -> int | None:
        """Row nearest to the mean of all points among some, smallest row first; None where there are none."""
        if not among.any():
            return None
        mean = scaled_mean(self._points, self._frame.scale)
        squared = np.empty(len(self._points))
        for part in blocks(*self._points.shape):
            squared[part] = squared_differences(self._frame.exact(self._points[part]), mean)
        squared[~among] = np.inf
        # The mean is rounded, so points at the same distance from it may differ in the last digits.
        return int(np.argmax(squared <= squared.min() * (1 + 1e-9)))
