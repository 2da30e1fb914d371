"""What other packages find of rare classes, and their time: `python bench/peers_clusters.py NAME | --size N`.

Run by a Python that has them and need not have oddloop. A package that is not installed is left out.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import time
import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.metrics import adjusted_mutual_info_score

from planted_clusters import DATA, groups_of, rare_recall

Labels = Iterator[tuple[str, np.ndarray]]


def main() -> None:
    warnings.simplefilter("ignore")
    if sys.argv[1] == "--size":
        print(json.dumps(dict(timed(make_points(int(sys.argv[2]))))))
        return
    points, truth = DATA[sys.argv[1]](0)
    rows = []
    for method in (fast_hdbscan, evoc, leiden):
        for name, labels in method(points):
            found = "{} of {}".format(*rare_recall(groups_of(labels), truth))
            rows.append((name, found, float(adjusted_mutual_info_score(truth, labels))))
    print(json.dumps(rows))


def fast_hdbscan(points: np.ndarray) -> Labels:
    if module := _module("fast_hdbscan"):
        for least in (5, 15):
            yield f"fast_hdbscan, min_cluster_size {least}", module.HDBSCAN(min_cluster_size=least).fit_predict(points)
        leaf = module.HDBSCAN(min_cluster_size=5, cluster_selection_method="leaf")
        yield "fast_hdbscan, leaves", leaf.fit_predict(points)


def evoc(points: np.ndarray) -> Labels:
    if module := _module("evoc"):
        model = module.EVoC(random_state=0)
        model.fit(points)
        for number, labels in enumerate(model.cluster_layers_):
            yield f"EVoC, layer {number}", np.asarray(labels)


def leiden(points: np.ndarray) -> Labels:
    if (module := _module("graspologic_native")) and (faiss := _module("faiss")):
        index = faiss.IndexFlatL2(points.shape[1])
        index.add(points)
        near = index.search(points, 17)[1]
        edges = [(str(i), str(j), 1.0) for i, row in enumerate(near.tolist()) for j in row if i != j]
        for resolution in (1.0, 10.0):
            _, found = module.leiden(edges=edges, starting_communities=None, resolution=resolution, randomness=0.001,
                                     iterations=1, use_modularity=True, seed=1, trials=1)  # fmt: skip
            yield (
                f"16 neighbours and Leiden, resolution {resolution:g}",
                np.array([found.get(str(i), -1) for i in range(len(points))]),
            )


def timed(points: np.ndarray) -> Iterator[tuple[str, float]]:
    for name, work in (("EVoC", lambda p: list(evoc(p))), ("UMAP and HDBSCAN", umap_hdbscan)):
        if _module("umap" if name.startswith("UMAP") else "evoc"):
            work(points[:2000])  # compiles
            start = time.process_time()
            work(points)
            yield name, time.process_time() - start


def umap_hdbscan(points: np.ndarray) -> None:
    umap, hdbscan = _module("umap"), _module("hdbscan")
    hdbscan.HDBSCAN(min_cluster_size=5).fit(umap.UMAP(n_components=5, min_dist=0.0).fit_transform(points))


def make_points(n: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = 0.8 * rng.normal(size=(max(50, n // 300), 256))
    return (centres[rng.integers(len(centres), size=n)] + rng.normal(size=(n, 256))).astype(np.float32)


def _module(name: str):
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


if __name__ == "__main__":
    main()
