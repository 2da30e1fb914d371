"""One log from plan to tables: simulate, cut, gather, observe, describe."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.demo.cut import Scenes, cut_log
from oddloop.demo.describe import describe_agents, describe_conditions, describe_ego, describe_place
from oddloop.demo.networks import Network
from oddloop.demo.plan import LogPlan
from oddloop.demo.sensor import Observed, observe, sensor_quality
from oddloop.demo.settings import FleetSettings
from oddloop.demo.simulate import CATEGORIES, LogTracks, simulate_log
from oddloop.demo.surroundings import SceneTracks, categories, expand, gather
from oddloop.demo.truth import stop_scenes


@dataclass(frozen=True)
class LogTables:
    """Everything that one log adds to the fleet; `behaviour` holds the scenes of the planted behaviour."""

    scenes: pa.Table
    frames: pa.Table
    observed: pa.Table
    truth: pa.Table
    behaviour: tuple[str, ...]


def make_log(plan: LogPlan, network: Network, settings: FleetSettings, folder: Path,
             seeds: np.random.SeedSequence) -> LogTables:  # fmt: skip
    """Make the tables of one log; a pure function of its arguments apart from SUMO's files in `folder`."""
    for_traffic, for_cuts, for_sensor = seeds.spawn(3)
    tracks, stops = simulate_log(plan, network, settings, folder, for_traffic)
    never_ego = {stop.vehicle_id for stop in stops}
    scenes = cut_log(tracks, never_ego, settings, np.random.default_rng(for_cuts))
    around = gather(tracks, scenes, settings.range_m)
    quality = sensor_quality(plan.rain_mm_h, plan.illuminance_lux)
    truth = _true(tracks, around)
    noise = np.random.default_rng(for_sensor)
    report = observe(truth, tracks.xy_m[around.own_ego_row], around.track, quality, noise)
    report = _with_own_state(report, truth, around)
    seen = report.seen
    category = categories(tracks, around)
    ids = _scene_ids(plan, scenes)
    time_ns = plan.start_ns + (scenes.first_frame[around.scene] + around.frame).astype(np.int64) * _period_ns(settings)
    place = describe_place(tracks, scenes, around, network, settings)
    agents = describe_agents(category[seen], around.scene[seen], scenes)
    ego = describe_ego(tracks, scenes, around, settings.period_s)
    identity = _identity(plan, scenes, ids, settings)
    behaviour = ids[stop_scenes(tracks, stops, network, around, seen)]
    return LogTables(
        scenes=pa.table(identity | place | describe_conditions(plan, len(ids)) | agents | ego),
        frames=_frames(plan, scenes, ids, settings),
        observed=_tracks_table(tracks, around, category, ids, report, time_ns).filter(pa.array(seen)),
        truth=_tracks_table(tracks, around, category, ids, truth, time_ns),
        behaviour=tuple(behaviour.tolist()),
    )


def _true(tracks: LogTracks, around: SceneTracks) -> Observed:
    """The truth in the shape of a report, as a perfect sensor would give it."""
    row = around.row
    return Observed(np.ones(len(row), dtype=bool), tracks.xy_m[row], tracks.heading_rad[row], tracks.lamps[row])


def _with_own_state(report: Observed, truth: Observed, around: SceneTracks) -> Observed:
    """The ego vehicle knows its own state from its odometry, not from the sensor."""
    own = around.is_ego
    return Observed(
        seen=report.seen | own,
        xy_m=np.where(own[:, None], truth.xy_m, report.xy_m),
        heading_rad=np.where(own, truth.heading_rad, report.heading_rad),
        lamps=np.where(own[:, None], truth.lamps, report.lamps),
    )


def _scene_ids(plan: LogPlan, scenes: Scenes) -> npt.NDArray[np.str_]:
    parts = zip(scenes.drive.tolist(), scenes.part.tolist(), strict=True)
    return np.array([f"{plan.log_id}-e{drive:02d}-s{part:02d}" for drive, part in parts], dtype=np.str_)


def _identity(plan: LogPlan, scenes: Scenes, ids: npt.NDArray[np.str_], settings: FleetSettings) -> dict[str, pa.Array]:
    n_scenes = len(ids)
    return {
        "scene_id": pa.array(ids, pa.string()),
        "log_id": pa.array([plan.log_id] * n_scenes, pa.string()),
        "vehicle_id": pa.array([f"{plan.log_id}-e{drive:02d}" for drive in scenes.drive.tolist()], pa.string()),
        "start_ns": pa.array(plan.start_ns + scenes.first_frame.astype(np.int64) * _period_ns(settings)),
        "duration_s": pa.array(scenes.n_frames * settings.period_s),
        "n_frames": pa.array(scenes.n_frames.astype(np.int64)),
        "split": pa.array([plan.split] * n_scenes, pa.string()),
    }


def _frames(plan: LogPlan, scenes: Scenes, ids: npt.NDArray[np.str_], settings: FleetSettings) -> pa.Table:
    scene, frame = expand(scenes.n_frames)
    at = (scenes.first_frame[scene] + frame).astype(np.int64)
    return pa.table(
        {
            "frame_id": frame_ids(ids[scene], frame),
            "scene_id": pa.array(ids[scene], pa.string()),
            "timestamp_ns": pa.array(plan.start_ns + at * _period_ns(settings)),
        }
    )


def _period_ns(settings: FleetSettings) -> int:
    return round(settings.period_s * 1e9)


def frame_ids(scene_ids: npt.NDArray[np.str_], frame: npt.NDArray[np.int64]) -> pa.Array:
    """Names of frames, `<scene_id>-f<number>`, (F,) string; sorting them sorts by time, up to 1,000 frames a scene.

    >>> frame_ids(np.array(["a"]), np.array([7])).to_pylist()
    ['a-f007']
    """
    numbers = np.array([f"-f{i:03d}" for i in range(int(frame.max(initial=0)) + 1)])
    return pa.array(np.char.add(scene_ids.astype(np.str_), numbers[frame]), pa.string())


def _tracks_table(tracks: LogTracks, around: SceneTracks, category: npt.NDArray[np.int8], ids: npt.NDArray[np.str_],
                  report: Observed, time_ns: npt.NDArray[np.int64]) -> pa.Table:  # fmt: skip
    own = CATEGORIES.index("ego")
    names = pa.array([*tracks.agent_ids.tolist(), "ego"])
    agent = np.where(category == own, len(tracks.agent_ids), tracks.agent[around.row]).astype(np.int32)
    return pa.table(
        {
            "scene_id": _decode(around.scene.astype(np.int32), pa.array(ids, pa.string())),
            "frame": pa.array(around.frame.astype(np.int32)),
            "timestamp_ns": pa.array(time_ns),
            "agent_id": _decode(agent, names),
            "category": _decode(category.astype(np.int32), pa.array(CATEGORIES)),
            "is_ego": pa.array(around.is_ego),
            "x_m": pa.array(report.xy_m[:, 0].astype(np.float32)),
            "y_m": pa.array(report.xy_m[:, 1].astype(np.float32)),
            "heading_rad": pa.array(report.heading_rad.astype(np.float32)),
            "right_indicator": pa.array(report.lamps[:, 0]),
            "left_indicator": pa.array(report.lamps[:, 1]),
            "brake_lights": pa.array(report.lamps[:, 2]),
        }
    )


def _decode(index: npt.NDArray[np.int32], values: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(index), values).cast(pa.string())
