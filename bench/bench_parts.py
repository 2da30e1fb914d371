"""Selection in parts against selection in one piece: `python bench/bench_parts.py [--quick]`.

The same pool, budget and policy; parts run one after the other in one process. Printed for each size: seconds of both,
and how far the candidates are left from what is picked, in one piece, in parts, and at random.
"""

from __future__ import annotations

import argparse

import numpy as np

from bench_select import make_vectors
from common import growth_exponent, print_machine, print_table, report, run_fresh, time_median
from oddloop.select import Pool
from oddloop.select.in_parts import pick_in_parts
from oddloop.select.nearest import nearest
from oddloop.select.registry import POLICIES

SIZES = ((10_000, 100), (40_000, 400), (160_000, 1_600))
WIDTH, N_LABELLED, N_PARTS = 64, 200, 8
NAMES = ("kcenter", "facility_location", "gap_driven")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--case", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        name, *numbers = arguments.case
        measure(name, *map(int, numbers))
        return
    divisor = 10 if arguments.quick else 1
    print("## Selection in parts\n")
    print_machine("numpy", "faiss-cpu")
    for name in NAMES:
        compare(name, [(n // divisor, k // divisor) for n, k in SIZES])


def compare(name: str, sizes: list[tuple[int, int]]) -> None:
    rows, seconds = [], []
    for n, k in sizes:
        one, many = (run_fresh(__file__, "--case", name, n, k, parts) for parts in (1, N_PARTS))
        seconds.append(many["pick_cpu"])
        rows.append((f"{k:,} of {n:,}", f"{one['pick_cpu']:.1f}", f"{many['pick_cpu']:.1f}",
                     f"{one['peak_mb']:.0f} / {many['peak_mb']:.0f}",
                     f"{many['mean'] / one['mean']:.3f}", f"{one['random_mean'] / one['mean']:.3f}",
                     f"{many['radius'] / one['radius']:.3f}"))  # fmt: skip
    exponent = growth_exponent([n for n, _ in sizes], seconds)
    print_table(
        f"`{name}`, {N_PARTS} parts; exponent of the time in parts {exponent:.2f}",
        ("picks", "CPU s, one piece", "CPU s, parts", "peak MB, one / parts", "mean distance left, x one piece",
         "of random picks", "radius left, x one piece"),
        rows,
    )  # fmt: skip


def measure(name: str, n: int, k: int, n_parts: int) -> None:
    vectors = make_vectors("groups", n + N_LABELLED, WIDTH)
    points, labelled = vectors[N_LABELLED:], vectors[:N_LABELLED]
    ones = np.ones(n)
    ids = np.array([f"s{i:07d}" for i in range(n)], dtype=object)
    pool = Pool(ids, ones, np.random.default_rng(1).random(n), ones > 0, points, ones > 0, labelled)
    found = []
    took = time_median(
        lambda: found.append(pick_in_parts(POLICIES[name], pool, k, np.random.default_rng(0), n_parts)), runs=1
    )
    left = distance_left(pool, found[-1].rows)
    at_random = distance_left(pool, np.random.default_rng(2).choice(n, len(found[-1].rows), replace=False))
    report(pick=took, mean=left.mean(), radius=left.max(), random_mean=at_random.mean())


def distance_left(pool: Pool, rows: np.ndarray) -> np.ndarray:
    return nearest(pool.vectors, np.concatenate([pool.vectors[rows], pool.labelled_vectors]))[0]


if __name__ == "__main__":
    main()
