"""A small made-up archive in KITTI's text formats, and the numbers that went into it."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from oddloop.exchange.sources import ingest_source, make_source
from oddloop.exchange.summary import IngestSummary, Progress
from oddloop.lake import Workspace

CODES = {"Pedestrian": 1, "Car": 2, "Cyclist": 3}
REAL = (
    Path(os.environ.get("ODDLOOP_TEST_DATA", Path(__file__).parents[2] / "../shared/data")).resolve() / "kitti_tracking"
)
WHY_SKIPPED = "the real KITTI archive is not here; set ODDLOOP_TEST_DATA to the folder that holds kitti_tracking/"

Box = tuple[float, float, float, float]


def ingest_kitti(
    folder: Path,
    workspace: Workspace,
    *,
    scene_s: float | None = None,
    labelled: Collection[str] = (),
    limit: int | None = None,
    skip_faulty: bool = False,
    progress: Progress | None = None,
) -> IngestSummary:
    """What `oddloop ingest kitti` does."""
    return ingest_source(
        make_source("kitti", folder, scene_s),
        folder,
        workspace,
        limit=limit,
        labelled=labelled,
        skip_faulty=skip_faulty,
        settings=[scene_s],
        progress=progress,
    )


def read_ignore_regions(workspace: Workspace) -> pa.Table:
    """The DontCare regions of an ingested archive."""
    return workspace.storage.read_table("lake/ignore_regions/part-00000.parquet")


def label(frame: int, track: int, category: str, box: Box = (0, 0, 100, 50)) -> str:
    """One line of label_02: 17 columns parted by spaces."""
    if category == "DontCare":
        return f"{frame} -1 DontCare -1 -1 -10.0 {_joined(box, ' ')} -1000 -1000 -1000 -10 -1 -1 -1"
    return f"{frame} {track} {category} 0 1 -1.57 {_joined(box, ' ')} 1.5 1.6 4.0 -4.5 1.8 13.4 -2.1"


def detection(frame: int, category: str, box: Box = (0, 0, 100, 50), logit: float = 2.0) -> str:
    """One line of a detection file: 15 columns parted by commas."""
    return f"{frame},{CODES[category]},{_joined(box, ',')},{logit},1.5,1.6,4.0,-4.5,1.8,13.4,-2.1,-1.57"


def _joined(box: Box, mark: str) -> str:
    return mark.join(f"{side:.4f}" for side in box)


def write_archive(folder: Path, labels: dict[str, list[str]], detections: dict[str, list[str]] | None = None) -> Path:
    """Write label files by sequence and detection files by `<sequence>/<Class>`; those not given are empty."""
    detections = detections or {}
    for sequence, lines in labels.items():
        write(folder / f"label_02/{sequence}.txt", lines)
        for name in CODES:
            write(detection_path(folder, sequence, name), detections.get(f"{sequence}/{name}", []))
    return folder


def detection_path(folder: Path, sequence: str, name: str) -> Path:
    return folder / f"detections/pointrcnn_{name}_val/{sequence}.txt"


def write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def pack(folder: Path, into: Path) -> Path:
    """The archive packed as kitti_tracking.tar.gz in the folder `into`."""
    into.mkdir(parents=True, exist_ok=True)
    with tarfile.open(into / "kitti_tracking.tar.gz", "w:gz") as tar:
        for top in ("label_02", "detections"):
            tar.add(folder / top, arcname=top)
    return into


@dataclass(frozen=True)
class Truth:
    """What a random archive holds."""

    n_frames: int
    n_objects: int
    n_ignored: int
    n_detections: int


def random_archive(folder: Path, lengths: dict[str, int], seed: int) -> Truth:
    """Sequences of the given lengths with 0-3 objects, 0-1 DontCare and 0-4 detections of each class per frame."""
    rng = np.random.default_rng(seed)
    labels, detections = {}, {}
    for sequence, length in lengths.items():
        labels[sequence] = [line for frame in range(length) for line in _random_labels(frame, length, rng)]
        for name in CODES:
            frames = np.repeat(np.arange(length), rng.integers(0, 5, length))
            detections[f"{sequence}/{name}"] = [
                detection(int(f), name, _random_box(rng), float(rng.normal(1, 2))) for f in frames
            ]
    write_archive(folder, labels, detections)
    all_labels = [line for lines in labels.values() for line in lines]
    n_ignored = sum("DontCare" in line for line in all_labels)
    n_detections = sum(len(lines) for lines in detections.values())
    return Truth(sum(lengths.values()), len(all_labels) - n_ignored, n_ignored, n_detections)


def _random_labels(frame: int, length: int, rng: np.random.Generator) -> list[str]:
    kinds = rng.choice(["Car", "Van", "Pedestrian", "Person", "Cyclist", "Tram"], rng.integers(0, 4))
    # The last frame always has a label, since the length of a sequence is known by it alone.
    kinds = kinds if frame < length - 1 or len(kinds) else np.array(["Car"])
    lines = [label(frame, track, str(kind), _random_box(rng)) for track, kind in enumerate(kinds)]
    return lines + [label(frame, -1, "DontCare", _random_box(rng))] * int(rng.integers(0, 2))


def _random_box(rng: np.random.Generator) -> Box:
    x, y = rng.uniform(0, 200, 2)
    return (x, y, x + rng.uniform(20, 120), y + rng.uniform(20, 120))
