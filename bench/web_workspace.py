"""A workspace of any size for the web benchmark: made by `oddloop`'s own stages from drawn tables.

Twenty attributes of ten values each (one with any number per scene), twenty groups of scene vectors, a tenth labelled,
a twentieth held out; tracks of some scenes. Tables of the lake are written as `oddloop ingest` writes them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.engine import LocalEngine
from oddloop.lake import Workspace
from oddloop.lake.encoding import row_group_rows
from oddloop.rounds.discovery import name_cluster
from oddloop.rounds.ledger import Author, open_ledger
from oddloop.rounds.run import run
from oddloop.rounds.shell import Shell

N_ATTRIBUTES, N_VALUES, PER_LOG, N_CLASSES, N_DIMENSIONS = 20, 10, 20, 10, 16
MOST_TRACKED, N_AGENTS, N_INSTANTS = 2_000, 8, 40
SCENE_NS = 10_000_000_000

_CONFIG = """\
[workspace]
name = "bench"

{attributes}
[metrics.accuracy]
better = "higher"
target = 0.8

[discover.clusters]
min_scenes = 20

[select]
policy = "uncertainty"
budget = {budget}

[cost]
per_frame = 1.0
per_object = 0.0
"""


def make_web_workspace(folder: Path, n: int, budget: float = 200.0) -> Workspace:
    """`n` scenes, scored, counted, clustered, with a proposed round and a named cluster."""
    kinds = ['kind = "multilabel"\n' if i == 1 else "" for i in range(N_ATTRIBUTES)]
    attributes = "".join(f"[attributes.attribute_{i:02d}]\n{kind}" for i, kind in enumerate(kinds))
    workspace = Workspace.create(folder, _CONFIG.format(attributes=attributes, budget=budget))
    _write_lake(folder / "lake", n)
    run(workspace, Shell("bench", LocalEngine(2)))
    ledger = open_ledger(workspace)
    name_cluster(workspace, ledger, "c0001", Author("bench", 1), name="cut-in in the rain", risk="high")
    ledger.close()
    return workspace


def _write_lake(lake: Path, n: int) -> None:
    rng = np.random.default_rng(0)
    ids = pa.array([f"log-{i // PER_LOG:06d}-scene-{i % PER_LOG:02d}" for i in range(n)])
    log = np.arange(n) // PER_LOG
    is_held_out = log % 20 == 19
    columns = {
        "scene_id": ids,
        "log_id": [f"log-{i:06d}" for i in log],
        "start_ns": pa.array(np.arange(n) * SCENE_NS),
        "duration_s": np.full(n, 10.0),
        "n_frames": pa.array(np.ones(n, np.int64)),
        "split": np.where(is_held_out, "eval", "pool"),
        "ego_speed_mean_mps": rng.uniform(0, 30, n),
    }
    frames = {"frame_id": ids, "scene_id": ids, "timestamp_ns": columns["start_ns"]}
    _write(lake / "scenes", {**columns, **_attributes(rng, n)})
    _write(lake / "frames", frames)
    probs = rng.dirichlet(np.full(N_CLASSES, 0.5), n).astype(np.float32)
    _write(lake / "predictions/classification/model", {**frames, "probs": _lists(_lists(probs, N_CLASSES), 1)})
    group = np.minimum(rng.zipf(1.6, n), 20)
    centres = 6 * np.random.default_rng(1).normal(size=(21, N_DIMENSIONS))
    vectors = (centres[group] + rng.normal(size=(n, N_DIMENSIONS))).astype(np.float32)
    _write(lake / "features/encoder", {"scene_id": ids, "vector": _lists(vectors, N_DIMENSIONS)})
    held_out = ids.filter(pa.array(is_held_out))
    constant = {"model_id": "model", "stack": "perception", "metric": "accuracy"}
    metrics = {name: pa.repeat(value, len(held_out)) for name, value in constant.items()}
    values = {"value": rng.uniform(0.4, 1, len(held_out)), "support": pa.array(np.full(len(held_out), 4))}
    _write(lake / "metrics", {"scene_id": held_out, **metrics, **values})
    labelled = ids.filter(pa.array((log % 10 == 0) | is_held_out))
    rest = {"labelled_at_ns": pa.array(np.ones(len(labelled), np.int64)), "round_id": pa.nulls(len(labelled), "string")}
    _write(lake / "labels", {"scene_id": labelled, **rest, "cost": np.ones(len(labelled))})
    _write(lake / "tracks", _tracks(rng, ids[: min(n, MOST_TRACKED)]))


def _attributes(rng: np.random.Generator, n: int) -> dict[str, pa.Array]:
    """Values of falling frequency; the second attribute has any number per scene."""
    names = pa.array([f"value {v}" for v in range(N_VALUES)])
    shares = 1 / (1.0 + np.arange(N_VALUES))
    found = {}
    for i in range(N_ATTRIBUTES):
        codes = rng.choice(N_VALUES, n, p=shares / shares.sum())
        found[f"attribute_{i:02d}"] = names.take(pa.array(codes))
    ends = np.cumsum(rng.integers(0, 4, n))
    several = names.take(pa.array(rng.integers(0, N_VALUES, int(ends[-1]))))
    found["attribute_01"] = pa.ListArray.from_arrays(np.append(0, ends).astype(np.int32), several)
    return found


def _tracks(rng: np.random.Generator, ids: pa.Array) -> dict[str, object]:
    shape = (len(ids), N_INSTANTS, N_AGENTS)
    scene, instant, agent = (part.ravel() for part in np.indices(shape))
    at = scene * SCENE_NS + instant * (SCENE_NS // N_INSTANTS)
    speed = rng.uniform(0, 20, (len(ids), 1, N_AGENTS)).repeat(N_INSTANTS, axis=1).ravel()
    return {
        "frame_id": ids.take(pa.array(scene)),
        "scene_id": ids.take(pa.array(scene)),
        "agent_id": pa.array([f"agent {i}" for i in range(N_AGENTS)]).take(pa.array(agent)),
        "timestamp_ns": at,
        "x_m": speed * instant * 0.25,
        "y_m": 4.0 * agent,
        "heading_rad": np.zeros(len(at)),
        "speed_mps": speed,
        "length_m": np.full(len(at), 4.5),
        "width_m": np.full(len(at), 1.8),
        "is_ego": agent == 0,
    }


def _lists(values: object, width: int) -> pa.Array:
    flat = values if isinstance(values, pa.Array) else pa.array(np.asarray(values).ravel())
    return pa.ListArray.from_arrays(pa.array(np.arange(0, len(flat) + 1, width), pa.int32()), flat)


def _write(folder: Path, columns: dict[str, object]) -> None:
    folder.mkdir(parents=True)
    table = pa.table(columns)
    pq.write_table(table, folder / "part-0.parquet", row_group_size=row_group_rows(table.schema))
