"""`oddloop ingest kitti`: the KITTI tracking archive into the lake. Time and memory grow with the text."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa

from oddloop.errors import Fault, SourceError, join_faults
from oddloop.exchange.frame_errors import MatchingRule, frame_errors
from oddloop.exchange.scene_metrics import scene_metrics
from oddloop.exchange.sources.kitti import boxes_tables, scenes
from oddloop.exchange.sources.kitti.archive import read_archive
from oddloop.exchange.sources.kitti.grid import cut, frames_per_scene
from oddloop.exchange.sources.kitti.records import Records, read_records
from oddloop.exchange.summary import IngestSummary, Progress
from oddloop.lake.replace import refuse_unwritable, replacing
from oddloop.lake.workspace import Workspace

MODEL_ID = "pointrcnn"
TABLES = ("scenes", "frames", "objects", "ignore_regions", f"predictions/detection/{MODEL_ID}", "metrics", "labels")
RULE = MatchingRule()
"""KITTI's classes at image-box IoU > 0.5, detections with score >= 0.5, ignored where IoU > 0.3 with a DontCare."""


def ingest_kitti(
    folder: Path,
    workspace: Workspace,
    *,
    scene_s: float = 10.0,
    labelled: Collection[str] = (),
    progress: Progress | None = None,
) -> IngestSummary:
    """Bring a KITTI tracking archive with PointRCNN detections into a workspace's lake.

    Sequences become logs, cuts of `scene_s` seconds become scenes. The tables of the lake are replaced; labels and
    metrics that rounds have added since stay. Hold the workspace's lock (`lake.lock.locked`) around it.

    Args:
        folder: holds label_02/ and detections/, or `kitti_tracking.tar.gz` with them; read only.
        workspace: where the tables go.
        scene_s: length of a scene in seconds; the last of a sequence is shorter.
        labelled: sequences, such as 0000, that count as labelled from the start; the others are the pool.
        progress: told after each file ("read", files read, files in all).

    Raises:
        SourceError: the folder is not laid out as the format says; all faults are named, and nothing is written.
        WorkspaceError: a table must not be replaced.
    """
    frames_per_scene(scene_s)  # a bad flag is refused before anything is read
    refuse_unwritable(workspace, TABLES)
    archive = read_archive(Path(folder))
    records = read_records(archive, progress)
    faults = [*records.faults, *_unknown_sequences(labelled, records.sequences.names)]
    if faults:
        noun = "fault" if len(faults) == 1 else "faults"
        raise SourceError(join_faults(f"{folder}: {len(faults)} {noun}; nothing was written", faults))
    tables = make_tables(records, scene_s=scene_s, labelled=labelled)
    with replacing(workspace) as lake:
        rows = {name: lake.write(name, table) for name, table in tables.items() if table.num_rows or name != "labels"}
        if "labels" not in rows:
            lake.drop("labels")
    counts = {
        "logs": len(records.sequences.names),
        "scenes": rows["scenes"],
        "frames": rows["frames"],
        "labelled objects": rows["objects"],
        "detections": records.detections.num_rows,
    }
    return IngestSummary(str(folder), rows, counts)


def make_tables(records: Records, *, scene_s: float, labelled: Collection[str]) -> dict[str, pa.Table]:
    """All tables of the lake, by name."""
    grid = cut(records.sequences, scene_s)
    objects = boxes_tables.objects_table(records, grid)
    ignored = boxes_tables.ignore_table(records, grid)
    predictions = boxes_tables.predictions_table(records, grid)
    metrics = scene_metrics(frame_errors(objects, predictions, ignored, RULE), model_id=MODEL_ID)
    labels = scenes.labels_table(grid, labelled)
    found = (
        scenes.scenes_table(records, grid),
        scenes.frames_table(grid),
        objects,
        ignored,
        predictions,
        metrics,
        labels,
    )
    return dict(zip(TABLES, found, strict=True))


def _unknown_sequences(labelled: Collection[str], names: tuple[str, ...]) -> list[Fault]:
    if isinstance(labelled, str):
        labelled = [labelled]
    return [
        Fault("kitti", "--labelled", -1, "no-such-sequence", f"{name!r} is not a sequence{_nearest(name, names)}")
        for name in labelled
        if name not in names
    ]


def _nearest(name: str, names: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names)}"
