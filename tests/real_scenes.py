"""Workspaces of real scenes, to see whether clusters make sense: NGSIM (tracks) and KITTI (tracks and detections).

    python tests/real_scenes.py FOLDER [DATA]     makes FOLDER/ngsim and FOLDER/kitti with their pages of cards

Scene vectors are plain statistics of the road users that are seen: how many, how fast, how near to each other, how many
stand, brake hard or turn, and how much the directions differ.
"""

from __future__ import annotations

import os
import sys
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq
from scipy.spatial import cKDTree

from exchange.kitti_text import ingest_kitti
from oddloop.lake import Workspace
from oddloop.report.cards_drawings import with_speed

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("ODDLOOP_TEST_DATA", ROOT.parent / "shared" / "data"))
STEP_NS = 100_000_000
NGSIM_CONFIG = """\
[workspace]
name = "NGSIM"

[attributes.site]
kind = "categorical"
values = ["USA_US101", "USA_Lanker", "USA_Peach"]

[attributes.tags]
kind = "multilabel"

[discover.vectors]
agents = ["agents_*"]

[select]
score = "risk_required_deceleration_max_p95"
"""
KITTI_CONFIG = """\
[score]
labels = ["Car"]

[discover.page]
tracks = "drawn"
"""


def make_ngsim(folder: Path, data: Path = DATA / "commonroad_ngsim") -> Workspace:
    """A workspace of the 137 scenes; a log is a recording group, since scenes of one share most of their time."""
    source = csv.read_csv(data / "scenes.csv")
    tracks = _ngsim_tracks(pq.read_table(data / "tracks.parquet"))
    statistics = describe(tracks)
    scenes = pa.table({"scene_id": source["scene_id"], "log_id": pc.cast(source["recording_group"], pa.string()),
                       "site": source["site"], "tags": pc.split_pattern(source["tags"], " ")})  # fmt: skip
    scenes = _joined(scenes, statistics)
    start = pc.multiply(pa.array(np.arange(scenes.num_rows)), 10**12)  # no two scenes share time
    times = {"start_ns": start, "duration_s": pc.multiply(scenes["n_frames"], STEP_NS / 1e9)}
    for name, values in times.items():
        scenes = scenes.append_column(name, values)
    workspace = Workspace.create(folder, NGSIM_CONFIG)
    frames = tracks.select(["frame_id", "scene_id", "timestamp_ns"]).group_by(
        ["frame_id", "scene_id", "timestamp_ns"], use_threads=False
    )
    _write(folder / "lake/scenes", scenes)
    _write(folder / "lake/frames", frames.aggregate([]))
    _write(folder / "lake/tracks", tracks)
    return workspace


def _ngsim_tracks(raw: pa.Table) -> pa.Table:
    raw = raw.sort_by([("scene_id", "ascending"), ("step", "ascending"), ("object_id", "ascending")])
    scene, step = raw["scene_id"].cast(pa.string()), raw["step"].cast(pa.string())
    names = ("x", "y", "heading", "speed", "length", "width")
    new = ("x_m", "y_m", "heading_rad", "speed_mps", "length_m", "width_m")
    numbers = {to: raw[name].cast(pa.float64()) for name, to in zip(names, new, strict=True)}
    return pa.table(
        {
            "scene_id": scene,
            "frame_id": pc.binary_join_element_wise(scene, pc.utf8_lpad(step, 4, "0"), "-f"),
            "agent_id": raw["object_id"].cast(pa.string()),
            "timestamp_ns": pc.multiply(raw["step"].cast(pa.int64()), STEP_NS),
            **numbers,
        }
    )


def make_kitti(folder: Path, data: Path = DATA / "kitti_tracking") -> Workspace:
    """A workspace of the 21 sequences, with places of labelled road users as the camera saw them, car in front at x."""
    how_to = (ROOT / "docs/how-to/ingest-kitti.md").read_text()
    attributes = max(how_to.split("```toml\n")[1:], key=len).split("```")[0]
    workspace = Workspace.create(folder, f'[workspace]\nname = "KITTI"\n\n{attributes}\n{KITTI_CONFIG}')
    ingest_kitti(data, workspace, labelled=["0000", "0001"])
    frames = pq.read_table(folder / "lake/frames")
    tracks = _kitti_tracks(data, frames)
    path = next((folder / "lake/scenes").glob("*.parquet"))
    scenes = pq.read_table(path)
    statistics = describe(tracks)
    pq.write_table(_joined(scenes, statistics), path)
    # How fast others move is seen from a moving car: no speed to draw.
    _write(folder / "drawn", tracks.append_column("speed_mps", pa.nulls(tracks.num_rows, pa.float64())))
    return workspace


def _kitti_tracks(data: Path, frames: pa.Table) -> pa.Table:
    """Labelled road users; camera axes (x right, z ahead) become x ahead, y left, and the car stands at the origin."""
    rows = []
    with tarfile.open(data / "kitti_tracking.tar.gz") as archive:
        for member in sorted(archive.getmembers(), key=lambda m: m.name):
            if "label_02/" in member.name and member.name.endswith(".txt"):
                lines = archive.extractfile(member).read().decode().splitlines()
                rows += [(Path(member.name).stem, *line.split()) for line in lines]
    columns = list(zip(*(row for row in rows if row[3] != "DontCare"), strict=True))
    width, length, x, z, turn = (np.array(columns[place], float) for place in (12, 13, 14, 16, 17))
    keys = [f"{sequence}/{int(frame):06d}" for sequence, frame in zip(columns[0], columns[1], strict=True)]
    at = pc.index_in(pa.array(keys), value_set=frames["frame_id"].combine_chunks())
    seen = {"agent_id": pa.array(columns[2]), "x_m": z, "y_m": -x, "length_m": length, "width_m": width,
            "heading_rad": np.arctan2(-np.cos(turn), -np.sin(turn)), "is_ego": np.zeros(len(x), bool)}  # fmt: skip
    n = frames.num_rows
    car = {"agent_id": ["ego"] * n, "x_m": np.zeros(n), "y_m": np.zeros(n), "length_m": np.full(n, 4.5),
           "width_m": np.full(n, 1.8), "heading_rad": np.zeros(n), "is_ego": np.ones(n, bool)}  # fmt: skip
    own = frames.select(["scene_id", "frame_id", "timestamp_ns"])
    both = pa.concat_tables([_beside(own.take(at), seen), _beside(own, car)])
    return both.sort_by([("scene_id", "ascending"), ("timestamp_ns", "ascending"), ("agent_id", "ascending")])


def _beside(frames: pa.Table, columns: dict[str, object]) -> pa.Table:
    return pa.table({**{name: frames[name] for name in frames.column_names}, **columns})


def _joined(scenes: pa.Table, statistics: pa.Table) -> pa.Table:
    """Scenes, sorted, with the statistics that they do not have yet."""
    scenes = scenes.sort_by("scene_id")
    at = pc.index_in(scenes["scene_id"], value_set=statistics["scene_id"].combine_chunks())
    for name in [n for n in statistics.column_names if n not in scenes.column_names]:
        scenes = scenes.append_column(name, statistics[name].take(at))
    return scenes


def _write(folder: Path, table: pa.Table) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / "part-0.parquet")


def describe(tracks: pa.Table) -> pa.Table:
    """Statistics of each scene's road users, `agents_*`, and `n_frames`."""
    ids = tracks["scene_id"].unique().to_pylist()
    scene = pc.index_in(tracks["scene_id"], value_set=pa.array(ids)).to_numpy()
    order = np.argsort(scene, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(scene[order])) + 1)
    rows = [_describe(with_speed(tracks.take(pa.array(part)))) for part in parts]
    return pa.Table.from_pylist([{"scene_id": name, **row} for name, row in zip(ids, rows, strict=True)])


def _describe(tracks: pa.Table) -> dict[str, float]:
    times = np.unique(tracks["timestamp_ns"].to_numpy())
    others = tracks if "is_ego" not in tracks.column_names else tracks.filter(pc.invert(tracks["is_ego"]))
    return {"n_frames": len(times), **(_of_agents(others, times) if others.num_rows else {"agents_per_frame": 0.0})}


def _of_agents(tracks: pa.Table, times: np.ndarray) -> dict[str, float]:
    time_ns, heading = tracks["timestamp_ns"].to_numpy(), tracks["heading_rad"].to_numpy()
    speed = np.abs(tracks["speed_mps"].to_numpy())
    agent = np.unique(tracks["agent_id"].to_numpy(), return_inverse=True)[1]
    xy = np.stack([tracks["x_m"].to_numpy(), tracks["y_m"].to_numpy()], axis=1)
    middle = time_ns[np.argmin(np.abs(time_ns - np.median(times)))]
    return {
        "agents_per_frame": len(agent) / len(times),
        "agents_speed_mean_mps": np.nanmean(speed),
        "agents_speed_spread_mps": np.nanstd(speed),
        "agents_standing_share": (speed < 0.5).mean(),
        "agents_hard_braking_share": _braking(agent, time_ns, speed),
        "agents_turning_share": _turning(agent, time_ns, heading),
        "agents_one_way": abs(np.exp(1j * heading).mean()),
        "agents_one_axis": abs(np.exp(2j * heading).mean()),
        "agents_gap_m": _gap(xy[time_ns == middle]),
    }


def _braking(agent: np.ndarray, time_ns: np.ndarray, speed_mps: np.ndarray) -> float:
    """Share of vehicles that lose more than 3 m/s within some second."""
    order = np.lexsort((time_ns, agent))
    agent, time_ns, speed_mps = agent[order], time_ns[order], speed_mps[order]
    time_ns = time_ns - time_ns.min()
    key = agent * (time_ns.max() + 10**10) + time_ns
    before = np.searchsorted(key, key - 10**9)
    lost = speed_mps[before] - speed_mps
    return len(np.unique(agent[lost > 3.0])) / len(np.unique(agent))


def _turning(agent: np.ndarray, time_ns: np.ndarray, heading_rad: np.ndarray) -> float:
    """Share of vehicles whose first and last directions differ by more than 30 degrees."""
    order = np.lexsort((time_ns, agent))
    first = np.unique(agent[order], return_index=True)[1]
    last = np.append(first[1:], len(order)) - 1
    turned = np.angle(np.exp(1j * (heading_rad[order][last] - heading_rad[order][first])))
    return float((np.abs(turned) > np.pi / 6).mean())


def _gap(xy: np.ndarray) -> float:
    """Median distance of a vehicle to the nearest other one."""
    return float(np.median(cKDTree(xy).query(xy, k=2)[0][:, 1])) if len(xy) > 1 else np.nan


if __name__ == "__main__":
    target, given = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else DATA
    make_ngsim(target / "ngsim", given / "commonroad_ngsim")
    make_kitti(target / "kitti", given / "kitti_tracking")
