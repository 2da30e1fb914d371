"""Rare groups found, and the speed of finding them: `python bench/bench_clusters.py [--quick] [--peers PYTHON]`.

Recall of rare classes (a group of Jaccard 1/2 at least) by all groups of the default and by the 100 that last longest,
and AMI of its flat partition, beside random labels and k-means; with `--peers` beside HDBSCAN (as fast_hdbscan finds
it), EVoC and Leiden too (`peers_clusters.py`). Then time and memory at three sizes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from pathlib import Path

import hdbscan
import numpy as np
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import adjusted_mutual_info_score

from common import Timing, growth_exponent, peak_mb, print_machine, print_table, report, run_fresh, time_median
from oddloop.config import ClusterConfig
from oddloop.discover.duplicates import near_duplicates
from oddloop.discover.grouping import Groups, find_groups
from planted_clusters import DATA, groups_of, rare_recall, sizes_of

SIZES = (10_000, 100_000, 1_000_000)
D, MOST_HDBSCAN = 256, 10_000
CONFIG = ClusterConfig(min_logs=1)
FIRST = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--peers", help="a Python with fast_hdbscan, evoc, umap and graspologic_native")
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.size:
        measure(arguments.size)
        return
    print("## Clusters\n")
    print_machine("numpy", "faiss-cpu", "hdbscan", "scikit-learn")
    for name in DATA:
        compare(name, arguments.peers)
    speed([size // (10 if arguments.quick else 1) for size in SIZES], arguments.peers)


def compare(name: str, peers: str | None) -> None:
    points, truth = DATA[name](0)
    ours = find_groups(points, config=CONFIG)
    rows = [(f"ours, {len(ours)} groups", *_score(_members(ours), ours.labels, truth))]
    rows.append((f"ours, the {FIRST} that last longest", *_score(_first(ours), ours.labels, truth)))
    rng = np.random.default_rng(0)
    others = {"random, 150 labels": rng.integers(150, size=len(truth))}
    for k in (150, 600):
        others[f"k-means, {k}"] = MiniBatchKMeans(k, n_init=1, random_state=0).fit_predict(points)
    rows += [(label, *_score(groups_of(found), found, truth)) for label, found in others.items()]
    if peers:
        done = subprocess.run([peers, Path(__file__).parent / "peers_clusters.py", name], check=True,
                              stdout=subprocess.PIPE, text=True)  # fmt: skip
        rows += [tuple(row) for row in json.loads(done.stdout.splitlines()[-1])]
    print_table(name, ("method", "rare classes found", "AMI"), rows)


def _score(groups: list[np.ndarray], labels: np.ndarray, truth: np.ndarray) -> tuple[str, float]:
    return "{} of {}".format(*rare_recall(groups, truth)), float(adjusted_mutual_info_score(truth, labels))


def _members(groups: Groups) -> list[np.ndarray]:
    return [groups.members(i) for i in range(len(groups))]


def _first(groups: Groups) -> list[np.ndarray]:
    order = np.lexsort((np.diff(groups.offsets), -groups.persistence))[:FIRST]
    return [groups.members(i) for i in order.tolist()]


def speed(sizes: list[int], peers: str | None) -> None:
    found = [run_fresh(__file__, "--size", size) for size in sizes]
    names = ("duplicates", "ours", "ours_cpu", "hdbscan_cpu", "ratio", "n_groups", "before_mb", "peak_mb")
    found = [{**f, "ratio": f["ours_cpu"] / f["hdbscan_cpu"]} if "hdbscan_cpu" in f else f for f in found]
    rows = [(n, *(f.get(name, "-") for name in names)) for n, f in zip(sizes, found, strict=True)]
    exponent = growth_exponent(sizes, [f["ours_cpu"] + f["duplicates_cpu"] for f in found])
    headers = ("rows", "near-duplicates s", "clusters s", "cpu s", "HDBSCAN cpu s", "ratio", "groups", "MB before")
    headers = (*headers, "peak MB")
    print_table(f"{D} numbers a row; growth exponent {exponent:.2f}", headers, rows)
    if peers:
        rows = []
        for n in sizes[:1]:  # UMAP and HDBSCAN take minutes beyond
            command = [peers, Path(__file__).parent / "peers_clusters.py", "--size", str(n)]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            times = json.loads(done.stdout.splitlines()[-1])
            ours = found[sizes.index(n)]["ours_cpu"]
            rows += [(n, name, seconds, seconds / ours) for name, seconds in times.items()]
        print_table("peers on the same arrays", ("rows", "peer", "cpu s", "times ours"), rows)


def measure(n: int) -> None:
    points = make_points(n, D)
    find_groups(points[:2000], config=CONFIG)  # compiles the loops
    near_duplicates(points[:2000])
    before = peak_mb()
    begun = time.perf_counter(), time.process_time()
    near_duplicates(points)
    duplicates = Timing(time.perf_counter() - begun[0], time.process_time() - begun[1])
    begun = time.perf_counter(), time.process_time()
    groups = find_groups(points, config=CONFIG)
    ours = Timing(time.perf_counter() - begun[0], time.process_time() - begun[1])
    figures: dict[str, float | Timing] = {"ours": ours, "duplicates": duplicates, "n_groups": len(groups)}
    if n <= MOST_HDBSCAN:
        figures["hdbscan"] = time_median(lambda: hdbscan.HDBSCAN(5).fit(points.astype(np.float64)), runs=1)
    report(**figures, before_mb=before)


def make_points(n: int, d: int) -> np.ndarray:
    """Zipf blobs of a class per 300 rows, made part by part so that making them is not the peak of memory."""
    rng = np.random.default_rng(0)
    n_classes = max(50, n // 300)
    truth = np.repeat(np.arange(n_classes), sizes_of(n, n_classes))
    truth = rng.permutation(np.resize(truth, n))
    centres = (0.8 * rng.normal(size=(n_classes, d))).astype(np.float32)
    points = np.empty((n, d), dtype=np.float32)
    for part in np.array_split(np.arange(n), n // 10_000 + 1):
        points[part] = centres[truth[part]] + rng.normal(size=(len(part), d)).astype(np.float32)
    return points


if __name__ == "__main__":
    main()
