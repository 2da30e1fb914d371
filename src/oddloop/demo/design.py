"""What the forecaster sees: one row of numbers per frame and road user, all in that road user's own frame.

Per row: two seconds of its own observed motion, its category, its three nearest neighbours and the road around it (25
points, from the map). Rows are ordered by scene, frame and distance from the ego vehicle. The matrix depends on
observed tracks and the map only, so it is made once per fleet and kept in `cache/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.demo.fleet import Fleet
from oddloop.demo.folder import written_aside
from oddloop.demo.history import MIN_HISTORY, Floats, Ints, Motion, Tracks, index_tracks, padded_frames, past_motion
from oddloop.demo.roadmap import RoadMap, is_road
from oddloop.demo.simulate import CATEGORIES

DESIGN_FORMAT = 1
"""Format number of the cached matrix. History: 1, the first."""
MAX_AGENTS = 4
"""Road users forecast per frame: the nearest to the ego vehicle."""
N_NEIGHBOURS = 3
Names = npt.NDArray[np.str_]
_FRAME_WIDTH = 12
_AHEAD_M = np.array([3.0, 8.0, 14.0, 21.0, 30.0])
_ASIDE_M = np.array([-8.0, -4.0, 0.0, 4.0, 8.0])


@dataclass(frozen=True)
class Design:
    """The forecaster's view of a fleet: R rows, D numbers each.

    Attributes:
        scene_ids: (S,) names of all scenes, in the order of the lake.
        agent_names: (A,) names of road users.
        scene: (R,) index into `scene_ids`.
        frame: (R,) frame number in the scene.
        agent: (R,) index into `agent_names`.
        pose: (R,3) observed x and y in metres and heading in radians, map frame: the origin of the row's own frame.
        inputs: (R,D) float32; the first two are the fitted velocity in the row's own frame, in 10 metres per second.
    """

    scene_ids: Names
    agent_names: Names
    scene: Ints
    frame: Ints
    agent: Ints
    pose: Floats
    inputs: npt.NDArray[np.float32]


def load_design(fleet: Fleet) -> Design:
    """Load the matrix of a fleet from its cache, making it first where it is missing; several processes may do so."""
    folder = fleet.folder / "cache" / f"design-{DESIGN_FORMAT}"
    if not (folder / "inputs.npy").is_file():
        with written_aside(folder) as aside:
            _save(make_design(fleet), aside)
    return _load(folder)


def _save(design: Design, folder: Path) -> None:
    for name in ("scene", "frame", "agent", "pose", "inputs"):
        np.save(folder / f"{name}.npy", getattr(design, name))
    for name in ("scene_ids", "agent_names"):
        np.save(folder / f"{name}.npy", getattr(design, name).astype(np.str_))


def _load(folder: Path) -> Design:
    names = ("scene_ids", "agent_names", "scene", "frame", "agent", "pose", "inputs")
    return Design(**{name: np.load(folder / f"{name}.npy") for name in names})


def make_design(fleet: Fleet) -> Design:
    """Make the matrix from the observed tracks and the maps of a fleet."""
    scenes = pq.read_table(fleet.folder / "lake" / "scenes", columns=["scene_id", "log_id"])
    tracks, agent, agent_names = _read_observed(fleet.folder, scenes["scene_id"])
    motion = past_motion(tracks, fleet.settings.period_s)
    is_ego = tracks.category == CATEGORIES.index("ego")
    distance = _distance_from_ego(tracks, is_ego)
    rows = _rows_to_forecast(tracks, motion, is_ego, distance)
    around, group = padded_frames(tracks, distance, _FRAME_WIDTH)
    own = [_own_motion(tracks, motion, rows), _neighbours(tracks, motion, rows, around[group[rows]])]
    road = _road_ahead(tracks, rows, fleet, np.array(scenes["log_id"].to_pylist())[tracks.scene[rows]])
    pose = np.column_stack([tracks.xy_m[rows], tracks.heading_rad[rows]])
    return Design(
        scene_ids=np.array(scenes["scene_id"].to_pylist(), dtype=np.str_),
        agent_names=agent_names,
        scene=tracks.scene[rows],
        frame=tracks.frame[rows],
        agent=agent[rows],
        pose=pose,
        inputs=np.concatenate([*own, road], axis=1).astype(np.float32),
    )


def _read_observed(folder: Path, scene_ids: pa.ChunkedArray) -> tuple[Tracks, Ints, Names]:
    table = pq.read_table(folder / "tracks" / "observed.parquet")
    scene = pc.index_in(table["scene_id"], scene_ids.combine_chunks()).to_numpy().astype(np.int64)
    names = pc.unique(table["agent_id"]).sort()
    agent = pc.index_in(table["agent_id"], names).to_numpy().astype(np.int64)
    category = pc.index_in(table["category"], pa.array(CATEGORIES)).to_numpy().astype(np.int64)
    _, track = np.unique(scene * len(names) + agent, return_inverse=True)
    xy_m = np.column_stack([table["x_m"].to_numpy(), table["y_m"].to_numpy()]).astype(np.float64)
    heading = table["heading_rad"].to_numpy().astype(np.float64)
    frame = table["frame"].to_numpy().astype(np.int64)
    lamps = np.column_stack([table[name].to_numpy() for name in ("right_indicator", "left_indicator", "brake_lights")])
    tracks = index_tracks(scene, frame, track, xy_m, heading, category, lamps)
    return tracks, agent, np.array(names.to_pylist(), dtype=np.str_)


def _distance_from_ego(tracks: Tracks, is_ego: npt.NDArray[np.bool_]) -> Floats:
    key = tracks.scene * tracks.n_slots + tracks.frame
    ego = np.flatnonzero(is_ego)
    ego_row = ego[np.searchsorted(key[ego], key)]
    offset = tracks.xy_m - tracks.xy_m[ego_row]
    distance: Floats = np.hypot(offset[:, 0], offset[:, 1])
    return distance


def _rows_to_forecast(tracks: Tracks, motion: Motion, is_ego: npt.NDArray[np.bool_], distance: Floats) -> Ints:
    """The nearest `MAX_AGENTS` of each frame that were seen often enough to forecast, in order."""
    able = ~is_ego & (motion.seen.sum(axis=1) >= MIN_HISTORY)
    table, _ = padded_frames(tracks, np.where(able, distance, np.inf), MAX_AGENTS)
    rows = table[table >= 0]
    chosen: Ints = rows[able[rows]]
    return chosen


def _turned(xy_m: Floats, heading_rad: Floats) -> Floats:
    """Vectors (R,...,2) of the map frame in the frame of headings (R,)."""
    extra = (1,) * (xy_m.ndim - 2)
    cos, sin = np.cos(heading_rad).reshape(-1, *extra), np.sin(heading_rad).reshape(-1, *extra)
    return np.stack([cos * xy_m[..., 0] + sin * xy_m[..., 1], cos * xy_m[..., 1] - sin * xy_m[..., 0]], axis=-1)


def _own_motion(tracks: Tracks, motion: Motion, rows: Ints) -> Floats:
    heading = tracks.heading_rad[rows]
    past = _turned(motion.offset_m[rows, :-1], heading).reshape(len(rows), -1) / 10.0
    velocity = _turned(motion.velocity_mps[rows], heading) / 10.0
    kind = tracks.category[rows, None] == np.arange(1, len(CATEGORIES))
    turn, seen, lit = motion.turn_rad[rows, :-1], motion.seen[rows, :-1], motion.lit[rows]
    return np.concatenate([velocity, past, turn, seen, lit, kind], axis=1)


def _neighbours(tracks: Tracks, motion: Motion, rows: Ints, around: Ints) -> Floats:
    """Position and velocity of the nearest neighbours relative to each row; zeros where there are fewer."""
    heading = tracks.heading_rad[rows]
    offset = tracks.xy_m[around] - tracks.xy_m[rows][:, None]
    absent = (around < 0) | (around == rows[:, None])
    distance = np.where(absent, np.inf, np.hypot(offset[..., 0], offset[..., 1]))
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :N_NEIGHBOURS]
    there = np.isfinite(np.take_along_axis(distance, nearest, axis=1))[..., None]
    chosen = np.take_along_axis(around, nearest, axis=1)
    place = _turned(np.take_along_axis(offset, nearest[..., None], axis=1), heading) / 20.0
    speed = _turned(motion.velocity_mps[chosen] - motion.velocity_mps[rows][:, None], heading) / 10.0
    parts = [there, np.where(there, place, 0.0), np.where(there, speed, 0.0)]
    return np.concatenate(parts, axis=2).reshape(len(rows), -1)


def _road_ahead(tracks: Tracks, rows: Ints, fleet: Fleet, log_ids: Names) -> Floats:
    """Whether each of 25 points ahead of the road user is road, (R,25)."""
    ahead, aside = np.meshgrid(_AHEAD_M, _ASIDE_M, indexing="ij")
    grid = np.stack([ahead.ravel(), aside.ravel()], axis=-1)
    grids = np.broadcast_to(grid, (len(rows), *grid.shape))
    points = tracks.xy_m[rows][:, None] + _turned(grids, -tracks.heading_rad[rows])
    found = np.zeros(points.shape[:2])
    logs, number = np.unique(log_ids, return_inverse=True)
    map_names = np.array([fleet.map_of_log[log_id] for log_id in logs])[number]
    for name in np.unique(map_names):
        here = map_names == name
        road_map = RoadMap(np.load(fleet.folder / "maps" / f"{name}.npy"), fleet.origin_of_map[name])
        found[here] = is_road(road_map, points[here])
    return found
