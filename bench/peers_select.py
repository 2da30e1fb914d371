"""Other packages pick from the same arrays: `python bench/peers_select.py VECTORS.npy BUDGET NAME`, or `--list`.

Prints the CPU seconds and the rows as JSON. Run by a Python that has the packages and need not have oddloop.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

Pick = Callable[[np.ndarray, int], np.ndarray]


def mundig(vectors: np.ndarray, budget: int) -> np.ndarray:
    from lightly_mundig import Selection

    chosen = Selection()
    chosen.add_diversifying_strategy(vectors.tolist(), 1.0)
    return np.array(chosen.run_selection([], len(vectors), budget))


def core_set(vectors: np.ndarray, budget: int) -> np.ndarray:
    from skactiveml.pool import CoreSet

    labels = np.full(len(vectors), np.nan)
    labels[0] = 0.0
    return np.asarray(CoreSet(random_state=0).query(vectors, labels, batch_size=budget))


def greedy_coreset(vectors: np.ndarray, budget: int) -> np.ndarray:
    from small_text.query_strategies.coresets import greedy_coreset as pick

    rows = np.arange(1, len(vectors))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(rows[pick(unit, rows, np.array([0]), budget, "euclidean", 100, normalized=True)])


def ranked_batch(vectors: np.ndarray, budget: int) -> np.ndarray:
    from modAL.batch import ranked_batch as pick

    class Known:
        X_training, on_transformed = vectors[:1], False

    doubt = np.random.default_rng(0).random(len(vectors))
    return np.ravel(pick(Known(), vectors, doubt, budget, "euclidean", 1)).astype(int)


def apricot(vectors: np.ndarray, budget: int) -> np.ndarray:
    from apricot import FacilityLocationSelection

    return np.asarray(FacilityLocationSelection(budget, "euclidean", n_neighbors=64).fit(vectors).ranking)


def submodlib(vectors: np.ndarray, budget: int) -> np.ndarray:
    from submodlib import FacilityLocationFunction

    found = FacilityLocationFunction(
        n=len(vectors), mode="sparse", data=vectors, metric="euclidean", num_neighbors=64
    ).maximize(budget, "LazyGreedy", show_progress=False)
    return np.array([row for row, _ in found])


PEERS: dict[str, tuple[str, Pick]] = {
    "mundig diversity": ("lightly_mundig", mundig),
    "scikit-activeml CoreSet": ("skactiveml", core_set),
    "small-text GreedyCoreset": ("small_text", greedy_coreset),
    "modAL ranked batch": ("modAL", ranked_batch),
    "apricot facility location": ("apricot", apricot),
    "submodlib facility location": ("submodlib", submodlib),
}


def main() -> None:
    if sys.argv[1] == "--list":
        print(json.dumps([name for name, (package, _) in PEERS.items() if find_spec(package)]))
        return
    vectors, budget = np.load(sys.argv[1]), int(sys.argv[2])
    pick = PEERS[sys.argv[3]][1]
    warnings.simplefilter("ignore")
    pick(vectors[:200], 3)  # compiles what compiles itself
    begun = time.process_time(), time.perf_counter()
    rows = pick(vectors, budget)
    figures = {"cpu": time.process_time() - begun[0], "s": time.perf_counter() - begun[1], "n": len(set(rows.tolist()))}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
