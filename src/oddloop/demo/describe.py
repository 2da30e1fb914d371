"""What is known about a scene without labels: ODD attributes from map, weather service and detections, and telemetry.

Nothing here looks at the truth: attributes come from the ego vehicle's own position on the map, from the log's weather
and from what the sensor reported; telemetry is the ego vehicle's own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.demo.cut import Scenes
from oddloop.demo.networks import Network
from oddloop.demo.plan import LogPlan
from oddloop.demo.settings import FleetSettings
from oddloop.demo.simulate import CATEGORIES, LogTracks
from oddloop.demo.surroundings import SceneTracks, expand

MIN_STAY_S = 2.0
"""Passing through a junction's reach for less than this does not count as being at it."""

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def describe_place(tracks: LogTracks, scenes: Scenes, around: SceneTracks, network: Network,
                   settings: FleetSettings) -> dict[str, pa.Array]:  # fmt: skip
    """Compute `road_type`, `junction` and `signalized` of each scene from the ego vehicle's way over the map."""
    scene, _ = expand(scenes.n_frames)
    n_scenes = len(scenes.ego)
    road_types, road = _ego_road(tracks, around, network)
    counts = np.zeros((n_scenes, len(road_types)), dtype=np.int64)
    np.add.at(counts, (scene[road >= 0], road[road >= 0]), 1)
    kinds, signals, time_at = _junction_frames(tracks, around, network, scene, n_scenes)
    best = time_at.argmax(axis=1) if time_at.shape[1] else np.zeros(n_scenes, dtype=np.int64)
    stayed = time_at.max(axis=1, initial=0) * settings.period_s >= MIN_STAY_S
    kind = np.where(stayed, np.array([*kinds, "none"])[np.where(stayed, best, -1)], "none")
    signal = stayed & np.array([*signals, False])[np.where(stayed, best, -1)]
    return {
        "road_type": pa.array(np.array(road_types)[counts.argmax(axis=1)]),
        "junction": pa.array(kind),
        "signalized": pa.array(np.where(signal, "yes", "no")),
    }


def _ego_road(tracks: LogTracks, around: SceneTracks, network: Network) -> tuple[list[str], Ints]:
    """Road type of each ego frame as an index; -1 inside a junction, where a road has no type."""
    by_edge = {lane.edge_id: lane.road_type for lane in network.lanes}
    road_types = sorted({kind for kind in by_edge.values() if kind})
    numbers = {kind: i for i, kind in enumerate(road_types)}
    of_edge = np.array([numbers.get(by_edge.get(edge_id, ""), -1) for edge_id in tracks.edge_ids], dtype=np.int64)
    return road_types, of_edge[tracks.edge[around.ego_row]]


def _junction_frames(tracks: LogTracks, around: SceneTracks, network: Network, scene: Ints,
                     n_scenes: int) -> tuple[list[str], list[bool], Ints]:  # fmt: skip
    """Kinds and signals of the J junctions, and (S,J) frames that a scene spends nearest to each, within its reach."""
    junctions = network.world.junctions
    if not junctions:
        return [], [], np.zeros((n_scenes, 0), dtype=np.int64)
    centres = np.array([junction.centre_m for junction in junctions])
    offset = tracks.xy_m[around.ego_row][:, None] - centres
    distance = np.hypot(offset[..., 0], offset[..., 1])
    nearest = distance.argmin(axis=1)
    inside = distance[np.arange(len(nearest)), nearest] <= np.array([j.reach_m for j in junctions])[nearest]
    counts = np.zeros((n_scenes, len(junctions)), dtype=np.int64)
    np.add.at(counts, (scene[inside], nearest[inside]), 1)
    return [j.kind for j in junctions], [j.signalized for j in junctions], counts


def describe_conditions(plan: LogPlan, n_scenes: int) -> dict[str, pa.Array]:
    """Weather, light and traffic of the log, repeated for each scene; raw values, which oddloop bins."""
    return {
        "rain_mm_h": pa.array(np.full(n_scenes, plan.rain_mm_h)),
        "illuminance_lux": pa.array(np.full(n_scenes, plan.illuminance_lux)),
        "traffic_density": pa.array([plan.density] * n_scenes, pa.string()),
    }


def describe_agents(category: npt.NDArray[np.int8], seen_scene: Ints, scenes: Scenes) -> dict[str, pa.Array]:
    """Categories seen at least twice in each scene, and how many road users a frame shows on average."""
    n_scenes = len(scenes.ego)
    counts = np.zeros((n_scenes, len(CATEGORIES)), dtype=np.int64)
    np.add.at(counts, (seen_scene, category), 1)
    present = (counts[:, 1:] >= 2).nonzero()
    offsets = np.searchsorted(present[0], np.arange(n_scenes + 1)).astype(np.int32)
    names = pa.array(np.array(CATEGORIES[1:])[present[1]], pa.string())
    return {
        "agents_present": pa.ListArray.from_arrays(pa.array(offsets), names),
        "agents_seen_mean": pa.array(counts[:, 1:].sum(axis=1) / scenes.n_frames),
    }


def describe_ego(tracks: LogTracks, scenes: Scenes, around: SceneTracks, period_s: float) -> dict[str, pa.Array]:
    """Distance and telemetry of the ego vehicle in each scene: speeds, accelerations and turn rate."""
    starts = np.cumsum(scenes.n_frames) - scenes.n_frames
    speed = tracks.speed_mps[around.ego_row]
    accel = _differences(speed, starts) / period_s
    turn = _differences(tracks.heading_rad[around.ego_row], starts)
    turn_rate = np.abs(np.arctan2(np.sin(turn), np.cos(turn))) / period_s
    return {
        "distance_m": pa.array(np.add.reduceat(speed, starts) * period_s),
        "ego_speed_mean_mps": pa.array(np.add.reduceat(speed, starts) / scenes.n_frames),
        "ego_speed_max_mps": pa.array(np.maximum.reduceat(speed, starts)),
        "ego_accel_max_mps2": pa.array(np.maximum.reduceat(accel, starts)),
        "ego_decel_max_mps2": pa.array(np.maximum.reduceat(-accel, starts)),
        "ego_turn_rate_max_radps": pa.array(np.maximum.reduceat(turn_rate, starts)),
    }


def _differences(values: Floats, starts: Ints) -> Floats:
    """Change since the frame before; 0 in the first frame of a scene."""
    change = np.diff(values, prepend=values[:1])
    change[starts] = 0.0
    return change
