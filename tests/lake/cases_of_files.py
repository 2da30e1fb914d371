"""Faults of folders, files, columns and keys."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lake.fault_case import Case
from lake.lake_samples import (
    CONFIG,
    Files,
    append,
    change,
    drop,
    keep_rows,
    remove,
    rename,
    replace,
    write_parquet,
)

ALL_BUT_SCENES = (
    *(
        "frames",
        "objects",
        "tracks",
        "classification",
        "detection",
        "segmentation",
        "trajectory",
        "risk",
        "planning",
        "futures",
    ),
    *("features", "metrics", "labels"),
)
MODES = [[[[0.0, 0.0], [1.0, 0.0], [2.0, 0.5]]] * 2] * 2


def spoil_column(path: Path, column: str) -> None:
    """Overwrite the stored bytes of a column."""
    with pq.ParquetFile(path) as parquet:
        chunks = [parquet.metadata.row_group(0).column(i) for i in range(parquet.metadata.num_columns)]
    chunk = next(chunk for chunk in chunks if chunk.path_in_schema == column)
    with path.open("r+b") as file:
        file.seek(chunk.dictionary_page_offset or chunk.data_page_offset)
        file.write(b"\xff" * chunk.total_compressed_size)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def repeat_column(path: Path) -> None:
    table = pq.read_table(path)
    write_parquet(path, table.append_column("scene_id", table["scene_id"]))


def split_with_types(files: Files) -> None:
    """Two files of labels with a column `team`: strings in one, numbers in the other."""
    labels = files["labels/a.parquet"]
    files["labels/a.parquet"] = labels.slice(1).append_column("team", pa.array(["x"] * 3))
    files["labels/b.parquet"] = labels.slice(0, 1).append_column("team", pa.array([1]))


def points(size: int) -> pa.DataType:
    """Type of `modes` whose points have so many coordinates."""
    return pa.list_(pa.list_(pa.list_(pa.list_(pa.float32(), size))))


FOLDERS = [
    Case("missing-table", "scenes", "there are no Parquet files in lake/scenes", (remove("scenes"),)),
    Case(
        "missing-table",
        "frames",
        "`objects` refers to `frames`, of which there are no Parquet files",
        (remove("frames"),),
    ),
    Case(
        "empty-table",
        "scenes",
        "the table has no rows",
        (keep_rows("scenes"), *(remove(table) for table in ALL_BUT_SCENES)),
    ),
    Case(
        "empty-table",
        "predictions/detection/n",
        "there are no Parquet files in lake/predictions/detection/n",
        after=lambda folder: (folder / "lake/predictions/detection/n").mkdir(),
    ),
    Case(
        "misplaced-file",
        "lake/features/x.parquet",
        "Parquet files must lie in lake/features/<encoder_id>, not in lake/features",
        after=lambda folder: (folder / "lake/features/x.parquet").touch(),
    ),
    Case(
        "unknown-folder",
        "predictions",
        "lake/predictions/detections is no task "
        "(tasks: classification, detection, segmentation, trajectory, risk, planning)",
        after=lambda folder: (folder / "lake/predictions/detections/m").mkdir(parents=True),
    ),
    Case(
        "unknown-folder",
        "lake",
        "lake/metric is no table (there is a table `metrics`)",
        after=lambda folder: (folder / "lake/metric").mkdir(),
    ),
    Case(
        "unreadable-folder",
        "metrics",
        "{folder}/oddloop.toml is a file, not a folder",
        (remove("metrics"),),
        config=f'[lake]\nmetrics = "oddloop.toml"\n{CONFIG}',
    ),
    Case(
        "unreadable-file",
        "lake/objects/a.parquet",
        "the file is not Parquet, or is cut short",
        after=lambda folder: cut(folder / "lake/objects/a.parquet"),
    ),
    Case(
        "unreadable-file",
        "lake/objects/b.parquet",
        "the file is not Parquet, or is cut short",
        after=lambda folder: (folder / "lake/objects/b.parquet").touch(),
    ),
    Case(
        "unreadable-column",
        "lake/objects/a.parquet",
        "column `category` cannot be decoded",
        after=lambda folder: spoil_column(folder / "lake/objects/a.parquet", "category"),
    ),
]

COLUMNS = [
    Case(
        "missing-column",
        "lake/metrics/a.parquet",
        "column `support` is missing (there is `Supports`)",
        (rename("metrics", "support", "Supports"),),
    ),
    Case(
        "missing-column",
        "lake/metrics/a.parquet",
        "column `support` is missing (there are: scene_id, model_id, stack, metric, value)",
        (drop("metrics", "support"),),
    ),
    Case(
        "repeated-column",
        "lake/labels/a.parquet",
        "there are 2 columns named `scene_id`",
        after=lambda folder: repeat_column(folder / "lake/labels/a.parquet"),
    ),
    Case(
        "wrong-type",
        "lake/frames/a.parquet",
        "`timestamp_ns` is timestamp[us], not int64",
        (replace("frames", "timestamp_ns", pa.array(range(8), pa.timestamp("us"))),),
    ),
    Case(
        "wrong-type",
        "lake/predictions/detection/m/a.parquet",
        "`boxes[].score` is string, not float",
        (replace("detection", "boxes", pa.array([[{"score": "high", "label": "car"}]] * 8)),),
    ),
    Case(
        "wrong-type",
        "lake/predictions/detection/m/a.parquet",
        "`boxes[].label` is missing",
        (replace("detection", "boxes", pa.array([[{"score": 0.5}]] * 8)),),
    ),
    Case(
        "wrong-type",
        "lake/predictions/trajectory/m/a.parquet",
        "`modes[][][]` is lists of 3 float, not lists of 2 float",
        (replace("trajectory", "modes", pa.array([[[[[0, 0, 0]]]]] * 16, points(3))),),
    ),
    # what fits by its type, and yet not by its values
    Case(
        "wrong-type",
        "lake/predictions/trajectory/m/a.parquet, row 5",
        "`modes` holds a value that cannot be read as lists of lists of lists of lists of 2 float",
        (replace("trajectory", "modes", pa.array([MODES] * 5 + [[[[[0.0]]]]] + [MODES] * 10)),),
    ),
    Case(
        "wrong-type",
        "lake/scenes/a.parquet, row 2",
        "`start_ns` holds a value that cannot be read as int64",
        (replace("scenes", "start_ns", pa.array([0, 10**10, 2**64 - 1, 3 * 10**10], pa.uint64())),),
    ),
    Case(
        "mixed-types",
        "lake/labels/b.parquet",
        "column `team` is int64 here, but string in lake/labels/a.parquet",
        (split_with_types,),
    ),
    Case(
        "null-value",
        "lake/frames/a.parquet, row 1",
        "`timestamp_ns` is null",
        (change("frames", 1, timestamp_ns=None),),
    ),
    Case(
        "null-value",
        "lake/metrics/a.parquet, row 1",
        "`model_id` is null",
        (change("metrics", 1, model_id=None), change("metrics", 3, model_id=None)),
        n_rows=2,
    ),
    Case(
        "empty-string",
        "lake/objects/a.parquet, row 2",
        "`object_id` is an empty string",
        (change("objects", 2, object_id=""),),
    ),
]

KEYS = [
    Case(
        "duplicate-key",
        "lake/labels/a.parquet, row 3",
        "scene_id `s1` is there already (lake/labels/a.parquet, row 1)",
        (change("labels", 3, scene_id="s1"),),
    ),
    Case(
        "duplicate-key",
        "lake/objects/b.parquet, row 0",
        "frame_id `f1`, object_id `o2` is there already (lake/objects/a.parquet, row 3)",
        (append("objects", "b.parquet", 3),),
    ),
    # vectors are per scene where there is no frame_id
    Case(
        "duplicate-key",
        "lake/features/e/a.parquet, row 1",
        "scene_id `s0` is there already (lake/features/e/a.parquet, row 0)",
        (drop("features", "frame_id"),),
        n_rows=4,
    ),
    Case(
        "orphan-scene",
        "lake/labels/a.parquet, row 2",
        "scene_id `s9` is not in `scenes`",
        (change("labels", 2, scene_id="s9"),),
    ),
    Case(
        "orphan-frame",
        "lake/predictions/detection/m/a.parquet, row 4",
        "frame_id `f99` is not in `frames`",
        (change("detection", 4, frame_id="f99"),),
    ),
    Case(
        "scene-differs",
        "lake/predictions/classification/m/a.parquet, row 2",
        "frame_id `f2` is in `frames` with another scene_id than `s0`",
        (change("classification", 2, scene_id="s0"),),
    ),
    Case(
        "rows-apart",
        "lake/predictions/trajectory/m/a.parquet, row 0",
        "the 2 rows of frame_id `f0` do not stand together: they lie from "
        "lake/predictions/trajectory/m/a.parquet, row 0 to lake/predictions/trajectory/m/a.parquet, row 15",
        (keep_rows("trajectory", 0, *range(2, 16), 1),),
    ),
    Case(
        "rows-apart",
        "lake/predictions/trajectory/m/a.parquet, row 14",
        "the 2 rows of frame_id `f7` do not stand together: they lie from "
        "lake/predictions/trajectory/m/a.parquet, row 14 to lake/predictions/trajectory/m/b.parquet, row 0",
        (append("trajectory", "b.parquet", 15), keep_rows("trajectory", *range(15))),
    ),
]
