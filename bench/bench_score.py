"""Speed and memory of scoring: `python bench/bench_score.py [--quick] [--full] [--peers PYTHON ...]`.

Reading and scoring Parquet row groups with two threads is set against only reading the same columns with the same
threads, and the kernel alone against `np.log` of as many numbers as it takes logarithms of. Then frame scores to scene
scores, set against DuckDB's group by with the same aggregates. Last the functions on arrays alone, set against our own
NumPy and against active-learning libraries, as far as they are installed for a PYTHON (by `peers_score.py` in a process
of its own, on the same numbers). `make bench-peers` makes an environment that has them all, and measures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from common import HERE, growth_exponent, peak_mb, print_machine, print_table, report, run_fresh, time_median
from oddloop.config import SceneScoreConfig, ScoreConfig
from oddloop.score import KERNELS, fast, fast_calls, summarize_scene_batches, summarize_scenes
from oddloop.score.ensembles import compute_ensemble_measures
from oddloop.tables import BOX, TASKS
from peers_score import PEERS

THREADS = 2
ROWS_PER_GROUP = {"ensemble": 16_384, "trajectory": 8_192}
SIZES = {
    "classification": (200_000, 2_000_000),
    "ensemble": (10_000, 50_000, 200_000),
    "detection": (20_000, 200_000),
    "trajectory": (10_000, 40_000, 160_000),
    "scenes": (200_000, 1_000_000, 5_000_000),
}
FULL = {"classification": (20_000_000,), "detection": (2_000_000,)}
"""Sizes that take minutes, for `--full`."""
TASK = {"ensemble": "classification"}
MEASURES = {"ensemble": ("entropy", "expected_entropy", "bald")}
LOGS = {"classification": 10, "detection": 40}
"""Logarithms per row, where they are what the measures take longest for."""
WHAT = {
    "classification": "frames x 10 classes",
    "ensemble": "frames x 20 passes x 10 classes",
    "detection": "frames x about 20 boxes, by score",
    "trajectory": "agents x 5 members x 6 modes x 12 steps",
    "scenes": "frames of 100 per scene, 3 scores",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--full", action="store_true", help="the largest sizes too")
    parser.add_argument("--peers", action="append", help="a Python that has other libraries; may be given repeatedly")
    parser.add_argument("--case", choices=(*SIZES, "arrays"), help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case == "scenes":
        measure_scenes(arguments.size)
    elif arguments.case == "arrays":
        measure_arrays(arguments.size)
    elif arguments.case:
        measure_kernel(arguments.case, arguments.file)
    else:
        compare(10 if arguments.quick else 1, full=arguments.full)
        compare_arrays(10 if arguments.quick else 1, arguments.peers or [sys.executable])


def compare(divisor: int, *, full: bool) -> None:
    print("## Scoring\n")
    print_machine("numpy", "numba", "pyarrow", "duckdb")
    headers = ("rows", "read s", "read + score + scenes s", "x read", "x read, CPU", "kernel x np.log, CPU", "peak MB")
    for case in (c for c in SIZES if c != "scenes"):
        sizes, rows = [size // divisor for size in SIZES[case] + (FULL.get(case, ()) if full else ())], []
        with tempfile.TemporaryDirectory() as folder:
            for size in sizes:
                file = Path(folder) / f"{size}.parquet"
                write(case, size, file)
                f = run_fresh(__file__, "--case", case, "--file", file)
                logs = f["kernel_cpu"] / f["log_cpu"] if case in LOGS else "-"
                ratios = f["both"] / f["read"], f["both_cpu"] / f["read_cpu"], logs
                rows.append((size, f["read"], f["both"], *ratios, f["peak_mb"]))
                file.unlink()
        exponent = growth_exponent(sizes, [row[2] for row in rows])
        print_table(f"{case}: {WHAT[case]}; growth exponent {exponent:.2f}", headers, rows)
    sizes = [size // divisor for size in SIZES["scenes"]]
    found = [run_fresh(__file__, "--case", "scenes", "--size", size) for size in sizes]
    exponent = growth_exponent(sizes, [f["ours"] for f in found])
    rows = [
        (n, f["ours"], f["duckdb"], f["ours"] / f["duckdb"], f["ours_cpu"] / f["duckdb_cpu"], f["peak_mb"])
        for n, f in zip(sizes, found, strict=True)
    ]
    print_table(
        f"scenes: {WHAT['scenes']}; growth exponent {exponent:.2f}",
        ("frames", "summarize_scenes s", "DuckDB s", "x DuckDB", "x DuckDB, CPU", "peak MB, both"),
        rows,
    )


def measure_kernel(case: str, file: Path) -> None:
    """Times of reading; of reading, scoring and summarising scenes; and of the kernel on some row groups."""
    kernel = KERNELS[TASK.get(case, case)]
    config = ScoreConfig(measures=MEASURES[case]) if case in MEASURES else ScoreConfig()
    n_groups = pq.ParquetFile(file).num_row_groups

    def read(group: int) -> pa.Table:
        return pq.ParquetFile(file, pre_buffer=False).read_row_group(group, use_threads=False)

    def over_groups(work: object) -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(work, range(n_groups)))

    def score_all() -> int:
        with ThreadPoolExecutor(THREADS) as pool:
            # One row group's scores after the other, as the stage takes them from its files.
            scenes = summarize_scene_batches(pool.map(lambda g: kernel(read(g), config), range(n_groups)))
        assert scenes is not None
        return scenes.num_rows

    times = {
        "read": time_median(lambda: over_groups(lambda g: read(g).num_rows)),
        "both": time_median(score_all),
    }
    peak = peak_mb()  # before some row groups are held for the kernel alone
    groups = [read(g) for g in range(min(n_groups, 8))]
    n_logs = LOGS.get(case, 0) * sum(group.num_rows for group in groups)
    block = np.random.default_rng(0).random(8192)
    times["kernel"] = time_median(lambda: [kernel(group, config) for group in groups])
    times["log"] = time_median(lambda: [np.log(block) for _ in range(n_logs // len(block) + 1)])
    report(**times, peak_mb=peak)


ARRAYS = ("entropy", "least_confidence", "margin", "bald", "consensus")


def compare_arrays(divisor: int, pythons: list[str]) -> None:
    """Print the functions on arrays beside NumPy and the peers."""
    size, peers, rows = 1_000_000 // divisor, {}, []
    for python in pythons:
        peers |= run_fresh(HERE / "peers_score.py", size, python=python)
    ours = run_fresh(__file__, "--case", "arrays", "--size", size)
    for name in ARRAYS:
        others = [peer[name] / ours[name] if name in peer else "-" for peer in peers.values()]
        rows.append((name, ours[name] * 1e3, ours[f"{name}_numpy"] / ours[name], *others))
    print_table(
        f"functions on arrays, one thread: {size:,} x 10, bald and consensus {size // 5:,} x 5 x 10, float64; "
        "how many times as long the others take",
        ("measure", "ours ms", "our NumPy", *peers),
        rows,
    )
    if missing := [name for name in PEERS if name not in peers]:
        print(f"\nNot installed, and so not measured: {', '.join(missing)}.")


def measure_arrays(n_rows: int) -> None:
    """Times of the functions on arrays, compiled and by NumPy."""
    rng = np.random.default_rng(0)
    probs, members = rng.dirichlet(np.ones(10), n_rows), rng.dirichlet(np.ones(10), (n_rows // 5, 5))
    calls = {name: lambda name=name: getattr(fast, name)(probs) for name in ARRAYS[:3]}
    calls |= {name: lambda name=name: compute_ensemble_measures(members, (name,)) for name in ARRAYS[3:]}
    times = {name: time_median(call, 5) for name, call in calls.items()}
    fast_calls.loops = lambda: None
    report(**times, **{f"{name}_numpy": time_median(call) for name, call in calls.items()})


def measure_scenes(n_frames: int) -> None:
    """Times of our summary and of the same in SQL."""
    rng = np.random.default_rng(0)
    scene = np.sort(rng.integers(0, n_frames // 100, n_frames))
    scene_ids = pa.array([f"scene-{i:08d}" for i in range(n_frames // 100)]).take(pa.array(scene))
    columns: dict[str, object] = {"scene_id": scene_ids, "n_objects": rng.integers(0, 40, n_frames)}
    for name in "abc":
        columns |= {name: rng.random(n_frames), f"{name}_valid": np.ones(n_frames, np.bool_)}
    frames = pa.table(columns)
    aggregates = ", ".join(f"avg({n}), max({n}), quantile_cont({n}, .95), sum({n}), count({n})" for n in "abc")
    query = f"SELECT scene_id, count(*), sum(n_objects), {aggregates} FROM frames GROUP BY 1 ORDER BY 1"
    same = SceneScoreConfig(summaries=("mean", "max", "p95", "sum"))
    ours = time_median(lambda: summarize_scenes(frames, same))
    with duckdb.connect() as connection:
        connection.register("frames", frames)
        connection.execute(f"SET threads = {THREADS}")
        peer = time_median(lambda: connection.sql(query).to_arrow_table())
    report(ours=ours, duckdb=peer)


def write(case: str, n_rows: int, file: Path) -> None:
    """Write a prediction table, one row group at a time, of the columns that the case has."""
    declared = TASKS[TASK.get(case, case)].schema()
    _, first = next(batches(case, 1))
    own = {"frame_id", "scene_id", *(["agent_id"] if case == "trajectory" else []), *first}
    schema = pa.schema([field for field in declared if field.name in own])
    with pq.ParquetWriter(file, schema) as writer:
        for start, columns in batches(case, n_rows):
            n = len(next(iter(columns.values())))
            ids = [f"frame-{i:09d}" for i in range(start, start + n)]
            scenes = [f"scene-{i // 100:07d}" for i in range(start, start + n)]
            known = {"frame_id": ids, "scene_id": scenes, "agent_id": ids}
            writer.write_table(pa.table([{**known, **columns}[name] for name in schema.names], schema=schema))


def batches(case: str, n_rows: int) -> Iterator[tuple[int, dict[str, pa.Array]]]:
    rng = np.random.default_rng(0)
    size = ROWS_PER_GROUP.get(case, 32_768)
    for start in range(0, n_rows, size):
        n = min(size, n_rows - start)
        if case == "detection":
            yield start, {"boxes": boxes(rng, n)}
        elif case == "trajectory":
            steps = pa.FixedSizeListArray.from_arrays(pa.array(rng.normal(size=n * 720).astype(np.float32)), 2)
            modes = nest(nest(nest(steps, 12), 6), 5)
            yield start, {"mode_probs": nest(distributions(rng, n * 5, 6), 5), "modes": modes}
        else:
            members = 20 if case == "ensemble" else 1
            yield start, {"probs": nest(distributions(rng, n * members, 10), members)}


def distributions(rng: np.random.Generator, n: int, n_classes: int) -> pa.Array:
    weights = rng.random((n, n_classes), np.float32) ** 4 + 1e-6
    return nest(pa.array((weights / weights.sum(axis=1, keepdims=True)).ravel()), n_classes)


def nest(values: pa.Array, length: int) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(np.arange(0, len(values) + 1, length), pa.int32()), values)


def boxes(rng: np.random.Generator, n: int) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(rng.poisson(20, n))])
    size = int(offsets[-1])
    numbers = [pa.array(rng.random(size, np.float32)) for _ in range(5)]
    labels = pa.array(["car", "pedestrian", "cyclist"]).take(pa.array(rng.integers(0, 3, size)))
    sides = dict(zip(("x_min_px", "y_min_px", "x_max_px", "y_max_px"), numbers[1:], strict=True))
    given = {"score": numbers[0], "label": labels, **sides}
    fields = [given.get(field.name, pa.nulls(size, field.type)) for field in BOX]
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.StructArray.from_arrays(fields, fields=list(BOX)))


if __name__ == "__main__":
    main()
