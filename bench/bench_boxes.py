"""Speed and memory of objects of box ensembles and of two models: `python bench/bench_boxes.py [--quick]`.

Reading and scoring Parquet row groups with two threads is set against only reading the same columns with the same
threads. Then the grouping alone, against a plain loop over boxes in Python on a thousandth of the frames.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from common import growth_exponent, print_machine, print_table, report, run_fresh, time_median
from oddloop.config import DetectionConfig, ScoreConfig
from oddloop.score.boxes import OBJECT_MEASURES, Detections, group_boxes, make_detections, score_model_disagreement
from oddloop.score.detection import score_detection
from oddloop.tables import BOX

THREADS, N_MEMBERS, N_THINGS, ROWS_PER_GROUP = 2, 5, 20, 8_192
SIZES = (12_500, 50_000, 200_000)
WHAT = {
    "entropy": "entropy, least confidence and margin of each object",
    "objects": "these, and class, box and existence disagreement",
    "weighted": "these, and their class-difficulty-weighted sums",
    "models": "the strongest boxes, as those of two models that agree",
}
CONFIGS = {
    "entropy": ScoreConfig(),
    "objects": ScoreConfig(detection=DetectionConfig(measures=OBJECT_MEASURES)),
    "weighted": ScoreConfig(detection=DetectionConfig(measures=OBJECT_MEASURES, class_difficulty={"car": 0.2})),
    "models": ScoreConfig(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--case", choices=(*WHAT, "loop"), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case == "loop":
        measure_loop()
    elif arguments.case:
        measure(arguments.case, arguments.file)
    else:
        compare(10 if arguments.quick else 1)


def compare(divisor: int) -> None:
    print("## Box ensembles\n")
    print_machine("numpy", "numba", "pyarrow")
    print(f"\nFrames of about {N_THINGS} things, each seen by 9 of 10 of {N_MEMBERS} members: 90 boxes.")
    headers = ("frames", "read s", "read + score s", "x read", "x read, CPU", "µs per frame, CPU", "peak MB")
    sizes, found = [size // divisor for size in SIZES], {case: [] for case in WHAT}
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            file = Path(folder) / "boxes.parquet"
            write(size, file)
            for case in WHAT:
                found[case].append(run_fresh(__file__, "--case", case, "--file", file))
    for case, figures in found.items():
        rows = [
            (
                n,
                f["read"],
                f["both"],
                f["both"] / f["read"],
                f["both_cpu"] / f["read_cpu"],
                (f["both_cpu"] - f["read_cpu"]) / n * 1e6,
                f["peak_mb"],
            )
            for n, f in zip(sizes, figures, strict=True)
        ]
        exponent = growth_exponent(sizes, [f["both_cpu"] for f in figures])
        print_table(f"{case}: {WHAT[case]}; growth exponent {exponent:.2f}", headers, rows)
    f = run_fresh(__file__, "--case", "loop")
    print_table(
        "grouping alone, one thread",
        ("frames", "group_boxes µs per frame", "loop in Python µs per frame", "x loop"),
        [(int(f["frames"]), f["ours_cpu"] * 1e6, f["loop_cpu"] * 1e6, f["loop_cpu"] / f["ours_cpu"])],
    )


def measure(case: str, file: Path) -> None:
    config = CONFIGS[case]
    n_groups = pq.ParquetFile(file).num_row_groups

    def read(group: int) -> pa.Table:
        return pq.ParquetFile(file, pre_buffer=False).read_row_group(group, use_threads=False)

    def work(group: int) -> int:
        batch = read(group)
        if case != "models":
            return score_detection(batch, config).num_rows
        # One table as both models: all is matched, which is the most work.
        return score_model_disagreement(batch, batch, config).num_rows

    def over_groups(task: Callable[[int], int]) -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(task, range(n_groups)))

    work(0)
    report(
        read=time_median(lambda: over_groups(lambda g: read(g).num_rows)),
        both=time_median(lambda: over_groups(work)),
    )


def measure_loop(n_frames: int = 200) -> None:
    found = arrays(np.random.default_rng(0), n_frames)
    ours = time_median(lambda: [group_boxes(found) for _ in range(50)])
    start = time.process_time()
    loop_over_boxes(found)
    seconds = time.process_time() - start
    report(ours_cpu=ours.cpu / 50 / n_frames, loop_cpu=seconds / n_frames, frames=n_frames)


def loop_over_boxes(found: Detections) -> list[list[int]]:
    """The plain way: for each box, for each box after it."""
    corners, scores, members = found.corners.tolist(), found.scores.tolist(), found.members.tolist()
    groups = []
    for start, stop in zip(found.offsets[:-1].tolist(), found.offsets[1:].tolist(), strict=True):
        free = sorted(range(start, stop), key=lambda i: -scores[i])
        while free:
            seed, best = free[0], {}
            for i in free[1:]:
                overlap = iou(corners[seed], corners[i])
                if members[i] != members[seed] and overlap >= max(0.5, best.get(members[i], (0.0, 0))[0]):
                    best[members[i]] = overlap, i
            groups.append([seed, *(i for _, i in best.values())])
            free = [i for i in free if i not in groups[-1]]
    return groups


def iou(a: list[float], b: list[float]) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def arrays(rng: np.random.Generator, n_frames: int) -> Detections:
    """Frames of things in a full-HD image, seen by each member a little differently, or not at all."""
    frame = np.repeat(np.arange(n_frames), rng.poisson(N_THINGS, n_frames))
    low, size = rng.random((len(frame), 2)) * (1_800, 800), rng.uniform(20, 150, (len(frame), 2))
    member, thing = np.nonzero(rng.random((N_MEMBERS, len(frame))) < 0.9)
    order = np.argsort(frame[thing], kind="stable")
    member, thing = member[order], thing[order]
    corners = np.hstack([low, low + size])[thing] + rng.normal(0, 0.03, (len(thing), 4)) * np.tile(size, 2)[thing]
    scores = np.clip(rng.random(len(frame))[thing] + rng.normal(0, 0.1, len(thing)), 0, 1)
    return make_detections(
        corners.astype(np.float32),
        scores.astype(np.float32),
        np.searchsorted(frame[thing], np.arange(n_frames + 1)),
        labels=np.array(["car", "cyclist", "pedestrian"])[rng.integers(0, 3, len(frame))[thing]],
        members=member,
    )


def write(n_frames: int, file: Path) -> None:
    rng, writer = np.random.default_rng(0), None
    for start in range(0, n_frames, ROWS_PER_GROUP):
        n = min(ROWS_PER_GROUP, n_frames - start)
        found = arrays(rng, n)
        fields = {
            "score": pa.array(found.scores),
            "label": pa.array(found.label_names).take(pa.array(found.labels)),
            **dict(zip(("x_min_px", "y_min_px", "x_max_px", "y_max_px"), map(pa.array, found.sides), strict=True)),
            "member": pa.array(found.members.astype(np.int32)),
        }
        structs = pa.StructArray.from_arrays(list(fields.values()), fields=[BOX.field(name) for name in fields])
        frame = np.arange(start, start + n)
        table = pa.table(
            {
                "frame_id": pa.array(frame).cast(pa.string()),
                "scene_id": pa.array(frame // 100).cast(pa.string()),
                "n_members": np.full(n, N_MEMBERS),
                "boxes": pa.ListArray.from_arrays(pa.array(found.offsets, pa.int32()), structs),
            }
        )
        writer = writer or pq.ParquetWriter(file, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


if __name__ == "__main__":
    main()
