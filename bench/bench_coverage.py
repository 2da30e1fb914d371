"""Speed and memory of coverage: `python bench/bench_coverage.py [--quick]`.

The exposure of all segments of up to two of twelve attributes is set against DuckDB with one GROUP BY over grouping
sets, and the bootstrap against the matrix products that it cannot do without, at the rate that this machine multiplies.
"""

from __future__ import annotations

import argparse
import itertools

import duckdb
import numpy as np
import pyarrow as pa

from common import growth_exponent, print_machine, print_table, report, run_fresh, time_median
from oddloop.config import AttributeConfig, CoverageConfig
from oddloop.coverage import compute_exposure, encode_attributes, summarize_performance

N_VALUES = (7, 3, 5, 4, 8, 2, 6, 4, 3, 9, 5, 4)
TAXONOMY = {f"a{i:02d}": AttributeConfig() for i in range(len(N_VALUES))}
SIZES = {"exposure": (50_000, 200_000, 1_000_000), "performance": (5_000, 20_000, 100_000)}
SCENES_PER_LOG = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--case", choices=["exposure", "duckdb", "performance"], help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        {"exposure": exposure, "duckdb": peer, "performance": performance}[arguments.case](arguments.size)
    else:
        compare(10 if arguments.quick else 1)


def compare(divisor: int) -> None:
    print("## Coverage\n")
    print_machine("numpy", "pyarrow", "duckdb")
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
