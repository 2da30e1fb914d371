"""The map that the forecaster sees: which square metres of a world are road, looked up around a road user."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.demo.networks import Lane

CELL_M = 1.0
_MARGIN_M = 60.0


@dataclass(frozen=True)
class RoadMap:
    """Drivable area: `road` (X,Y) bool, cell (0,0) centred on `origin_m` (x, y) in metres, cells of `CELL_M`."""

    road: npt.NDArray[np.bool_]
    origin_m: tuple[float, float]


def draw_map(lanes: tuple[Lane, ...]) -> RoadMap:
    """Draw every lane that cars may use, and the way through junctions, at its width."""
    cars = [lane for lane in lanes if lane.for_cars]
    points = np.concatenate([_across(lane) for lane in cars])
    origin = np.floor(points.min(axis=0) - _MARGIN_M)
    cell = np.rint((points - origin) / CELL_M).astype(np.int64)
    road = np.zeros(cell.max(axis=0) + int(_MARGIN_M), dtype=bool)
    road[cell[:, 0], cell[:, 1]] = True
    return RoadMap(road, (float(origin[0]), float(origin[1])))


def _across(lane: Lane) -> npt.NDArray[np.float64]:
    """Points at most half a metre apart that fill the lane, (P,2) in metres."""
    steps = np.diff(lane.centre_m, axis=0)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(steps[:, 0], steps[:, 1]))])
    at = np.arange(0.0, along[-1] + 0.5, 0.5)
    centre = np.column_stack([np.interp(at, along, lane.centre_m[:, k]) for k in (0, 1)])
    ahead = np.gradient(centre, axis=0) if len(centre) > 1 else np.array([[1.0, 0.0]])
    side = np.column_stack([-ahead[:, 1], ahead[:, 0]]) / np.maximum(np.hypot(ahead[:, 0], ahead[:, 1]), 1e-9)[:, None]
    offsets = np.arange(-lane.width_m / 2, lane.width_m / 2 + 0.25, 0.5)
    filled: npt.NDArray[np.float64] = (centre[:, None] + side[:, None] * offsets[None, :, None]).reshape(-1, 2)
    return filled


def is_road(road_map: RoadMap, xy_m: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether points (...,2), in metres, are on the road; shape (...); points off the map are not."""
    cell = np.rint((xy_m - np.array(road_map.origin_m)) / CELL_M).astype(np.int64)
    inside = ((cell >= 0) & (cell < np.array(road_map.road.shape))).all(axis=-1)
    cell = np.where(inside[..., None], cell, 0)
    found: npt.NDArray[np.bool_] = inside & road_map.road[cell[..., 0], cell[..., 1]]
    return found
