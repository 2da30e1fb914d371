"""Speed and memory of out-of-distribution scores: `python bench/bench_ood.py [--quick]`.

k-nearest neighbours and Mahalanobis distance on float32 features, set against the matrix product that each cannot do
without, of the same numbers in the same process: single precision for neighbours (N x d by d x n), double for
Mahalanobis (N x d by d x d). Neighbours are also set against scikit-learn's exact brute-force search.
"""

from __future__ import annotations

import argparse

import numpy as np
import numpy.typing as npt
from sklearn.neighbors import NearestNeighbors

from common import growth_exponent, peak_mb, print_machine, print_table, report, run_fresh, time_median
from oddloop.score.ood import Source, TrainingSet, fit_knn, fit_mahalanobis, score_knn, score_mahalanobis, training_set

SOURCE = Source("m1", "layer4")
WIDTH = 256
K = 50
SIZES = {"knn": (5_000, 20_000, 80_000), "mahalanobis": (10_000, 40_000, 160_000)}
N_QUERIES = 2_000
N_CLASSES = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--case", choices=SIZES, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        {"knn": measure_knn, "mahalanobis": measure_mahalanobis}[arguments.case](arguments.size)
    else:
        compare(10 if arguments.quick else 1)


def compare(divisor: int) -> None:
    print("## Out-of-distribution scores\n")
    print_machine("numpy", "scikit-learn")
    sizes = [size // divisor for size in SIZES["knn"]]
    found = [run_fresh(__file__, "--case", "knn", "--size", size) for size in sizes]
    exponent = growth_exponent(sizes, [f["ours_cpu"] for f in found])
    print_table(
        f"knn: {N_QUERIES:,} rows x {WIDTH} against training rows, k = {K}; growth exponent, CPU {exponent:.2f}",
        ("training rows", "s", "x sgemm", "x sgemm, CPU", "x scikit-learn", "peak MB before", "peak MB"),
        [
            (n, f["ours"], f["ours"] / f["gemm"], f["ours_cpu"] / f["gemm_cpu"], f["ours"] / f["peer"], *memory(f))
            for n, f in zip(sizes, found, strict=True)
        ],
    )
    sizes = [size // divisor for size in SIZES["mahalanobis"]]
    found = [run_fresh(__file__, "--case", "mahalanobis", "--size", size) for size in sizes]
    for what in ("fit", "ours"):
        exponent = growth_exponent(sizes, [f[f"{what}_cpu"] for f in found])
        name = "score" if what == "ours" else what
        print_table(
            f"mahalanobis, {name}: rows x {WIDTH}, {N_CLASSES} classes; growth exponent, CPU {exponent:.2f}",
            ("rows", "s", "x dgemm", "x dgemm, CPU", "peak MB before", "peak MB, both"),
            [
                (n, f[what], f[what] / f["gemm"], f[f"{what}_cpu"] / f["gemm_cpu"], *memory(f))
                for n, f in zip(sizes, found, strict=True)
            ],
        )


def memory(figures: dict[str, float]) -> tuple[float, float]:
    """Peak with only the input in memory, and of the measured function besides."""
    return figures["input_mb"], figures["ours_mb"]


def measure_knn(n_rows: int) -> None:
    """Times of scoring, of the bare product in the same blocks, and of scikit-learn."""
    rng = np.random.default_rng(0)
    stats = fit_knn(training(rng, n_rows), K)
    queries = features(rng, N_QUERIES)
    input_mb = peak_mb()
    ours = time_median(lambda: score_knn(stats, queries, source=SOURCE))
    ours_mb, bank, step = peak_mb(), stats.bank.T.copy(), max((1 << 24) // n_rows, 64)
    gemm = time_median(lambda: [queries[i : i + step] @ bank for i in range(0, N_QUERIES, step)])
    tree = NearestNeighbors(n_neighbors=K, algorithm="brute").fit(stats.bank)
    peer = time_median(lambda: tree.kneighbors(queries), runs=1)
    report(ours=ours, gemm=gemm, peer=peer, input_mb=input_mb, ours_mb=ours_mb)


def measure_mahalanobis(n_rows: int) -> None:
    """Times of fitting and scoring, and of the bare product in the same blocks."""
    rng = np.random.default_rng(0)
    given = training(rng, n_rows)
    input_mb = peak_mb()
    stats = fit_mahalanobis(given)
    fit = time_median(lambda: fit_mahalanobis(given))
    ours = time_median(lambda: score_mahalanobis(stats, given.features, source=SOURCE))
    ours_mb, block = peak_mb(), given.features[:8192].astype(np.float64)
    n_blocks = n_rows / len(block)
    gemm = time_median(lambda: [block @ stats.whitening for _ in range(max(round(n_blocks), 1))])
    report(fit=fit, ours=ours, gemm=gemm, input_mb=input_mb, ours_mb=ours_mb)


def training(rng: np.random.Generator, n_rows: int) -> TrainingSet:
    scenes = [f"s{i // 100}" for i in range(n_rows)]
    return training_set(features(rng, n_rows), scenes, sorted(set(scenes)), SOURCE, np.arange(n_rows) % N_CLASSES)


def features(rng: np.random.Generator, n_rows: int) -> npt.NDArray[np.float32]:
    """Rows about `N_CLASSES` centres, as of a classifier's last layer."""
    centres = np.random.default_rng(1).standard_normal((N_CLASSES, WIDTH), np.float32)
    return np.maximum(centres[np.arange(n_rows) % N_CLASSES] + rng.standard_normal((n_rows, WIDTH), np.float32), 0)


if __name__ == "__main__":
    main()
