"""One log: traffic through SUMO, headless, and what every road user did, as arrays.

SUMO writes its floating car data straight to Parquet; a run of three minutes with a hundred vehicles takes a few tenths
of a second. The same seed gives the same traffic.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.demo.demand import Stop, write_demand
from oddloop.demo.drivers import category_of
from oddloop.demo.networks import Network
from oddloop.demo.plan import LogPlan
from oddloop.demo.settings import FleetSettings
from oddloop.demo.sumo import run_program

CATEGORIES = ("ego", "car", "truck", "bicycle", "pedestrian")
_STEP_S = 0.25
_LAMP_BITS = np.array([1, 2, 8])
_OPTIONS = (
    "--step-method.ballistic", "--no-step-log", "--no-warnings", "--duration-log.disable",
    "--collision.action", "none", "--ignore-junction-blocker", "8", "--time-to-teleport", "-1",
    "--lanechange.duration", "2.5", "--output.compression", "snappy", "--fcd-output.signals",
    "--xml-validation", "never", "--xml-validation.net", "never", "--xml-validation.routes", "never",
)  # fmt: skip
_NOBODY = pa.schema(
    [("time", pa.float64()), ("id", pa.string()), ("x", pa.float64()), ("y", pa.float64()), ("angle", pa.float64()),
     ("speed", pa.float64()), ("type", pa.string()), ("signals", pa.int32()), ("road", pa.string())]
).empty_table()  # fmt: skip


@dataclass(frozen=True)
class LogTracks:
    """True motion of all road users of a log: N rows ordered by frame, then agent.

    Attributes:
        agent_ids: (A,) names of the road users.
        category: (A,) int8 index into `CATEGORIES`.
        frame: (N,) int32 frame number since the start of the recording.
        agent: (N,) int32 index into `agent_ids`.
        xy_m: (N,2) position in the map frame, in metres.
        heading_rad: (N,) direction, anticlockwise from the x axis, in radians.
        speed_mps: (N,) speed, in metres per second.
        lamps: (N,3) bool, whether the right indicator, the left indicator and the brake lights are lit.
        edge_ids: (E,) names of roads.
        edge: (N,) int32 index into `edge_ids`.
    """

    agent_ids: npt.NDArray[np.str_]
    category: npt.NDArray[np.int8]
    frame: npt.NDArray[np.int32]
    agent: npt.NDArray[np.int32]
    xy_m: npt.NDArray[np.float64]
    heading_rad: npt.NDArray[np.float64]
    speed_mps: npt.NDArray[np.float64]
    lamps: npt.NDArray[np.bool_]
    edge_ids: npt.NDArray[np.str_]
    edge: npt.NDArray[np.int32]


def simulate_log(plan: LogPlan, network: Network, settings: FleetSettings, folder: Path,
                 seeds: np.random.SeedSequence) -> tuple[LogTracks, tuple[Stop, ...]]:  # fmt: skip
    """Simulate one log in `folder` and return the true tracks and the planted stops.

    Raises:
        MissingExtraError: SUMO is not installed.
        OddloopError: SUMO failed; its last messages are in the text.
    """
    stem = plan.log_id
    stops = write_demand(plan, network, settings, folder / f"{stem}.rou.xml", np.random.default_rng(seeds))
    outputs = ["--fcd-output", f"{stem}.parquet", "--person-fcd-output", f"{stem}-people.parquet"]
    times = ["--step-length", str(_STEP_S), "--device.fcd.period", str(settings.period_s), "--device.fcd.begin",
             str(settings.warm_up_s), "--person-device.fcd.period", str(settings.period_s), "--end",
             str(settings.warm_up_s + settings.log_duration_s)]  # fmt: skip
    seed = int(seeds.generate_state(1)[0] % 2**31)
    files = ["-n", network.path.name, "-r", f"{stem}.rou.xml", "--seed", str(seed)]
    run_program("sumo", [*files, *outputs, *times, *_OPTIONS], folder)
    vehicles = _read(folder / f"{stem}.parquet", "vehicle", "lane")
    people = _read(folder / f"{stem}-people.parquet", "person", "edge")
    return _to_arrays(pa.concat_tables([vehicles, people]), settings), stops


def _read(path: Path, prefix: str, road: str) -> pa.Table:
    """SUMO's columns under our names; SUMO leaves columns out when nobody was there, and people carry no lamps."""
    wanted = [f"{prefix}_{name}" for name in ("id", "x", "y", "angle", "speed", "type", "signals", road)]
    table = pq.read_table(path)
    if wanted[0] not in table.column_names:
        return _NOBODY
    if wanted[6] not in table.column_names:
        table = table.append_column(wanted[6], pa.nulls(table.num_rows, pa.int32()).fill_null(0))
    table = table.select(["timestep_time", *wanted]).rename_columns(_NOBODY.column_names).cast(_NOBODY.schema)
    return table.filter(pc.is_valid(table["id"]))  # an empty instant is a row of nulls


def _to_arrays(table: pa.Table, settings: FleetSettings) -> LogTracks:
    frame = np.rint((table["time"].to_numpy() - settings.warm_up_s) / settings.period_s).astype(np.int32)
    ids, agent = np.unique(table["id"].to_numpy().astype(str), return_inverse=True)
    keep = (frame >= 0) & (frame < round(settings.log_duration_s / settings.period_s))
    order = np.lexsort((agent, frame))
    order = order[keep[order]]
    types = table["type"].to_numpy().astype(str)
    first = np.full(len(ids), -1)
    first[agent[::-1]] = np.arange(len(agent))[::-1]
    category = np.array([CATEGORIES.index(category_of(kind)) for kind in types[first]], dtype=np.int8)
    roads = pc.replace_substring_regex(table["road"], r"_\d+$", "")
    edge_ids, edge = np.unique(roads.to_numpy(zero_copy_only=False).astype(str), return_inverse=True)
    heading = np.deg2rad(90.0 - table["angle"].to_numpy().astype(np.float64))
    return LogTracks(
        agent_ids=ids,
        category=category,
        frame=frame[order],
        agent=agent[order].astype(np.int32),
        xy_m=np.column_stack([table["x"].to_numpy(), table["y"].to_numpy()])[order],
        heading_rad=np.arctan2(np.sin(heading), np.cos(heading))[order],
        speed_mps=table["speed"].to_numpy().astype(np.float64)[order],
        lamps=((table["signals"].to_numpy()[:, None] & _LAMP_BITS) > 0)[order],
        edge_ids=edge_ids,
        edge=edge[order].astype(np.int32),
    )
