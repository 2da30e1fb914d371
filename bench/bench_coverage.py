"""Speed and memory of coverage: `python bench/bench_coverage.py [--quick] [--peers PYTHON ...]`.

The cube of all segments of up to three of twelve attributes, with two error measures, is counted on one core, and set
against the search for the worst such segments by `sliceline`, as far as it is installed for a PYTHON. The exposure of
all segments of up to two of them is set against DuckDB with one GROUP BY over grouping sets, and the bootstrap against
the matrix products that it cannot do without, at the rate that this machine multiplies.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from common import HERE, growth_exponent, print_machine, print_table, report, run_fresh, time_median
from oddloop.config import AttributeConfig, CoverageConfig
from oddloop.coverage import build_cube, compute_exposure, encode_attributes, summarize_performance
from oddloop.coverage.cube.cells import gather
from oddloop.coverage.cube.counting import count_cells

N_VALUES = (7, 3, 5, 4, 8, 2, 6, 4, 3, 9, 5, 4)
TAXONOMY = {f"a{i:02d}": AttributeConfig() for i in range(len(N_VALUES))}
SIZES = {
    "cube": (100_000, 1_000_000, 10_000_000),
    "exposure": (50_000, 200_000, 1_000_000),
    "performance": (5_000, 20_000, 100_000),
}
SEARCHED = 100_000
"""Scenes that `sliceline` is given: it takes minutes, and 12 GB."""
SCENES_PER_LOG = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--peers", action="append", help="a Python that has sliceline; may be given repeatedly")
    parser.add_argument("--case", choices=["cube", "exposure", "duckdb", "performance"], help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        cases = {"cube": cube, "exposure": exposure, "duckdb": peer, "performance": performance}
        cases[arguments.case](arguments.size)
    else:
        print("## Coverage\n")
        print_machine("numpy", "numba", "pyarrow", "duckdb")
        compare_cube(10 if arguments.quick else 1, arguments.peers or [sys.executable])
        compare(10 if arguments.quick else 1)


def compare_cube(divisor: int, pythons: list[str]) -> None:
    """Print the cube's counting by size, and beside the peer's search at one of the sizes."""
    sizes = [size // divisor for size in SIZES["cube"]]
    found = [run_fresh(__file__, "--case", "cube", "--size", size) for size in sizes]
    headers = ("scenes", "counts + errors s", "the same, CPU", "whole cube s", "the same, CPU", "peak MB")
    figures = ("count", "count_cpu", "cube", "cube_cpu", "peak_mb")
    rows = [(size, *(f[name] for name in figures)) for size, f in zip(sizes, found, strict=True)]
    exponent = growth_exponent(sizes, [f["count_cpu"] for f in found])
    print_table(
        f"cube: 12 attributes, up to 3-way, two error measures, one core; exponent {exponent:.2f}", headers, rows
    )
    searched = {}
    with tempfile.TemporaryDirectory() as folder:
        scenes, _ = lake(SEARCHED // divisor)
        codes = [scenes[name].combine_chunks().dictionary_encode().indices.to_numpy() for name in TAXONOMY]
        np.savez(Path(folder) / "scenes.npz", codes=np.stack(codes, axis=1), errors=errors_of(len(codes[0]))["missed"])
        for python in pythons:
            searched |= run_fresh(HERE / "peers_coverage.py", Path(folder) / "scenes.npz", python=python)
    if searched:
        ours, theirs = found[sizes.index(SEARCHED // divisor)]["count_cpu"], searched["search_cpu"]
        print(f"\nsliceline, {SEARCHED // divisor:,} scenes: {theirs:.2f} s of CPU, {theirs / ours:,.0f} x ours.")
    else:
        print("\nNot installed, and so not measured: sliceline.")


def compare(divisor: int) -> None:
    sizes, rows = [size // divisor for size in SIZES["exposure"]], []
    for size in sizes:
        ours, theirs = (run_fresh(__file__, "--case", case, "--size", size) for case in ("exposure", "duckdb"))
        ratios = ours["cube"] / theirs["cube"], ours["cube_cpu"] / theirs["cube_cpu"]
        rows.append((size, ours["encode"], ours["cube"], theirs["cube"], *ratios, ours["peak_mb"], theirs["peak_mb"]))
    exponent = growth_exponent(sizes, [row[2] for row in rows])
    headers = ("scenes", "encode s", "cube s", "DuckDB s", "x DuckDB", "x DuckDB, CPU", "peak MB", "DuckDB peak MB")
    print_table(f"exposure: 12 attributes, up to 2-way; growth exponent {exponent:.2f}", headers, rows)
    sizes, rows = [size // divisor for size in SIZES["performance"]], []
    for size in sizes:
        f = run_fresh(__file__, "--case", "performance", "--size", size)
        ratio = f["all"] / f["products"]
        rows.append((size, int(f["logs"]), int(f["segments"]), f["sums"], f["all"], f["products"], ratio, f["peak_mb"]))
    exponent = growth_exponent(sizes, [row[4] for row in rows])
    headers = ("scenes", "logs", "segments", "sums s", "with bootstrap s", "products s", "x products", "peak MB")
    title = "performance: one metric, up to 2-way, 1,000 resamples, 50 scenes per log; growth exponent"
    print_table(f"{title} {exponent:.2f}", headers, rows)


def cube(n: int) -> None:
    """Counts and two error measures alone; and the whole cube: by status, with frames, seconds and metres too."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    scenes, labelled = lake(n)
    encoded, errors = encode_attributes(scenes, TAXONOMY), errors_of(n)
    logs, runs = np.arange(n) // SCENES_PER_LOG, 3 if n <= 1_000_000 else 1
    both = np.stack(list(errors.values()), axis=1)
    count = time_median(lambda: list(count_cells(gather(encoded, logs, amounts=both), 3)), runs)
    report(count=count, cube=time_median(lambda: build_cube(scenes, labelled, encoded, 3, errors), runs))


def errors_of(n: int) -> dict[str, np.ndarray]:
    """Two error measures of each scene."""
    rng = np.random.default_rng(2)
    return {"missed": (rng.random(n) < 0.1).astype(np.float64), "displacement_m": rng.gamma(2.0, 1.0, n)}


def exposure(n: int) -> None:
    scenes, labelled = lake(n)
    encoded = encode_attributes(scenes, TAXONOMY)
    encode = time_median(lambda: encode_attributes(scenes, TAXONOMY))
    report(encode=encode, cube=time_median(lambda: compute_exposure(scenes, labelled, encoded, 2)))


def peer(n: int) -> None:
    """The same counts in SQL."""
    scenes, labelled = lake(n)
    sets = ", ".join(
        f"({', '.join((*chosen, 'status'))})" for way in range(3) for chosen in itertools.combinations(TAXONOMY, way)
    )
    query = f"""SELECT {", ".join(TAXONOMY)}, status, count(*), count(DISTINCT log_id), sum(n_frames), sum(duration_s),
                       sum(distance_m)
                FROM (SELECT scenes.*, labelled.id IS NOT NULL AS status
                      FROM scenes LEFT JOIN labelled ON scene_id = labelled.id)
                GROUP BY GROUPING SETS ({sets})"""
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        connection.register("scenes", scenes)
        connection.register("labelled", pa.table({"id": labelled}))
        report(cube=time_median(lambda: connection.sql(query).to_arrow_table(), runs=1))


def performance(n: int) -> None:
    scenes, _ = lake(n)
    rng = np.random.default_rng(1)
    metrics = pa.table(
        {
            "scene_id": scenes["scene_id"],
            "model_id": ["m"] * n,
            "stack": ["perception"] * n,
            "metric": ["recall"] * n,
            "value": rng.random(n),
            "support": rng.integers(1, 90, n),
        }
    )
    encoded = encode_attributes(scenes, TAXONOMY)

    def run(config: CoverageConfig) -> pa.Table:
        return summarize_performance(scenes, metrics, encoded, config, np.random.default_rng(0))

    sums = time_median(lambda: run(CoverageConfig(interval="wilson")))
    everything = time_median(lambda: run(CoverageConfig()))
    n_segments, n_logs = sum(run(CoverageConfig())["valid"].to_pylist()), n // SCENES_PER_LOG
    block = np.ones((500, n_logs)), np.ones((n_logs, 1000))
    products = time_median(lambda: block[0] @ block[1]).wall * 2 * n_segments / 500
    report(sums=sums, all=everything, products=products, segments=n_segments, logs=n_logs)


def lake(n: int) -> tuple[pa.Table, pa.Array]:
    """Scenes with twelve attributes, and the labelled fifth of them."""
    rng = np.random.default_rng(0)
    ids = pa.array([f"scene-{i:08d}" for i in range(n)])
    columns: dict[str, object] = {
        "scene_id": ids,
        "log_id": [f"log-{i // SCENES_PER_LOG:06d}" for i in range(n)],
        "duration_s": rng.uniform(5, 20, n),
        "distance_m": rng.uniform(0, 300, n),
        "n_frames": rng.integers(50, 200, n),
    }
    for name, n_values in zip(TAXONOMY, N_VALUES, strict=True):
        share = 1.0 / np.arange(1, n_values + 1)
        codes = rng.choice(n_values, n, p=share / share.sum())
        columns[name] = pa.array([f"value-{i}" for i in range(n_values)]).take(pa.array(codes))
    return pa.table(columns), ids.take(pa.array(np.arange(0, n, 5)))


if __name__ == "__main__":
    main()
