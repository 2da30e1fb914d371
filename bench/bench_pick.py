"""Selection from vectors at size, beside other packages: `python bench/bench_pick.py [--quick] [--peers PYTHON ...]`.

The same arrays for all, each strategy in a process of its own, CPU seconds; a peer that takes longer than a minute
at a size is stopped, and not asked at larger ones. Then a million vectors.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from bench_select import make_vectors
from common import Timing, growth_exponent, peak_mb, print_machine, print_table, report, run_fresh
from oddloop.select import kcenter
from oddloop.select.gap_driven import gap_driven
from oddloop.select.strategies import facility_location

SIZES = ((20_000, 64, 500), (100_000, 64, 500), (100_000, 256, 1_000))
LARGE = ((100_000, 256, 1_000), (300_000, 256, 3_000), (1_000_000, 256, 10_000))
OURS = ("k-center", "facility location", "gap_driven")
PATIENCE_S = 60
HERE = Path(__file__).parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--peers", action="append", default=[], help="a Python with other packages")
    parser.add_argument("--case", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        name, *numbers = arguments.case
        measure(name, *map(int, numbers))
        return
    divisor = 10 if arguments.quick else 1
    print("## Selection at size\n")
    print_machine("numpy", "faiss-cpu")
    against_peers([(n // divisor, d, k // divisor) for n, d, k in SIZES], arguments.peers)
    grow([(n // divisor, d, k // divisor) for n, d, k in LARGE])


def against_peers(sizes: list[tuple[int, int, int]], pythons: list[str]) -> None:
    found: dict[str, list[dict[str, float] | None]] = {name: [ours(name, *size) for size in sizes] for name in OURS}
    for python in pythons:
        listed = subprocess.run(
            [python, HERE / "peers_select.py", "--list"], check=True, capture_output=True, text=True
        )
        for name in json.loads(listed.stdout):
            found[name] = _ask(python, name, sizes)
    headers = ("strategy", *(f"{k:,} of {n:,} x {d}: cpu s" for n, d, k in sizes), "x k-center at each")
    rows = []
    for name, figures in found.items():
        times = [f["cpu"] if f else None for f in figures]
        ratios = [
            f"{t / base['cpu']:.1f}" if t and base else "-" for t, base in zip(times, found["k-center"], strict=True)
        ]
        rows.append(
            (name, *(f"{t:.2f}" if t is not None else f"over {PATIENCE_S}, or fails" for t in times), ", ".join(ratios))
        )
    print_table("the same arrays", headers, rows)


def _ask(python: str, name: str, sizes: list[tuple[int, int, int]]) -> list[dict[str, float] | None]:
    figures: list[dict[str, float] | None] = []
    for n, d, k in sizes:
        if figures and figures[-1] is None:
            figures.append(None)
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "vectors.npy"
            np.save(path, make_vectors("groups", n, d))
            command = [python, HERE / "peers_select.py", path, str(k), name]
            try:
                done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE_S)
                figures.append(json.loads(done.stdout.splitlines()[-1]))
            except subprocess.TimeoutExpired:
                figures.append(None)
            except subprocess.CalledProcessError as error:  # others' code may fail anyhow; that is told too
                print(f"- {name} fails: {error.stderr.strip().splitlines()[-1]:.100}\n")
                return [None] * len(sizes)
    return figures


def grow(sizes: list[tuple[int, int, int]]) -> None:
    for name in OURS:
        figures = [ours(name, *size) for size in sizes]
        exponent = growth_exponent([n for n, _, _ in sizes], [f["cpu"] for f in figures])
        rows = [(n, k, f["picked"], f["s"], f["cpu"], n * d * 4e-6, f["peak_mb"] - f["before_mb"])
                for (n, d, k), f in zip(sizes, figures, strict=True)]  # fmt: skip
        headers = ("vectors", "wanted", "picked", "s", "cpu s", "MB of data", "MB more at the peak")
        print_table(f"{name}, a hundredth of n x 256; growth exponent {exponent:.2f}", headers, rows)


def ours(name: str, n: int, d: int, k: int) -> dict[str, float]:
    found = run_fresh(__file__, "--case", name, n, d, k)
    return {**found, "cpu": found["took_cpu"], "s": found["took"]}


def measure(name: str, n: int, d: int, k: int) -> None:
    vectors = make_vectors("groups", n, d)
    pick(name, vectors[:2000], 10)
    before = peak_mb()
    begun = time.perf_counter(), time.process_time()
    rows = pick(name, vectors, k)
    took = Timing(time.perf_counter() - begun[0], time.process_time() - begun[1])
    report(took=took, before_mb=before, picked=len(rows))


def pick(name: str, vectors: np.ndarray, k: int) -> np.ndarray:
    if name == "k-center":
        return kcenter(vectors, np.ones(len(vectors)), k).rows
    if name == "facility location":
        return facility_location(vectors, k).rows
    score = np.random.default_rng(1).random(len(vectors))
    return gap_driven(vectors, k, score=score, rng=np.random.default_rng(0)).picks.rows


if __name__ == "__main__":
    main()
