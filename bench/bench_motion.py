"""Speed and memory of trajectory measures and of risk from tracks: `python bench/bench_motion.py [--quick]`.

Each case reads a Parquet file row group by row group and computes; this is set against only reading the same columns.
One thread, so that the ratio is of work and not of cores.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench_score import distributions, nest
from common import growth_exponent, print_machine, print_table, report, run_fresh, time_median
from oddloop.config import ScoreConfig
from oddloop.score.risk import collision_probability, score_tracks
from oddloop.score.risk.frames import STATE
from oddloop.score.trajectory import DEFAULT_MEASURES, TRAJECTORY_MEASURES, score_trajectory
from oddloop.score.trajectory_truth import measure_forecasts

SIZES = {
    "trajectory": (10_000, 40_000, 160_000),
    "trajectory_all": (10_000, 40_000, 160_000),
    "forecast_errors": (10_000, 40_000, 160_000),
    "collision_boxes": (5_000, 20_000, 80_000),
    "collision_discs": (5_000, 20_000, 80_000),
    "tracks": (100_000, 400_000, 1_600_000),
}
FILE_OF = {"tracks": "tracks"}
WHAT = {
    "trajectory": f"agents x 5 members x 6 modes x 12 steps; {', '.join(DEFAULT_MEASURES)}",
    "trajectory_all": "the same with all measures",
    "forecast_errors": "the same against the truth: min ADE, min FDE, miss, brier",
    "collision_boxes": "the same agents against the ego's path, rectangles",
    "collision_discs": "the same, discs",
    "tracks": "states of frames of 30 vehicles on 4 lanes: TTC, THW, required deceleration, nearest rectangle",
}
PER_GROUP = {"tracks": 60_000}
N_MEMBERS, N_MODES, N_STEPS = 5, 6, 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--case", choices=SIZES, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        measure(arguments.case, arguments.file)
    else:
        compare(10 if arguments.quick else 1)


def compare(divisor: int) -> None:
    print("## Motion: trajectories and risk\n")
    print_machine("numpy", "pyarrow")
    headers = ("rows", "read s", "read + compute s", "x read", "x read, CPU", "rows per s", "peak MB")
    for case, sizes in SIZES.items():
        rows, seconds = [], []
        with tempfile.TemporaryDirectory() as folder:
            for size in (size // divisor for size in sizes):
                file = Path(folder) / f"{size}.parquet"
                write(FILE_OF.get(case, "trajectory"), size, file)
                f = run_fresh(__file__, "--case", case, "--file", file)
                ratios = f["both"] / f["read"], f["both_cpu"] / f["read_cpu"]
                rows.append((size, f["read"], f["both"], *ratios, int(size / f["both"]), f["peak_mb"]))
                seconds.append(f["both_cpu"])
                file.unlink()
        exponent = growth_exponent([row[0] for row in rows], seconds)
        print_table(f"{case}: {WHAT[case]}; growth exponent {exponent:.2f}", headers, rows)


def measure(case: str, file: Path) -> None:
    work = WORK[case]

    def over_groups(compute: Callable[[pa.Table], object]) -> None:
        source = pq.ParquetFile(file, pre_buffer=False)
        for group in range(source.num_row_groups):
            compute(source.read_row_group(group, use_threads=False))

    report(read=time_median(lambda: over_groups(lambda _: None)), both=time_median(lambda: over_groups(work)))


def collide(batch: pa.Table, shape: str) -> object:
    """Collision probability of agents whose shape is the same for all rows of the batch, on the flattened buffers."""
    n = batch.num_rows
    probs = flat(batch["mode_probs"]).reshape(n, N_MEMBERS, N_MODES)
    modes = flat(batch["modes"]).reshape(n, N_MEMBERS, N_MODES, N_STEPS, 2)
    ego = flat(batch["truth"]).reshape(n, N_STEPS, 2)
    return collision_probability(probs, modes, ego, (4.5, 1.9), (4.5, 1.9), shape, 0.0, 0.0)


def flat(column: pa.ChunkedArray) -> np.ndarray:
    values = column.combine_chunks()
    while not pa.types.is_floating(values.type):
        values = values.flatten()
    return values.to_numpy()


WORK: dict[str, Callable[[pa.Table], object]] = {
    "trajectory": lambda batch: score_trajectory(batch, ScoreConfig()),
    "trajectory_all": lambda batch: score_trajectory(batch, ScoreConfig(), TRAJECTORY_MEASURES),
    "forecast_errors": measure_forecasts,
    "collision_boxes": lambda batch: collide(batch, "boxes"),
    "collision_discs": lambda batch: collide(batch, "discs"),
    "tracks": lambda batch: score_tracks(batch, ScoreConfig()),
}


def write(kind: str, n_rows: int, file: Path) -> None:
    rng, writer = np.random.default_rng(0), None
    size = PER_GROUP.get(kind, 8_192)
    for start in range(0, n_rows, size):
        n = min(size, n_rows - start)
        table = tracks(rng, start, n) if kind == "tracks" else forecasts(rng, start, n)
        writer = writer or pq.ParquetWriter(file, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def forecasts(rng: np.random.Generator, start: int, n: int) -> pa.Table:
    steps = pairs(rng.normal(size=n * N_MEMBERS * N_MODES * N_STEPS * 2) * 5)
    ids = pa.array(np.arange(start, start + n)).cast(pa.string())
    return pa.table(
        {
            "frame_id": ids,
            "scene_id": pa.array(np.arange(start, start + n) // 100).cast(pa.string()),
            "mode_probs": nest(distributions(rng, n * N_MEMBERS, N_MODES), N_MEMBERS),
            "modes": nest(nest(nest(steps, N_STEPS), N_MODES), N_MEMBERS),
            "truth": nest(pairs(rng.normal(size=n * N_STEPS * 2) * 5), N_STEPS),
        }
    )


def pairs(values: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.astype(np.float32)), 2)


def tracks(rng: np.random.Generator, start: int, n: int) -> pa.Table:
    frame = np.arange(start, start + n) // 30
    state = {
        "x_m": rng.uniform(0, 300, n),
        "y_m": rng.integers(0, 4, n) * 3.5 + rng.normal(0, 0.2, n),
        "heading_rad": rng.normal(0, 0.02, n),
        "speed_mps": rng.uniform(5, 25, n),
        "length_m": np.full(n, 4.5),
        "width_m": np.full(n, 1.9),
    }
    ids = {"frame_id": pa.array(frame).cast(pa.string()), "scene_id": pa.array(frame // 100).cast(pa.string())}
    return pa.table(ids | {name: state[name].astype(np.float32) for name in STATE})


if __name__ == "__main__":
    main()
