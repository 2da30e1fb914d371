"""Argoverse 2 motion forecasting: scenarios of 11 s, and forecasts as its challenge wants them.

    <split>/<scenario_id>/scenario_<scenario_id>.parquet    states of all tracks, ten a second, in the city frame
    forecasts/<model_id>/*.parquet                          scenario_id, track_id, probability, and
                                                            predicted_trajectory_x and _y

A scenario is one scene, and its steps are frames. `tracks` has all of them, `objects` the last that a model may see,
where forecasts begin. Time grows with the states; a part holds 100 scenarios, and a model's forecasts are in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.errors import Fault, SourceError
from oddloop.exchange.attributes import agents as agent_rules
from oddloop.exchange.attributes import motion as motion_rules
from oddloop.exchange.attributes.agents import is_agent, traffic_density
from oddloop.exchange.attributes.angles import ahead_and_left, wrapped
from oddloop.exchange.attributes.derived import mark_derived
from oddloop.exchange.attributes.motion import Poses, summarize_motion
from oddloop.exchange.sources.agents import agents_of
from oddloop.exchange.sources.argoverse2_forecasts import modes_of, read_forecasts, refuse_unknown_tracks
from oddloop.exchange.sources.base import Part, PartError, Tables, pick_columns, reading, refuse_twice, result_files
from oddloop.exchange.sources.drive import NEAR
from oddloop.exchange.sources.left_out import find_unknown
from oddloop.exchange.sources.splits import split_columns
from oddloop.tables import STRINGS, TRACKS

SCENARIOS_PER_PART = 100
EGO, SCORED = "AV", 2
"""The ego vehicle's track; tracks of this category or above are forecast."""
SPLITS = ("train", "val", "test")
_TWO_WHEELER = (2.0, 0.7)
SIZES_M = {
    "vehicle": (4.0, 2.0),
    "bus": (12.0, 2.5),
    "pedestrian": (0.7, 0.7),
    **dict.fromkeys(("motorcyclist", "cyclist", "riderless_bicycle"), _TWO_WHEELER),
}
"""Length and width of road users by type, assumed: none are published. Cars and two-wheelers are as large as the
pictures that come with the data set's own code show them."""
SIZE_RULES = dict.fromkeys(("length_m", "width_m"), "assumed by type, since the data set has no sizes")
RULES = {
    **motion_rules.RULES,
    "n_agents_near": f"agents {NEAR} in the frame where forecasts begin",
    "traffic_density": agent_rules.density_rule(f"{NEAR}, in the frame where forecasts begin"),
    "object_types": "the types of all tracks",
}
_STATES = pa.schema(
    [
        pa.field(name, kind, nullable=False)
        for name, kind in {
            "observed": pa.bool_(),
            "track_id": pa.string(),
            "object_type": pa.string(),
            "object_category": pa.int64(),
            "timestep": pa.int64(),
            **dict.fromkeys(("position_x", "position_y", "heading", "velocity_x", "velocity_y"), pa.float64()),
            "scenario_id": pa.string(),
            "start_timestamp": pa.float64(),
            "end_timestamp": pa.float64(),
            "num_timestamps": pa.int64(),
            "focal_track_id": pa.string(),
            "city": pa.string(),
        }.items()
    ]
    + [pa.field("slice_id", pa.string())]
)


class Argoverse2Motion:
    """Scenarios below a folder; see the module for the layout."""

    def __init__(self, folder: Path, _scene_s: float) -> None:
        self.folder = folder
        self.agents = agents_of("argoverse2")

    def parts(self) -> Iterator[Part]:
        """A hundred scenarios each."""
        files = sorted(self.folder.glob("**/scenario_*.parquet"))
        if not files:
            raise SourceError(f"{self.folder}: no scenario_*.parquet below it; give the folder that holds train/, val/")
        models = [file for many in self._files.values() for file in many]
        names = [_name_of(file) for file in files]
        left_out = find_unknown(self._tables, self.folder / "forecasts", "trajectory", "scenario", names)
        for first in range(0, len(files), SCENARIOS_PER_PART):
            own = files[first : first + SCENARIOS_PER_PART]
            yield Part(f"scenarios {first} to {first + len(own) - 1}", (*own, *models), left_out)
            left_out = ()

    def read(self, part: Part) -> Tables:
        """Tables of a run of scenarios."""
        found: dict[str, list[pa.Table]] = {}
        faults: list[Fault] = []
        starts: list[pa.Table] = []
        for file in part.files:
            if file.name.startswith("scenario_"):
                try:
                    scenario = _Scenario(file, self.agents)
                    for name, table in scenario.tables().items():
                        found.setdefault(name, []).append(table)
                    starts.append(scenario.starts())
                except PartError as error:
                    faults += error.faults
        tables = {name: pa.concat_tables(many) for name, many in found.items()}
        if tables:
            tables["scenes"] = mark_derived(tables["scenes"], RULES)
            tables["tracks"] = mark_derived(tables["tracks"], SIZE_RULES)
            tables |= self._forecasts(pa.concat_tables(starts), faults)
        if faults:
            raise PartError(faults, tables)
        return tables

    @cached_property
    def _files(self) -> dict[str, list[Path]]:
        return result_files(self.folder / "forecasts", "*.parquet")

    @cached_property
    def _tables(self) -> dict[str, pa.Table]:
        return {model: read_forecasts(files) for model, files in self._files.items()}

    def _forecasts(self, starts: pa.Table, faults: list[Fault]) -> dict[str, pa.Table]:
        tables = {}
        for model, table in self._tables.items():
            mine = table.filter(pc.is_in(table["scenario_id"], value_set=starts["scene_id"].combine_chunks()))
            try:
                refuse_unknown_tracks(mine, starts, self.folder / "forecasts" / model)
            except PartError as error:
                faults += error.faults
                continue
            if mine.num_rows:
                tables[f"predictions/trajectory/{model}"] = modes_of(mine, starts)
        return tables


def _name_of(file: Path) -> str:
    return file.stem.removeprefix("scenario_")


class _Scenario:
    """One file: its states, and what becomes of them."""

    def __init__(self, file: Path, agents: frozenset[str]) -> None:
        with reading(file):
            states = pq.read_table(file)
        self.file, self.agents = file, agents
        self.states = pick_columns(states, _STATES, file).sort_by(
            [("timestep", "ascending"), ("track_id", "ascending")]
        )
        if not self.states.num_rows:
            raise PartError.of(file, "empty", "it has no states")
        self.name = self._one("scenario_id")
        self._refuse_faults()
        seen = self.states.filter(self.states["observed"])
        self.now = int(pc.max(seen["timestep"]).as_py())
        n = self._one("num_timestamps")
        self.time_ns = np.linspace(self._one("start_timestamp"), self._one("end_timestamp"), num=n).astype(np.int64)
        self.frame_ids = pa.array([f"{self.name}/{i:03}" for i in range(n)])
        self.ego = self.states.filter(pc.equal(self.states["track_id"], EGO))
        self.present = self.states.filter(pc.equal(self.states["timestep"], self.now))

    def tables(self) -> dict[str, pa.Table]:
        """Rows of `scenes`, `frames`, `objects`, `tracks` and `futures`."""
        now, frame_id = self.present, self.frame_ids[self.now].as_py()
        frames = {
            "frame_id": self.frame_ids,
            "scene_id": pa.repeat(self.name, len(self.time_ns)),
            "timestamp_ns": self.time_ns,
        }
        objects = self._objects(now.filter(pc.not_equal(now["track_id"], EGO)))
        names = {c: pa.repeat(v, objects.num_rows) for c, v in (("frame_id", frame_id), ("scene_id", self.name))}
        futures = self._futures(now, frame_id)
        return {
            "scenes": self._scene(objects),
            "frames": pa.table(frames),
            "objects": pa.table({**names, **dict(zip(objects.column_names, objects.columns, strict=True))}),
            "tracks": self._tracks(),
            **({"futures": futures} if futures.num_rows else {}),
        }

    def starts(self) -> pa.Table:
        """Where forecasts begin: `scene_id`, `frame_id` and `agent_id` of all who are there."""
        names, agents = {"scene_id": self.name, "frame_id": self.frame_ids[self.now].as_py()}, self.present["track_id"]
        return pa.table({**{c: pa.repeat(v, len(agents)) for c, v in names.items()}, "agent_id": agents})

    def _scene(self, objects: pa.Table) -> pa.Table:
        step_ns = int(np.median(np.diff(self.time_ns))) if len(self.time_ns) > 1 else 100_000_000
        end_ns = int(self.time_ns[-1]) + step_ns
        near = np.hypot(objects["x_m"].to_numpy(), objects["y_m"].to_numpy()) <= agent_rules.NEAR_M
        n_near = int((near & is_agent(objects["category"], self.agents)).sum())
        motion = summarize_motion(self._poses(), self.time_ns[:1], np.array([end_ns]))
        columns: dict[str, Any] = {
            "scene_id": [self.name],
            "log_id": [self._one("slice_id") or self.name],
            "start_ns": self.time_ns[:1],
            "duration_s": [(end_ns - int(self.time_ns[0])) / 1e9],
            "n_frames": pa.array([len(self.time_ns)], pa.int64()),
            "city": [self._one("city")],
            **{k: pa.array([v], pa.string()) for k, v in split_columns(self.file.parent.parent.name, SPLITS).items()},
            "distance_m": pa.array(motion.distance_m, from_pandas=True),
            "ego_speed_kph": pa.array(motion.speed_mps * 3.6, from_pandas=True),
            "ego_manoeuvre": pa.array(motion.manoeuvre, pa.string()),
            "n_agents_near": pa.array([n_near], pa.int64()),
            "traffic_density": traffic_density(np.array([float(n_near)])),
            "object_types": pa.array([sorted(self.states["object_type"].unique().to_pylist())], STRINGS),
        }
        return pa.table(columns)

    def _objects(self, now: pa.Table) -> pa.Table:
        """Other tracks in the frame where forecasts begin, as seen from the ego vehicle."""
        ego = self.ego.filter(pc.equal(self.ego["timestep"], self.now)).to_pylist()[0]
        dx, dy = now["position_x"].to_numpy() - ego["position_x"], now["position_y"].to_numpy() - ego["position_y"]
        x_m, y_m = ahead_and_left(dx, dy, ego["heading"])
        numbers = {
            "x_m": x_m,
            "y_m": y_m,
            "heading_rad": wrapped(now["heading"].to_numpy() - ego["heading"]),
            "speed_mps": np.hypot(now["velocity_x"].to_numpy(), now["velocity_y"].to_numpy()),
        }
        ids = {"object_id": now["track_id"], "category": now["object_type"]}
        return pa.table({**ids, **{name: pa.array(values, pa.float32()) for name, values in numbers.items()}})

    def _tracks(self) -> pa.Table:
        """Road users at all steps, the ego vehicle among them, in the city frame."""
        types = pa.array(list(SIZES_M))
        rows = self.states.filter(pc.is_in(self.states["object_type"], value_set=types))
        step, heading = rows["timestep"].to_numpy(), rows["heading"].to_numpy()
        size = np.array(list(SIZES_M.values()))[pc.index_in(rows["object_type"], value_set=types).to_numpy()]
        ahead, _ = ahead_and_left(rows["velocity_x"].to_numpy(), rows["velocity_y"].to_numpy(), heading)
        columns = {
            "scene_id": pa.repeat(self.name, len(step)),
            "frame_id": self.frame_ids.take(pa.array(step)),
            "agent_id": rows["track_id"],
            "timestamp_ns": self.time_ns[step],
            "x_m": rows["position_x"],
            "y_m": rows["position_y"],
            "heading_rad": heading,
            "speed_mps": ahead,
            "length_m": size[:, 0],
            "width_m": size[:, 1],
            "is_ego": pc.equal(rows["track_id"], EGO),
        }
        return TRACKS.table(columns)

    def _futures(self, now: pa.Table, frame_id: str) -> pa.Table:
        """Of the tracks that are forecast and known to the end, in the city frame."""
        n_steps = len(self.time_ns) - self.now - 1
        scored = now.filter(pc.greater_equal(now["object_category"], SCORED))["track_id"]
        later = self.states.filter(
            pc.and_(pc.greater(self.states["timestep"], self.now), pc.is_in(self.states["track_id"], value_set=scored))
        ).sort_by([("track_id", "ascending"), ("timestep", "ascending")])
        ids, counts = np.unique(np.asarray(later["track_id"].to_pylist(), str), return_counts=True)
        whole = [str(i) for i in ids[counts == n_steps]] if n_steps else []
        later = later.filter(pc.is_in(later["track_id"], value_set=pa.array(whole, pa.string())))
        xy = np.stack([later["position_x"].to_numpy(), later["position_y"].to_numpy()], axis=1).astype(np.float32)
        points = pa.FixedSizeListArray.from_arrays(pa.array(xy.reshape(-1)), 2)
        offsets = pa.array(np.arange(len(whole) + 1) * n_steps, pa.int32())
        names = {"frame_id": [frame_id] * len(whole), "scene_id": [self.name] * len(whole), "agent_id": whole}
        kinds = {name: pa.array(values, pa.string()) for name, values in names.items()}
        return pa.table({**kinds, "xy": pa.ListArray.from_arrays(offsets, points)})

    def _poses(self) -> Poses:
        step = self.ego["timestep"].to_numpy()
        numbers = (self.ego[name].to_numpy() for name in ("position_x", "position_y", "heading"))
        return Poses(self.time_ns[step], *numbers)

    def _one(self, column: str) -> Any:
        return self.states[column][0].as_py()

    def _refuse_faults(self) -> None:
        states, n = self.states, self._one("num_timestamps")
        steps = pc.min_max(states["timestep"])
        faults = [
            ("other-scenario", "it holds several scenarios", len(states["scenario_id"].unique()) > 1),
            (
                "other-scenario",
                f"it holds scenario {self.name}; call it so, or copy it again",
                self.name != _name_of(self.file),
            ),
            ("no-observed", "no state is observed, so nothing can be forecast", not pc.any(states["observed"]).as_py()),
            (
                "bad-step",
                f"a timestep is not in 0..{n - 1}",
                not 0 <= steps["min"].as_py() <= steps["max"].as_py() < n,
            ),
        ]
        for code, message, is_so in faults:
            if is_so:
                raise PartError.of(self.file, code, message)
        twice = "track {} has two states at timestep {}".format
        refuse_twice(states, ["track_id", "timestep"], self.file, "duplicate-state", twice)
        seen = pc.max(states.filter(states["observed"])["timestep"])
        if not pc.any(pc.and_(pc.equal(states["track_id"], EGO), pc.equal(states["timestep"], seen))).as_py():
            raise PartError.of(self.file, "no-ego", f"the ego vehicle, track {EGO}, is not there where forecasts begin")
        if not self._one("end_timestamp") > self._one("start_timestamp"):
            raise PartError.of(self.file, "bad-time", "it ends before it begins")
