"""Speed and memory of selection: `python bench/bench_select.py [--quick]`.

k-center is set against the plain loop over BLAS, against only reading all vectors once per pick (the limit of any loop
that does), and at smaller sizes against the loops that one writes with NumPy or scikit-learn; on one thread and in CPU
seconds, since threads that wait for each other measure the neighbours on a busy machine. Then the whole stage, from
tables to picks with reasons.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sklearn.metrics.pairwise import euclidean_distances
from threadpoolctl import threadpool_limits

from common import growth_exponent, peak_mb, print_machine, print_table, report, run_fresh, time_median
from oddloop.config import CostConfig, SelectConfig
from oddloop.derived_tables import SCENE_VECTORS
from oddloop.select import kcenter, select
from oddloop.select.strategies import FacilityLocation, facility_location_on, similarity_graph

Vectors = npt.NDArray[np.float32]
BUDGET, D, D_STAGE = 1000, 256, 16
SHAPES = {
    "groups": "50 groups in 16 directions, noise in all 256",
    "cloud": "one Gaussian cloud in 16 directions, noise in all 256",
    "ball": "one Gaussian ball in all 256 directions: the triangle inequality rules nothing out",
}
SIZES = (25_000, 50_000, 100_000)
PEER_SIZES = (5_000, 10_000, 20_000)
FACILITY_SIZES, D_FACILITY = (25_000, 50_000, 100_000), 64
STAGE_SIZES = (100_000, 300_000, 1_000_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        kind, _, what = arguments.case.partition(":")
        with threadpool_limits(1):
            measure = {
                "kcenter": measure_kcenter,
                "peers": measure_peers,
                "facility": measure_facility,
                "stage": measure_stage,
            }
            measure[kind](what, arguments.size)
    else:
        compare(10 if arguments.quick else 1)


def compare(divisor: int) -> None:
    print("## Selection\n")
    print_machine("numpy", "scikit-learn", "pyarrow")
    headers = ("vectors", "MB", "s", "BLAS loop s", "reading s", "x BLAS", "x reading", "same picks", "MB more")
    for shape, meaning in SHAPES.items():
        sizes, found = sweep(f"kcenter:{shape}", SIZES, divisor)
        rows = [
            (n, n * D * 4e-6, f["ours_cpu"], f["blas_cpu"], f["read"], f["blas_cpu"] / f["ours_cpu"],
             f["read"] / f["ours_cpu"], f"{f['same']:.1%}", f["more"])
            for n, f in zip(sizes, found, strict=True)
        ]  # fmt: skip
        exponent = growth_exponent(sizes, [f["ours_cpu"] for f in found])
        print_table(f"k-center, {BUDGET:,} of n x {D}: {meaning}; growth exponent {exponent:.2f}", headers, rows)
    sizes, found = sweep("peers:groups", PEER_SIZES, divisor)
    headers = ("vectors", "s", "NumPy differences s", "scikit-learn distances s", "x NumPy", "x scikit-learn")
    rows = []
    for n, f in zip(sizes, found, strict=True):
        ours, ndiff, sklearn = (f[f"{name}_cpu"] for name in ("ours", "numpy", "sklearn"))
        rows.append((n, ours, ndiff, sklearn, ndiff / ours, sklearn / ours))
    print_table(f"k-center, 200 of n x {D}, and the loops that one writes oneself", headers, rows)
    sizes, found = sweep("facility:groups", FACILITY_SIZES, divisor)
    rows = [
        (n, f["graph_cpu"], f["picks_cpu"], f["n_picks"], f["value"], f["by_chance"], f["more"])
        for n, f in zip(sizes, found, strict=True)
    ]
    exponent = growth_exponent(sizes, [f["graph_cpu"] + f["picks_cpu"] for f in found])
    title = f"facility location, 500 of n x {D_FACILITY}, 64 neighbours; growth exponent {exponent:.2f}"
    headers = ("vectors", "graph cpu s", "greedy cpu s", "picks", "value / n", "of random picks", "MB more")
    print_table(title, headers, rows)
    for policy in ("uncertainty", "random", "kcenter"):
        sizes, found = sweep(f"stage:{policy}", STAGE_SIZES, divisor)
        exponent = growth_exponent(sizes, [f["ours_cpu"] for f in found])
        rows = [
            (n, f["ours"], f["ours_cpu"], f["before_mb"], f["peak_mb"] - f["before_mb"])
            for n, f in zip(sizes, found, strict=True)
        ]
        title = f"whole stage, `{policy}`, about {BUDGET:,} picks, vectors of {D_STAGE}; growth exponent {exponent:.2f}"
        print_table(title, ("scenes", "s", "cpu s", "MB before", "MB more at the peak"), rows)


def sweep(case: str, sizes: tuple[int, ...], divisor: int) -> tuple[list[int], list[dict[str, Any]]]:
    smaller = [size // divisor for size in sizes]
    return smaller, [run_fresh(__file__, "--case", case, "--size", size) for size in smaller]


def measure_kcenter(shape: str, n: int) -> None:
    vectors, costs = make_vectors(shape, n, D), np.ones(n)
    before = peak_mb()
    ours = time_median(lambda: kcenter(vectors, costs, BUDGET), runs=1)
    more = peak_mb() - before
    rows = kcenter(vectors, costs, BUDGET).rows
    blas = time_median(lambda: blas_loop(vectors, int(rows[0]), BUDGET), runs=1)
    same = float((blas_loop(vectors, int(rows[0]), BUDGET) == rows).mean())
    read = time_median(lambda: vectors @ vectors[0], runs=9).cpu * BUDGET
    report(ours=ours, blas=blas, read=read, same=same, more=more)


def measure_peers(shape: str, n: int) -> None:
    vectors, costs, budget = make_vectors(shape, n, D), np.ones(n), 200
    first = int(kcenter(vectors, costs, 1).rows[0])
    loops: dict[str, Callable[[], object]] = {
        "ours": lambda: kcenter(vectors, costs, budget),
        "numpy": lambda: loop(vectors, first, budget, lambda c: np.linalg.norm(vectors - c, axis=1)),
        "sklearn": lambda: loop(vectors, first, budget, lambda c: euclidean_distances(vectors, c[None])[:, 0]),
    }
    report(**{name: time_median(run, runs=1) for name, run in loops.items()})


def measure_facility(shape: str, n: int) -> None:
    vectors = make_vectors(shape, n, D_FACILITY)
    before = peak_mb()
    graph = time_median(lambda: similarity_graph(vectors), runs=1)
    more = peak_mb() - before
    similarity = similarity_graph(vectors)
    picks = time_median(lambda: facility_location_on(similarity, 500), runs=1)
    chosen, chance = FacilityLocation.of(similarity), FacilityLocation.of(similarity)
    rows = facility_location_on(similarity, 500).rows.tolist()
    for ours, drawn in zip(rows, np.random.default_rng(0).permutation(n)[: len(rows)].tolist(), strict=True):
        chosen.add(ours)
        chance.add(drawn)
    value, by_chance = float(chosen.best.mean()), float(chance.best.mean())
    report(graph=graph, picks=picks, n_picks=len(rows), value=value, by_chance=by_chance, more=more)


def measure_stage(policy: str, n: int) -> None:
    tables, config = make_tables(n), SelectConfig(policy=policy, budget=BUDGET * 78.0)
    before = peak_mb()

    def run() -> object:
        return select(*tables, None, config, CostConfig(), np.random.default_rng(0))

    report(ours=time_median(run, runs=1), before_mb=before)


def blas_loop(vectors: Vectors, first: int, budget: int) -> npt.NDArray[np.int64]:
    """The plain algorithm: one matrix-vector product per pick."""
    sq_norm = np.einsum("ij,ij->i", vectors, vectors)
    return loop(vectors, first, budget, lambda c: sq_norm - 2.0 * (vectors @ c) + c @ c)


def loop(vectors: Vectors, first: int, budget: int, distance: Callable[[Vectors], Vectors]) -> npt.NDArray[np.int64]:
    rows = [first]
    near = distance(vectors[first])
    while len(rows) < budget:
        rows.append(int(near.argmax()))
        np.minimum(near, distance(vectors[rows[-1]]), out=near)
    return np.array(rows)


def make_vectors(shape: str, n: int, d: int) -> Vectors:
    rng = np.random.default_rng(0)
    centres = 3.0 * rng.normal(size=(50, 16)) if shape == "groups" else np.zeros((1, 16))
    directions, vectors = rng.normal(size=(16, d)) / 4, np.empty((n, d), dtype=np.float32)
    for part in np.array_split(vectors, n // 10_000 + 1):  # so that making the data is not the peak of memory
        part[:] = rng.normal(size=part.shape)
        if shape != "ball":
            latent = centres[rng.integers(0, len(centres), len(part))] + rng.normal(size=(len(part), 16))
            part[:] = 0.1 * part + latent @ directions
    vectors -= vectors.mean(axis=0)
    return vectors


def make_tables(n: int) -> tuple[pa.Table, pa.Array, pa.Table, pa.Table]:
    """Scenes, labelled ids (a twentieth), scene scores and scene vectors."""
    rng = np.random.default_rng(0)
    ids = pa.array([f"scene-{i:08d}" for i in range(n)])
    logs = pa.array([f"log-{i // 20:07d}" for i in range(n)])
    scenes = pa.table({"scene_id": ids, "log_id": logs, "n_frames": rng.integers(50, 250, n)})
    name = "detection_entropy_sum_mean"
    scores = {"scene_id": ids, "n_frames_scored": rng.integers(50, 250, n), "n_objects_sum": rng.integers(0, 3000, n)}
    scores |= {name: rng.random(n), f"{name}_valid": rng.random(n) < 0.95}
    flat = pa.array(make_vectors("groups", n, D_STAGE).ravel())
    vectors = pa.ListArray.from_arrays(pa.array(np.arange(n + 1) * D_STAGE, pa.int32()), flat)
    labelled = ids.take(pa.array(rng.choice(n, n // 20, replace=False)))
    order = rng.permutation(n)
    return scenes.take(order), labelled, pa.table(scores), pa.table([ids, vectors], schema=SCENE_VECTORS.schema())


if __name__ == "__main__":
    main()
