"""A small workspace without faults, and ways to spoil it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.lake.workspace import Workspace
from oddloop.tables import (
    CLASSIFICATION,
    DETECTION,
    FEATURES,
    FRAMES,
    FUTURES,
    HEADS,
    LABELS,
    METRICS,
    OBJECTS,
    PLANNING,
    RISK,
    SCENES,
    SEGMENTATION,
    TRACKS,
    TRAJECTORY,
)

CONFIG = """
[attributes.weather]
values = ["clear", "rain"]

[attributes.speed]
kind = "binned"
column = "speed_mps"
edges = [10.0]
values = ["slow", "fast"]

[attributes.agents]
kind = "multilabel"
values = ["car", "pedestrian"]

[metrics.recall]
better = "higher"
"""
SECOND_NS = 1_000_000_000
PATH = [[0.0, 0.0], [1.0, 0.0], [2.0, 0.5]]
Files = dict[str, pa.Table]
"""Table by path below `lake/`."""
Edit = Callable[[Files], None]


def clean_files() -> Files:
    """All tables, one file each: logs `l0` (pool: s0, s1) and `l1` (eval: s2, s3), scenes of 10 s with 2 frames."""
    scenes = [f"s{i}" for i in range(4)]
    frames = [{"frame_id": f"f{i}", "scene_id": f"s{i // 2}"} for i in range(8)]
    attributes = [("weather", pa.string()), ("speed_mps", pa.float64()), ("agents", pa.list_(pa.string()))]
    return {
        "scenes/a.parquet": _table(
            pa.schema([*SCENES.schema(), *attributes]), [_scene(i, name) for i, name in enumerate(scenes)]
        ),
        "frames/a.parquet": _table(
            FRAMES.schema(),
            [{**f, "timestamp_ns": (i // 2) * 10 * SECOND_NS + (i % 2) * SECOND_NS} for i, f in enumerate(frames)],
        ),
        "objects/a.parquet": _table(
            OBJECTS.schema(), [{**f, "object_id": o, "category": "car"} for f in frames for o in ("o1", "o2")]
        ),
        "predictions/classification/m/a.parquet": _table(
            _without(CLASSIFICATION.schema(), "logits"),
            [{**f, "probs": [[0.5, 0.25, 0.25], [0.75, 0.25, 0.0]]} for f in frames],
        ),
        "predictions/detection/m/a.parquet": _table(
            DETECTION.schema(), [{**f, "boxes": boxes} for f, boxes in zip(frames, _boxes(), strict=True)]
        ),
        "predictions/segmentation/m/a.parquet": _table(
            SEGMENTATION.schema(), [{**f, "tensor": b"\x80" * 24, "shape": [2, 3, 4], "dtype": "uint8"} for f in frames]
        ),
        "predictions/trajectory/m/a.parquet": _table(
            TRAJECTORY.schema(), [{**f, "agent_id": a, **_futures()} for f in frames for a in ("p", "q")]
        ),
        "predictions/risk/m/a.parquet": _table(
            RISK.schema(),
            [{**f, "agent_id": a, "collision_prob": 0.25, "criticality": -3.0} for f in frames for a in ("p", "q")],
        ),
        "predictions/planning/m/a.parquet": _table(
            PLANNING.schema(),
            [{**f, "candidates": [PATH, PATH], "weights": None if i % 2 else [0.5, 0.5]} for i, f in enumerate(frames)],
        ),
        "tracks/a.parquet": _table(TRACKS.schema(), [{**f, **_state(a)} for f in frames for a in ("p", "q")]),
        "futures/a.parquet": _table(
            FUTURES.schema(), [{**f, "agent_id": a, "xy": [[0.0, 0.0], None, [2.0, 0.5]]} for f in frames for a in "pq"]
        ),
        "features/e/a.parquet": _table(FEATURES.schema(), [{**f, "vector": [1.0, 2.0, 3.0]} for f in frames]),
        "heads/e/a.parquet": _table(
            HEADS.schema(), [{"label": name, "weight": [1.0, -2.0, 0.5], "bias": 0.5} for name in ("car", "van", "bus")]
        ),
        "metrics/a.parquet": _table(
            METRICS.schema(),
            [
                {"scene_id": s, "model_id": "m", "stack": "perception", "metric": "recall", "value": 0.5, "support": 9}
                for s in scenes
            ],
        ),
        "labels/a.parquet": _table(
            LABELS.schema(), [{"scene_id": s, "labelled_at_ns": 1, "cost": 2.0} for s in scenes]
        ),
    }


def write_workspace(folder: Path, files: Files, config: str = CONFIG) -> Workspace:
    """Make a workspace of some files."""
    workspace = Workspace.create(folder, config)
    for path, table in files.items():
        write_parquet(folder / "lake" / path, table)
    return workspace


def write_parquet(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def path_of(files: Files, table: str) -> str:
    """Path of a table's first file; `detection` finds `predictions/detection/m/a.parquet`."""
    return next(path for path in files if f"/{table}/" in f"/{path}")


def change(table: str, row: int, **values: Any) -> Edit:
    """Put values into a row."""

    def edit(files: Files) -> None:
        path = path_of(files, table)
        rows = files[path].to_pylist()
        rows[row] |= values
        files[path] = pa.Table.from_pylist(rows, schema=_nullable(files[path].schema))

    return edit


def replace(table: str, column: str, values: pa.Array) -> Edit:
    """Put another array in place of a column."""

    def edit(files: Files) -> None:
        path = path_of(files, table)
        index = files[path].column_names.index(column)
        files[path] = files[path].set_column(index, column, values)

    return edit


def add(table: str, column: str, values: pa.Array) -> Edit:
    """Add a column."""

    def edit(files: Files) -> None:
        path = path_of(files, table)
        files[path] = files[path].append_column(column, values)

    return edit


def drop(table: str, *columns: str) -> Edit:
    """Drop columns."""

    def edit(files: Files) -> None:
        path = path_of(files, table)
        files[path] = files[path].drop_columns(list(columns))

    return edit


def rename(table: str, column: str, other: str) -> Edit:
    """Give a column another name."""

    def edit(files: Files) -> None:
        path = path_of(files, table)
        files[path] = files[path].rename_columns({column: other})

    return edit


def remove(table: str) -> Edit:
    """Remove a table."""

    def edit(files: Files) -> None:
        del files[path_of(files, table)]

    return edit


def keep_rows(table: str, *rows: int) -> Edit:
    """Keep some rows, in this order."""

    def edit(files: Files) -> None:
        path = path_of(files, table)
        files[path] = files[path].take(pa.array(rows, pa.int64()))

    return edit


def append(table: str, file: str, row: int, **values: Any) -> Edit:
    """Add a file with one row: a copy of a row of the first file, with some values changed."""

    def edit(files: Files) -> None:
        path = path_of(files, table)
        line = files[path].slice(row, 1).to_pylist()[0] | values
        new = pa.Table.from_pylist([line], schema=_nullable(files[path].schema))
        files[f"{path.rsplit('/', 1)[0]}/{file}"] = new

    return edit


def _scene(index: int, name: str) -> dict[str, Any]:
    return {
        "scene_id": name,
        "log_id": f"l{index // 2}",
        "start_ns": index * 10 * SECOND_NS,
        "duration_s": 10.0,
        "distance_m": 50.0,
        "n_frames": 2,
        "split": "eval" if index > 1 else None,
        "weather": ["clear", "rain", "unknown", None][index],
        "speed_mps": 5.0 * index,
        "agents": ["car"] * (index % 2),
    }


def _boxes() -> list[Any]:
    """Boxes of eight frames: none found, not run, without and with probabilities and image boxes."""
    sides = {"x_min_px": 1.0, "y_min_px": 1.0, "x_max_px": 9.0, "y_max_px": 1.0}
    plain = {"score": 0.5, "label": "car"}
    full = {**plain, "probs": [0.5, 0.5], **sides}
    return [[], None, [plain], [full], [plain, full], [full, full], [full], [{**plain, "score": 1.0}]]


def _state(agent_id: str) -> dict[str, Any]:
    """A vehicle, 20 m ahead of the ego where it is `q`."""
    place = {"x_m": 20.0 if agent_id == "q" else 0.0, "y_m": 0.0, "heading_rad": 0.0, "speed_mps": 5.0}
    return {
        "agent_id": agent_id,
        "timestamp_ns": 1,
        **place,
        "length_m": 4.0,
        "width_m": 2.0,
        "is_ego": agent_id == "p",
    }


def _futures() -> dict[str, Any]:
    """Two members with two modes of three steps."""
    mode = [[0.0, 0.0], [1.0, 0.0], [2.0, 0.5]]
    return {"mode_probs": [[0.5, 0.5], [0.25, 0.75]], "modes": [[mode, mode], [mode, mode]]}


def _table(schema: pa.Schema, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=_nullable(schema))


def _without(schema: pa.Schema, name: str) -> pa.Schema:
    return schema.remove(schema.get_field_index(name))


def _nullable(schema: pa.Schema) -> pa.Schema:
    """The schema as a user's own writer would have it: every field nullable."""
    return pa.schema([pa.field(f.name, _nullable_type(f.type)) for f in schema])


def _nullable_type(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _nullable_type(f.type)) for f in kind])
    return pa.list_(_nullable_type(kind.value_type)) if pa.types.is_list(kind) else kind
