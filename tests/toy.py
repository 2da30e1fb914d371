"""A toy workspace: 8 logs x 6 scenes x 4 frames, three classes, a training script that takes a second at most."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.engine import LocalEngine
from oddloop.lake import Workspace
from oddloop.rounds.labels import receive_labels
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.run import run
from oddloop.rounds.shell import RunSummary, Shell

N_LOGS, N_SCENES_PER_LOG, N_FRAMES = 8, 6, 4
SCENE_NS = 10_000_000_000

CONFIG = """\
[workspace]
name = "toy"
seed = 3

[attributes.weather]
[attributes.rain]
kind = "binned"
column = "rain_mm_h"
edges = [0.0, 2.5]
values = ["no_rain", "light", "moderate"]

[metrics.accuracy]
better = "higher"

[discover.vectors]
n_components = 16

[discover.clusters]
min_scenes = 3
min_logs = 2
neighbours = 5

[select]
policy = "uncertainty"
budget = 3.0

[cost]
per_frame = 0.2
per_object = 0.0
"""

TRAIN_SCRIPT = '''\
"""A stand-in for a team's training: a model that is surer the more scenes it was trained on."""
import argparse, sys, time
from pathlib import Path
import numpy as np, pyarrow as pa, pyarrow.parquet as pq

p = argparse.ArgumentParser()
for name in "frames scenes labelled output model-id seed sleep-s fail features".split():
    p.add_argument(f"--{name}", default="0")
a = p.parse_args()
n = pq.read_table(a.labelled).num_rows
frames, scenes = pq.read_table(a.frames), pq.read_table(a.scenes)
rng = np.random.default_rng(int(a.seed) + n)
probs = rng.dirichlet([1.0 + n / 10, 1.0, 1.0], frames.num_rows).astype("float32")
out = Path(a.output)
(out / "predictions/classification").mkdir(parents=True)
pq.write_table(pa.table({"frame_id": frames["frame_id"], "scene_id": frames["scene_id"],
                         "probs": pa.array([[row] for row in probs.tolist()], pa.list_(pa.list_(pa.float32())))}),
               out / "predictions/classification/part-0.parquet")
if a.features != "0":
    (out / "features" / a.features).mkdir(parents=True)
    vectors = pa.array(rng.normal(size=(frames.num_rows, 3)).tolist(), pa.list_(pa.float32()))
    pq.write_table(frames.select(["scene_id", "frame_id"]).append_column("vector", vectors),
                   out / "features" / a.features / "part-0.parquet")
print(f"trained on {n} scenes", flush=True)
time.sleep(float(a.sleep_s))
if a.fail == "exit":
    sys.exit("cannot allocate memory for the optimiser")
held_out = [s for s, split in zip(scenes["scene_id"].to_pylist(), scenes["split"].to_pylist()) if split == "eval"]
held_out += ["nowhere"] if a.fail == "orphan" else []
model_id = "another" if a.fail == "model_id" else a.model_id
(out / "metrics").mkdir()
pq.write_table(pa.table({"scene_id": held_out, "model_id": [model_id] * len(held_out),
                         "stack": ["perception"] * len(held_out), "metric": ["accuracy"] * len(held_out),
                         "value": rng.uniform(0.5, 0.9, len(held_out)), "support": [4] * len(held_out)}),
               out / "metrics/part-0.parquet")
'''


def scenes_table() -> pa.Table:
    """Scenes of all logs; the last two logs are held out for evaluation."""
    rng = np.random.default_rng(0)
    n = N_LOGS * N_SCENES_PER_LOG
    log = np.repeat(np.arange(N_LOGS), N_SCENES_PER_LOG)
    within = np.tile(np.arange(N_SCENES_PER_LOG), N_LOGS)
    return pa.table(
        {
            "scene_id": [f"log{i}/s{j}" for i, j in zip(log, within, strict=True)],
            "log_id": [f"log{i}" for i in log],
            "start_ns": pa.array(within * SCENE_NS + log * 10**15, pa.int64()),
            "duration_s": np.full(n, 10.0),
            "distance_m": rng.uniform(50, 200, n),
            "n_frames": pa.array(np.full(n, N_FRAMES), pa.int64()),
            "split": ["eval" if i >= N_LOGS - 2 else "pool" for i in log],
            "weather": [("clear", "rain")[i % 2] for i in log],
            "rain_mm_h": np.where(log % 2 == 0, 0.0, rng.uniform(0.1, 6.0, n)),
            "ego_speed_mean_mps": rng.uniform(0, 30, n),
        }
    )


def frames_table(scenes: pa.Table) -> pa.Table:
    """Four frames per scene, 2.5 s apart."""
    ids, starts = scenes["scene_id"].to_pylist(), scenes["start_ns"].to_pylist()
    rows = [
        (f"{s}/f{k}", s, t + k * SCENE_NS // N_FRAMES)
        for s, t in zip(ids, starts, strict=True)
        for k in range(N_FRAMES)
    ]
    frame, scene, at = zip(*rows, strict=True)
    return pa.table({"frame_id": list(frame), "scene_id": list(scene), "timestamp_ns": pa.array(at, pa.int64())})


def predictions_table(frames: pa.Table, seed: int = 1) -> pa.Table:
    """One member, three classes, one row per frame."""
    probs = np.random.default_rng(seed).dirichlet([1.0, 1.0, 1.0], frames.num_rows).astype(np.float32)
    nested = pa.array([[row] for row in probs.tolist()], pa.list_(pa.list_(pa.float32())))
    return pa.table({"frame_id": frames["frame_id"], "scene_id": frames["scene_id"], "probs": nested})


def features_table(frames: pa.Table, width: int = 3, seed: int = 4) -> pa.Table:
    """One vector per frame; those of the last log lie far off."""
    vectors = np.random.default_rng(seed).normal(size=(frames.num_rows, width))
    vectors[-N_SCENES_PER_LOG * N_FRAMES :] += 9.0
    ids = {"scene_id": frames["scene_id"], "frame_id": frames["frame_id"]}
    return pa.table({**ids, "vector": pa.array(vectors.tolist(), pa.list_(pa.float32()))})


def metrics_table(scenes: pa.Table, model_id: str = "toy_model") -> pa.Table:
    """Accuracy on the held-out scenes."""
    held_out = [
        s
        for s, split in zip(scenes["scene_id"].to_pylist(), scenes["split"].to_pylist(), strict=True)
        if split == "eval"
    ]
    n = len(held_out)
    return pa.table(
        {
            "scene_id": held_out,
            "model_id": [model_id] * n,
            "stack": ["perception"] * n,
            "metric": ["accuracy"] * n,
            "value": np.random.default_rng(2).uniform(0.5, 0.9, n),
            "support": pa.array([4] * n, pa.int64()),
        }
    )


def labels_table(scenes: pa.Table) -> pa.Table:
    """The first log and the held-out ones were labelled before oddloop."""
    ids = [s for s in scenes["scene_id"].to_pylist() if s[:4] in ("log0", f"log{N_LOGS - 1}", f"log{N_LOGS - 2}")]
    n = len(ids)
    return pa.table(
        {
            "scene_id": ids,
            "labelled_at_ns": pa.array([1] * n, pa.int64()),
            "round_id": pa.nulls(n, pa.string()),
            "cost": [0.8] * n,
        }
    )


def write(folder: Path, table: pa.Table, name: str = "part-0.parquet") -> None:
    """Write one file of a lake table."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / name, row_group_size=50)


def make_workspace(folder: Path, *, config: str = CONFIG, train: str | None = None) -> Workspace:
    """A workspace with predictions in the lake, or, where `train` is given, with the training script and such flags."""
    scenes = scenes_table()
    frames = frames_table(scenes)
    if train is not None:
        script = folder.parent / "train.py"
        folder.mkdir(parents=True, exist_ok=True)
        script.write_text(TRAIN_SCRIPT)
        lake = folder / "lake"
        data = f"--frames {lake}/frames/part-0.parquet --scenes {lake}/scenes/part-0.parquet"
        given = "--labelled {labelled} --output {output} --model-id {model_id} --seed {seed}"
        config += f"\n[train]\ncommand = '{sys.executable} {script} {data} {given} {train}'\n"
    else:
        write(folder / "lake/predictions/classification/toy_model", predictions_table(frames))
        write(folder / "lake/metrics", metrics_table(scenes))
    write(folder / "lake/scenes", scenes)
    write(folder / "lake/frames", frames)
    write(folder / "lake/labels", labels_table(scenes))
    return Workspace.create(folder, config)


def shell() -> Shell:
    """A shell whose clock counts from 1."""
    clock = iter(range(1, 10**6))
    return Shell("tester", LocalEngine(2), now_ns=lambda: next(clock))


def run_at(folder: Path) -> RunSummary:
    """One `oddloop run`."""
    return run(Workspace.open(folder), shell())


def label_all_picks(folder: Path, round_id: str, without: tuple[str, ...] = ()) -> None:
    """Deliver labels of all picks of a round, for 1.0 each, but for some."""
    workspace = Workspace.open(folder)
    state = open_ledger(workspace).round(round_id)
    ids = [scene_id for scene_id in state.pick_ids if scene_id not in without]
    receive_labels(workspace, pa.table({"scene_id": ids, "cost": [1.0] * len(ids)}), state, at_ns=5)
