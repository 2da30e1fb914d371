"""CommonRoad scenarios in XML (2018b, 2020a), through commonroad-io: tracks of vehicles on a lanelet map.

    **/*.xml        a scenario each; one file is a scene

The files name no time of recording: scenarios are put an hour apart, in the order of their names, from 2015 on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from oddloop.errors import LabellingError, MissingExtraError, SourceError
from oddloop.exchange.attributes import roads
from oddloop.exchange.attributes.derived import mark_derived
from oddloop.exchange.labelling.guarded_xml import read_elements
from oddloop.exchange.sources.base import Part, PartError, Tables, reading
from oddloop.exchange.sources.made_up_times import EPOCH_NS, HOUR_NS
from oddloop.tables import STRINGS

RULES = {
    "lane_count": roads.LANES_RULE,
    "curvature": roads.CURVATURE_RULE,
    "junction": "roundabout or intersection by the scenario's tags, or an intersection in its map",
    "n_vehicles_per_frame": "mean number of moving obstacles per time step",
    "traffic_density": roads.DENSITY_RULE,
    "categories": "the types of its obstacles",
}
_STATE = ("x_m", "y_m", "heading_rad", "speed_mps")


class CommonRoad:
    """Scenarios below a folder; see the module for the layout."""

    def __init__(self, folder: Path, _scene_s: float) -> None:
        self.folder = folder
        self.reader = _reader()

    def parts(self) -> Iterator[Part]:
        """One part per scenario."""
        if not self._files:
            raise SourceError(f"{self.folder}: no .xml file below it; give the folder that holds the scenarios")
        return (Part(file.relative_to(self.folder).with_suffix("").as_posix(), (file,)) for file in self._files)

    def read(self, part: Part) -> Tables:
        """Tables of one scenario."""
        (file,) = part.files
        scenario = self._open(file)
        start_ns = EPOCH_NS + self._files.index(file) * HOUR_NS
        with _strict(file):
            states = _states(scenario, file)
            if not all(np.isfinite(lane.center_vertices).all() for lane in scenario.lanelet_network.lanelets):
                raise PartError.of(file, "not-finite", "a lanelet has a point that is not finite")
            return _tables(scenario, part.name.rpartition("/")[2], states, start_ns)

    @cached_property
    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("**/*.xml"))

    def _open(self, file: Path) -> Any:
        with reading(file):
            content = file.read_bytes()
        try:
            read_elements([content], str(file))
        except LabellingError as error:
            raise PartError.of(file, "unreadable", str(error).removeprefix(f"{file}: ")) from error
        with _strict(file):
            scenario, _ = self.reader(str(file)).open()
        return scenario


@contextlib.contextmanager
def _strict(file: Path) -> Iterator[None]:
    """Whatever commonroad-io raises, and that is anything, becomes a fault that names the file."""
    try:
        yield
    except PartError:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        message = f"commonroad-io cannot read it as a scenario ({said}); is it complete and of a known version?"
        raise PartError.of(file, "no-scenario", message) from error


def _reader() -> Callable[[str], Any]:
    try:
        from commonroad.common.file_reader import CommonRoadFileReader
    except ImportError as error:
        raise MissingExtraError("CommonRoad files need: pip install 'oddloop[commonroad]'") from error
    return CommonRoadFileReader  # type: ignore[no-any-return]


def _states(scenario: Any, file: Path) -> pa.Table:
    """All states of moving obstacles: `step`, `agent_id`, category, place, heading, speed, size."""
    rows = [
        (state.time_step, *_about(obstacle), *state.position, state.orientation, state.velocity)
        for obstacle in scenario.dynamic_obstacles
        for state in (
            obstacle.initial_state,
            *(obstacle.prediction.trajectory.state_list if obstacle.prediction else ()),
        )
    ]
    if not rows:
        raise PartError.of(file, "no-states", "no moving obstacle is in it, so there is nothing to see")
    names = ("step", "agent_id", "category", "length_m", "width_m", *_STATE)
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    table = pa.table(
        {n: pa.array(v, pa.float64()) if n.endswith(("_m", "_rad", "_mps")) else v for n, v in columns.items()}
    )
    if any(not np.isfinite(table[name].to_numpy()).all() for name in (*_STATE, "length_m", "width_m")):
        raise PartError.of(file, "not-finite", "a state or size holds a number that is not finite")
    if min(columns["step"]) < 0:
        raise PartError.of(file, "bad-step", "a time step is below 0")
    return table.sort_by([("step", "ascending"), ("agent_id", "ascending")])


def _about(obstacle: Any) -> tuple[str, str, float, float]:
    shape = obstacle.obstacle_shape
    # A circle has a radius, a polygon its corners; the box around it is its size.
    length = (
        getattr(shape, "length", None) or 2.0 * getattr(shape, "radius", 0.0) or float(np.ptp(shape.vertices[:, 0]))
    )
    width = getattr(shape, "width", None) or 2.0 * getattr(shape, "radius", 0.0) or float(np.ptp(shape.vertices[:, 1]))
    return str(obstacle.obstacle_id), str(obstacle.obstacle_type.value), float(length), float(width)


def _tables(scenario: Any, scene_id: str, states: pa.Table, start_ns: int) -> dict[str, pa.Table]:
    step = states["step"].to_numpy().astype(np.int64)
    steps = np.unique(step)
    step_ns = round(scenario.dt * 1e9)
    names = pa.array([f"{scene_id}/{i:06}" for i in steps.tolist()], pa.string())
    frame_id = names.take(pa.array(np.searchsorted(steps, step)))
    n = len(steps)
    scenes = {
        "scene_id": [scene_id],
        "log_id": [_recording(scene_id)],
        "start_ns": [start_ns],
        "duration_s": [int(steps[-1] - steps[0] + 1) * step_ns / 1e9],
        "n_frames": [n],
        "tags": pa.array([sorted(str(tag.value) for tag in scenario.tags or ())], STRINGS),
        **_road(scenario, states.num_rows / n),
        "categories": [sorted(set(states["category"].to_pylist()))],
    }
    of_frame = {"scene_id": pa.repeat(scene_id, states.num_rows), "frame_id": frame_id}
    body = {name: states[name] for name in (*_STATE, "length_m", "width_m")}
    ids = {"agent_id": states["agent_id"], "timestamp_ns": pa.array(start_ns + step * step_ns)}
    frames = {"frame_id": names, "scene_id": pa.repeat(scene_id, n), "timestamp_ns": start_ns + steps * step_ns}
    return {
        "scenes": mark_derived(pa.table(scenes), RULES),
        "frames": pa.table(frames),
        "objects": pa.table({**of_frame, "object_id": states["agent_id"], "category": states["category"], **body}),
        "tracks": pa.table({**of_frame, **ids, **body}),
    }


def _road(scenario: Any, vehicles: float) -> dict[str, list[Any]]:
    network = scenario.lanelet_network
    lanelets = network.lanelets
    lines = [lanelet.center_vertices for lanelet in lanelets]
    km = sum(float(np.hypot(*np.diff(line, axis=0).T).sum()) for line in lines) / 1000.0
    left = {
        i.lanelet_id: (i.adj_left if i.adj_left_same_direction and i.adj_left is not None else -1) for i in lanelets
    }
    tags = {str(tag.value) for tag in scenario.tags or ()}
    is_junction = "intersection" in tags or bool(network.intersections)
    junction = "roundabout" if "roundabout" in tags else "junction" if is_junction else "none"
    return {
        "lane_count": [roads.lane_count(left)],
        "curvature": [roads.curvature(lines)],
        "junction": [junction],
        "n_vehicles_per_frame": [float(vehicles)],
        "traffic_density": [roads.lane_density(vehicles, km)],
    }


def _recording(scene_id: str) -> str:
    """`USA_US101-16_1_T-1` is cut from the recording `USA_US101-16`: map and its number, without configuration."""
    head, dash, rest = scene_id.partition("-")
    return f"{head}{dash}{rest.partition('_')[0]}"
