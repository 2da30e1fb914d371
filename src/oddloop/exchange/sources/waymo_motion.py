"""Waymo Open Motion data set: scenarios in TFRecord files, read without TensorFlow.

    **/*.tfrecord*      some hundred scenarios each; a scenario is a scene and a log of its own

A file is read in parts of `PER_PART` scenarios. Times begin at 0 in each scenario and no date is published: scenarios
are put an hour apart, in the order of the files and in them, from 2015 on. Where the future is published, `futures` has
it for the agents that are to be predicted. Time grows with the states; memory with the states of a part.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.errors import SourceError
from oddloop.exchange.attributes.angles import ahead_and_left
from oddloop.exchange.attributes.motion import Poses
from oddloop.exchange.sources.agents import agents_of
from oddloop.exchange.sources.base import Part, PartError, Tables
from oddloop.exchange.sources.drive import Drive, drive_tables
from oddloop.exchange.sources.made_up_times import EPOCH_NS, HOUR_NS
from oddloop.exchange.sources.splits import split_columns
from oddloop.exchange.sources.tfrecord import read_records, scan_records
from oddloop.exchange.sources.waymo_messages import scenario_class
from oddloop.tables import FUTURES, TRACKS

PER_PART = 64
SPLITS = ("training", "validation", "testing", "validation_interactive", "testing_interactive", "training_20s")
TYPES = ("TYPE_UNSET", "TYPE_VEHICLE", "TYPE_PEDESTRIAN", "TYPE_CYCLIST", "TYPE_OTHER")
_STATE = ("x_m", "y_m", "length_m", "width_m", "heading_rad", "vx_mps", "vy_mps")
Floats = npt.NDArray[np.float64]
Place = tuple[int, int]


class WaymoMotion:
    """Scenarios below a folder; see the module for the layout."""

    def __init__(self, folder: Path, _scene_s: float) -> None:
        self.folder = folder
        self.agents = agents_of("waymo")
        self.scenario = scenario_class()

    def parts(self) -> Iterator[Part]:
        """One part per `PER_PART` scenarios of a file."""
        if not self._files:
            raise SourceError(f"{self.folder}: no *.tfrecord* file in it; give the folder that holds training/ or such")
        return (Part(name, (file,)) for name, (file, _, _) in self._places.items())

    def read(self, part: Part) -> Tables:
        """Tables of some scenarios of a file."""
        file, places, first = self._places[part.name]
        split = split_columns(_split(file), SPLITS)
        found = [
            self._tables(content, file, EPOCH_NS + (first + i) * HOUR_NS, split)
            for i, content in enumerate(read_records(file, places))
        ]
        return {name: pa.concat_tables([tables[name] for tables in found]) for name in found[0]}

    @cached_property
    def _files(self) -> list[Path]:
        return sorted(p for p in self.folder.glob("**/*.tfrecord*") if p.is_file())

    @cached_property
    def _places(self) -> dict[str, tuple[Path, list[Place], int]]:
        """File, places and number of the first scenario, by name of a part."""
        found: dict[str, tuple[Path, list[Place], int]] = {}
        n = 0
        for file in self._files:
            places = list(scan_records(file))
            for at in range(0, len(places), PER_PART):
                name = f"{file.relative_to(self.folder).as_posix()}#{at}"
                found[name] = (file, places[at : at + PER_PART], n + at)
            n += len(places)
        return found

    def _tables(self, content: bytes, file: Path, start_ns: int, split: dict[str, str | None]) -> dict[str, pa.Table]:
        scenario = self.scenario()
        try:
            scenario.ParseFromString(content)
        except Exception as error:  # protobuf's error has no base that is public in all its versions
            raise PartError.of(file, "no-scenario", f"a record is not a motion scenario: {error}") from error
        _check(scenario, file)
        offsets = np.round(np.array(scenario.timestamps_seconds) * 1e9).astype(np.int64)
        times = start_ns + offsets - offsets[0]
        track, step, states = _states(scenario)
        if not (track == scenario.sdc_track_index).any():
            raise _fault(scenario, file, "no-ego", "the ego vehicle has no valid state")
        if not np.isfinite(states).all():
            raise _fault(scenario, file, "not-finite", "a valid state holds a number that is not finite")
        return _lake_tables(scenario, times, (track, step, states), self.agents, split)


def _split(file: Path) -> str:
    return next((part for part in reversed(file.parts[:-1]) if part in SPLITS), "")


def _check(scenario: Any, file: Path) -> None:
    times = np.array(scenario.timestamps_seconds)
    if not scenario.scenario_id or not len(times):
        raise PartError.of(file, "no-scenario", "a record has no scenario_id or no times; is it of another data set?")
    if not np.isfinite(times).all() or (np.diff(times) <= 0).any():
        raise _fault(scenario, file, "not-in-order", "its times do not rise")
    if not 0 <= scenario.sdc_track_index < len(scenario.tracks):
        raise _fault(scenario, file, "no-ego", f"sdc_track_index {scenario.sdc_track_index} names no track")
    if any(len(track.states) != len(times) for track in scenario.tracks):
        raise _fault(scenario, file, "ragged", "a track has not one state per time")
    if strange := [track.object_type for track in scenario.tracks if not 0 <= track.object_type < len(TYPES)]:
        raise _fault(scenario, file, "bad-type", f"a track has type {strange[0]}, which is not published")
    if any(not 0 <= p.track_index < len(scenario.tracks) for p in scenario.tracks_to_predict):
        raise _fault(scenario, file, "no-such-track", "tracks_to_predict names no track")
    ids = [track.id for track in scenario.tracks]
    if len(set(ids)) < len(ids):
        raise _fault(scenario, file, "duplicate-track", "two tracks have one id")


def _fault(scenario: Any, file: Path, code: str, message: str) -> PartError:
    return PartError.of(file, code, f"scenario {scenario.scenario_id}: {message}; copy the file again")


def _states(scenario: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats]:
    """Track and step of each valid state, in order of step and track, and its numbers as in `_STATE`."""
    rows = [
        (j, i, s.center_x, s.center_y, s.length, s.width, s.heading, s.velocity_x, s.velocity_y)
        for i, track in enumerate(scenario.tracks)
        for j, s in enumerate(track.states)
        if s.valid
    ]
    found = np.array(rows, dtype=np.float64).reshape(-1, 2 + len(_STATE))
    found = found[np.lexsort((found[:, 1], found[:, 0]))]
    return found[:, 1].astype(np.int64), found[:, 0].astype(np.int64), found[:, 2:]


def _lake_tables(
    scenario: Any,
    times: npt.NDArray[np.int64],
    found: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats],
    agents: frozenset[str],
    split: dict[str, str | None],
) -> dict[str, pa.Table]:
    track, step, states = found
    is_ego = track == scenario.sdc_track_index
    own = Poses(times[step[is_ego]], *(states[is_ego, _STATE.index(n)] for n in ("x_m", "y_m", "heading_rad")))
    ids = np.array([str(t.id) for t in scenario.tracks], dtype=object)
    kinds = np.array([TYPES[t.object_type] for t in scenario.tracks], object)
    others = ~is_ego
    ahead = _seen_from(own, times, step[others], states[others, :2])
    boxes = pa.table(
        {
            "frame": step[others],
            "object_id": pa.array(ids[track[others]], pa.string()),
            "category": pa.array(kinds[track[others]], pa.string()),
            "x_m": ahead[:, 0],
            "y_m": ahead[:, 1],
            **{n: states[others, _STATE.index(n)] for n in ("length_m", "width_m")},
        }
    )
    known = {**split, "is_interactive": len(scenario.objects_of_interest) > 0}
    drive = Drive(scenario.scenario_id, times, poses=own, boxes=boxes, agents=agents, attributes=known)
    tables = drive_tables(drive, float("inf"))  # a scenario is a scene, however long
    names = tables["frames"]["frame_id"].combine_chunks(), tables["scenes"]["scene_id"][0].as_py()
    speed, _ = ahead_and_left(states[:, 5], states[:, 6], states[:, 4])
    tables["tracks"] = _tracks(names, times[step], step, ids[track], states, speed, is_ego)
    tables["futures"] = _futures(scenario, names, found, ids)
    return tables


def _seen_from(own: Poses, times: npt.NDArray[np.int64], step: npt.NDArray[np.int64], places: Floats) -> Floats:
    """(n, 2) places as seen from the ego vehicle at the same time, or its nearest known one; ahead and to the left."""
    after = np.clip(np.searchsorted(own.time_ns, times[step]), 0, len(own.time_ns) - 1)
    before = np.maximum(after - 1, 0)
    at = np.where(times[step] - own.time_ns[before] < np.abs(own.time_ns[after] - times[step]), before, after)
    dx, dy = places[:, 0] - own.x_m[at], places[:, 1] - own.y_m[at]
    return np.stack(ahead_and_left(dx, dy, own.heading_rad[at]), axis=1)


def _tracks(
    names: tuple[pa.Array, str],
    time_ns: npt.NDArray[np.int64],
    step: npt.NDArray[np.int64],
    agent: npt.NDArray[np.object_],
    states: Floats,
    speed: Floats,
    is_ego: npt.NDArray[np.bool_],
) -> pa.Table:
    values = dict(zip(_STATE, states.T, strict=True)) | {"speed_mps": speed}
    columns = {
        "scene_id": pa.repeat(names[1], len(step)),
        "frame_id": names[0].take(pa.array(step)),
        "agent_id": pa.array(agent, pa.string()),
        "timestamp_ns": time_ns,
        "is_ego": is_ego,
        **{n: values[n] for n in ("x_m", "y_m", "heading_rad", "speed_mps", "length_m", "width_m")},
    }
    return TRACKS.table(columns)


def _futures(
    scenario: Any,
    names: tuple[pa.Array, str],
    found: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats],
    ids: npt.NDArray[np.object_],
) -> pa.Table:
    """What the agents that are to be predicted did after the current time; none where it is not published."""
    track, step, states = found
    now, n_steps = scenario.current_time_index, len(scenario.timestamps_seconds)
    wanted = [p.track_index for p in scenario.tracks_to_predict]
    rows = []
    for index in dict.fromkeys(wanted if now < n_steps - 1 else []):
        way = np.full((n_steps, 2), np.nan)
        mine = track == index
        way[step[mine]] = states[mine, :2]
        if np.isfinite(way[now]).all() and np.isfinite(way[now + 1 :]).any():
            rows.append((str(ids[index]), way[now + 1 :]))
    frame = names[0][now].as_py() if 0 <= now < n_steps else None
    columns = {
        "frame_id": [frame] * len(rows),
        "scene_id": [names[1]] * len(rows),
        "agent_id": [agent for agent, _ in rows],
        "xy": [[xy if np.isfinite(xy).all() else None for xy in way.tolist()] for _, way in rows],
    }
    return pa.table(columns, schema=FUTURES.schema())
