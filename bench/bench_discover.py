"""Speed and memory of discovery: `python bench/bench_discover.py [--quick]`.

Frame features to scene vectors, set against one matrix product of the features with themselves. Clusters:
`bench_clusters.py`.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from common import growth_exponent, peak_mb, print_machine, print_table, report, run_fresh, time_median
from oddloop.config import VectorsConfig
from oddloop.discover import build_scene_vectors

FRAMES, D, K = 10, 256, 32
SIZES = {"vectors": (5_000, 20_000, 80_000)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--case", choices=SIZES, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        measure_vectors(arguments.size)
    else:
        compare(10 if arguments.quick else 1)


def compare(divisor: int) -> None:
    print("## Discovery\n")
    print_machine("numpy", "scikit-learn", "pyarrow")
    sizes, found = sweep("vectors", divisor)
    exponent = growth_exponent(sizes, [f["ours_cpu"] for f in found])
    rows = [
        (
            n,
            n * FRAMES * D * 4e-6,
            f["ours"],
            f["ours_cpu"],
            f["gram_cpu"],
            f["ours_cpu"] / f["gram_cpu"],
            f["before_mb"],
            f["peak_mb"],
        )
        for n, f in zip(sizes, found, strict=True)
    ]
    print_table(
        f"vectors: {FRAMES} frames x {D} per scene to {K} components; growth exponent {exponent:.2f}",
        ("scenes", "features MB", "s", "cpu s", "XᵀX of the features cpu s", "ratio", "MB before", "peak MB"),
        rows,
    )


def sweep(case: str, divisor: int) -> tuple[list[int], list[dict[str, Any]]]:
    sizes = [size // divisor for size in SIZES[case]]
    return sizes, [run_fresh(__file__, "--case", case, "--size", size) for size in sizes]


def measure_vectors(n: int) -> None:
    features = make_groups(n * FRAMES, D)
    ids = [f"scene-{i:08d}" for i in range(n)]
    scenes = pa.table({"scene_id": ids})
    frames = pa.array(ids).take(pa.array(np.arange(n * FRAMES) % n))
    table = pa.table({"scene_id": frames, "vector": as_lists(features)})
    before = peak_mb()
    ours = time_median(lambda: build_scene_vectors(scenes, table, None, VectorsConfig()), runs=1)
    report(ours=ours, gram=time_median(lambda: features.T @ features, runs=3), before_mb=before)


def make_groups(n: int, d: int) -> npt.NDArray[np.float32]:
    """50 groups in 16 directions, noise in all of them."""
    rng = np.random.default_rng(0)
    centres, directions = 3.0 * rng.normal(size=(50, 16)), rng.normal(size=(16, d)) / 4
    vectors = np.empty((n, d), dtype=np.float32)
    for part in np.array_split(vectors, n // 10_000 + 1):  # so that making the data is not the peak of memory
        latent = centres[rng.integers(0, 50, len(part))] + rng.normal(size=(len(part), 16))
        part[:] = latent @ directions + 0.1 * rng.normal(size=part.shape)
    return vectors


def as_lists(vectors: npt.NDArray[np.float32]) -> pa.Array:
    return pa.ListArray.from_arrays(
        pa.array(np.arange(len(vectors) + 1) * vectors.shape[1], pa.int32()), vectors.ravel()
    )


if __name__ == "__main__":
    main()
