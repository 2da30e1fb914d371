"""Seconds that active-learning libraries take, by library and measure: `python bench/peers_score.py ROWS`.

Run by a Python that has such libraries and need not have oddloop, on the numbers of `bench_score.measure_arrays`; a
library that is not installed is left out. Each is asked for its scores alone, without ranking, in the layout it wants.
"""

from __future__ import annotations

import collections
import collections.abc
import importlib
import json
import statistics
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Measures = Iterator[tuple[str, Callable[[], object]]]


def modal(probs: Array, members: Array) -> Measures:
    uncertainty, disagreement = (importlib.import_module(f"modAL.{name}") for name in ("uncertainty", "disagreement"))

    class Committee:
        """Members whose predictions are the data."""

        def vote_proba(self, data: Array) -> Array:
            return data

        def __len__(self) -> int:
            return members.shape[1]

        def __iter__(self) -> Iterator[int]:
            return iter(range(len(self)))

    yield "entropy", lambda: uncertainty._proba_entropy(probs)
    yield "least_confidence", lambda: uncertainty._proba_uncertainty(probs)
    yield "margin", lambda: uncertainty._proba_margin(probs)
    yield "consensus", lambda: disagreement.KL_max_disagreement(Committee(), members)


def alipy(probs: Array, members: Array) -> Measures:
    collections.Iterable = collections.abc.Iterable  # its place until Python 3.10
    labels = importlib.import_module("alipy.query_strategy.query_labels")
    labels.nlargestarg = lambda _scores, n: np.arange(n)
    rows, by_member = np.arange(len(probs)), list(members.transpose(1, 0, 2).copy())
    yield "entropy", lambda: labels.QueryInstanceUncertainty.calc_entropy(probs)
    for ours, theirs in {"least_confidence": "least_confident", "margin": "margin"}.items():
        strategy = labels.QueryInstanceUncertainty(measure=theirs)
        yield ours, lambda strategy=strategy: strategy.select_by_prediction_mat(rows, probs)
    yield "bald", lambda: labels.QueryInstanceQBC.calc_avg_KL_divergence(by_member)


def activeml(probs: Array, members: Array) -> Measures:
    pool, by_member = importlib.import_module("skactiveml.pool"), members.transpose(1, 0, 2).copy()
    methods = {"entropy": "entropy", "least_confidence": "least_confident", "margin": "margin_sampling"}
    for ours, theirs in methods.items():
        yield ours, lambda theirs=theirs: pool.uncertainty_scores(probs, method=theirs)
    yield "bald", lambda: pool.average_kl_divergence(by_member)


def small_text(probs: Array, _members: Array) -> Measures:
    strategies = importlib.import_module("small_text.query_strategies")
    model = types.SimpleNamespace(predict_proba=lambda data: data)
    names = {"entropy": "PredictionEntropy", "least_confidence": "LeastConfidence", "margin": "BreakingTies"}
    for ours, theirs in names.items():
        strategy = getattr(strategies, theirs)()
        yield ours, lambda strategy=strategy: strategy.get_confidence(model, probs, None, None, None)


def baal(probs: Array, members: Array) -> Measures:
    declare_torchvision()
    heuristics, last = importlib.import_module("baal.active.heuristics"), members.transpose(0, 2, 1).copy()
    for ours, theirs in {"entropy": "Entropy", "least_confidence": "Certainty", "margin": "Margin"}.items():
        heuristic = getattr(heuristics, theirs)()
        yield ours, lambda heuristic=heuristic: heuristic.compute_score(probs)
    yield "bald", lambda: heuristics.BALD().compute_score(last)


def declare_torchvision() -> None:
    """Let a torchvision built for GPUs be imported beside a torch built for CPUs; BAAL asks it nothing."""
    torch = importlib.import_module("torch")
    declared = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, operator):
            declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(declared)


_declared: list[object] = []
"""Declarations last as long as their library."""
PEERS = {"modAL": modal, "ALiPy": alipy, "scikit-activeml": activeml, "small-text": small_text, "BAAL": baal}


def seconds(function: Callable[[], object]) -> float:
    """Median of three runs, or of as many as begin within five seconds."""
    times: list[float] = []
    while len(times) < 3 and sum(times) < 5:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    warnings.simplefilter("ignore")
    n_rows, rng = int(sys.argv[1]), np.random.default_rng(0)
    probs, members = rng.dirichlet(np.ones(10), n_rows), rng.dirichlet(np.ones(10), (n_rows // 5, 5))
    found: dict[str, dict[str, float]] = {}
    for name, peer in PEERS.items():
        try:
            measures = list(peer(probs, members))
        except ImportError:
            continue
        found[name] = {measure: seconds(function) for measure, function in measures}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
