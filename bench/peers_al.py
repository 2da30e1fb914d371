"""Other packages' strategies on the pools of label efficiency: `python bench/peers_al.py POOL,POOL N_SEEDS N_JOBS`.

Prints {pool: {strategy: areas by seed}} as JSON, with `random` to see that this Python draws the same pools. Run by a
Python that has the packages and need not have oddloop; what is not installed is left out. None of them knows costs:
each is asked for as many units as the budget buys on average, and again for what is left. Where a strategy needs a
classifier, it is given the probabilities of the pool's own model, or fits a logistic regression by itself; pools
without probabilities, or without one class a unit, are left to those that need none.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from al_drives import DRIVES
from al_pools import POOLS
from al_run import Ask, CannotRunError, Strategy, area, run, walk

Query = Callable[[Ask, np.ndarray, np.ndarray, int], np.ndarray]
"""(ask, labelled rows, candidates that fit, how many) to rows, best first."""


def main() -> None:
    names, n_seeds, n_jobs = sys.argv[1].split(","), int(sys.argv[2]), int(sys.argv[3])
    found = {}
    for name in names:  # in one process, since some packages compile themselves anew in each
        curves = run({**DRIVES, **POOLS}[name], strategies, range(n_seeds), n_jobs)
        found[name] = {strategy: [area(curve) for curve in own] for strategy, own in curves.items()}
    print(json.dumps(found))


def strategies() -> dict[str, Strategy]:
    """What is installed here, and chance."""
    families = {"modAL": modal, "skactiveml": skactiveml, "small_text": small_text, "lightly_mundig": mundig,
                "apricot": apricot}  # fmt: skip
    found: dict[str, Strategy] = {
        "random": lambda ask: walk(ask.rng.permutation(ask.candidates), ask.costs, ask.budget)
    }
    for package, family in families.items():
        if find_spec(package):
            found |= {name: partial(fill, query) for name, query in family().items()}
    return found


def at_random(ask: Ask) -> np.ndarray:
    return walk(ask.rng.permutation(ask.candidates), ask.costs, ask.budget)


def fill(query: Query, ask: Ask) -> np.ndarray:
    """Ask a strategy for units until nothing fits the budget."""
    taken, left, candidates = ask.candidates[:0], ask.budget, ask.candidates
    while len(candidates := candidates[ask.costs[candidates] <= left + 1e-9]):
        n = min(len(candidates), max(1, round(left / ask.costs[candidates].mean())))
        order = _asked(query, ask, np.concatenate([ask.labelled, taken]), candidates, n)
        picks = walk(order, ask.costs, left)
        if len(picks) == 0:
            break
        taken, left = np.concatenate([taken, picks]), left - float(ask.costs[picks].sum())
        candidates = np.setdiff1d(candidates, picks)
    return taken


def _asked(query: Query, ask: Ask, labelled: np.ndarray, candidates: np.ndarray, n: int) -> np.ndarray:
    """Rows in a strategy's order, without what is no candidate and without repetition, of which some name a few."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            order = np.asarray(query(ask, labelled, candidates, n), dtype=np.int64)
        except CannotRunError:
            raise
        except Exception as error:  # others' code may raise anything; one strategy less is no reason to stop
            print(f"{query} is left out: {error!r}", file=sys.stderr)
            raise CannotRunError from error
    _, first = np.unique(order, return_index=True)
    order = order[np.sort(first)]
    return order[np.isin(order, candidates)]


def modal() -> dict[str, Query]:
    from modAL.batch import uncertainty_batch_sampling
    from modAL.uncertainty import entropy_sampling, margin_sampling

    def query(function: Callable[..., Any], ask: Ask, labelled: np.ndarray, candidates: np.ndarray, n: int):
        return candidates[function(_Known(ask, labelled, candidates), ask.vectors[candidates], n_instances=n)[0]]

    return {
        "modAL entropy": partial(query, entropy_sampling),
        "modAL margin": partial(query, margin_sampling),
        "modAL ranked batch": partial(query, uncertainty_batch_sampling),
    }


class _Known:
    """What modAL asks of a classifier, answered with the probabilities of the pool's own model."""

    on_transformed = False

    def __init__(self, ask: Ask, labelled: np.ndarray, candidates: np.ndarray) -> None:
        if ask.probs is None:
            raise CannotRunError
        self.X_training, self.probs = ask.vectors[labelled], ask.probs[candidates]

    def predict_proba(self, _vectors: np.ndarray) -> np.ndarray:
        return self.probs


_MADE: dict[str, tuple[np.ndarray, Any]] = {}


def skactiveml() -> dict[str, Query]:
    from skactiveml import pool
    from skactiveml.classifier import SklearnClassifier

    def features(make: Callable[..., Any], ask: Ask, labelled: np.ndarray, candidates: np.ndarray, n: int):
        y = np.full(len(ask.costs), np.nan)
        y[labelled] = 0.0
        strategy = make(random_state=int(ask.rng.integers(2**31)))
        return strategy.query(ask.vectors, y, candidates=candidates, batch_size=n)

    def cover(ask: Ask, labelled: np.ndarray, candidates: np.ndarray, n: int):
        # The strategy is kept for a pool, since it finds its radius once; its radii are meant for vectors of length 1.
        kept, strategy = _MADE.get("cover", (None, None))
        if kept is not ask.vectors:
            n_classes = None if ask.probs is None else ask.probs.shape[1]
            strategy = pool.ProbCover(n_classes=n_classes, random_state=0)
            _MADE["cover"] = ask.vectors, strategy
        y = np.full(len(ask.costs), np.nan)
        y[labelled] = 0.0
        return strategy.query(_unit(ask.vectors), y, candidates=candidates, batch_size=n)

    def classes(make: Callable[..., Any], ask: Ask, _labelled: np.ndarray, candidates: np.ndarray, n: int):
        if ask.labels is None or ask.probs is None:
            raise CannotRunError
        y = np.where(ask.labels >= 0, ask.labels.astype(float), np.nan)
        model = SklearnClassifier(LogisticRegression(max_iter=40), classes=np.arange(ask.probs.shape[1]))
        strategy = make(random_state=int(ask.rng.integers(2**31)))
        return strategy.query(ask.vectors, y, model, candidates=candidates, batch_size=n)

    by_features = {"CoreSet": pool.CoreSet, "TypiClust": pool.TypiClust, "MaxHerding": pool.MaxHerding}
    by_classes = {
        "entropy": partial(pool.UncertaintySampling, method="entropy"),
        "margin": partial(pool.UncertaintySampling, method="margin_sampling"),
        "BADGE": pool.Badge,
        "CLUE": pool.Clue,
        "Falcun": pool.Falcun,
        "DropQuery": pool.DropQuery,
        "ContrastiveAL": pool.ContrastiveAL,
    }
    found = {name: partial(features, make) for name, make in by_features.items()}
    found |= {"ProbCover": cover, **{name: partial(classes, make) for name, make in by_classes.items()}}
    return {f"scikit-activeml {name}": query for name, query in found.items()}


def small_text() -> dict[str, Query]:
    from small_text.query_strategies.coresets import greedy_coreset, lightweight_coreset
    from small_text.query_strategies.strategies import EmbeddingKMeans

    def greedy(ask: Ask, labelled: np.ndarray, candidates: np.ndarray, n: int):
        found = greedy_coreset(_unit(ask.vectors), candidates, labelled, n, "euclidean", 100_000, normalized=True)
        return candidates[found]

    def lightweight(ask: Ask, _labelled: np.ndarray, candidates: np.ndarray, n: int):
        np.random.seed(int(ask.rng.integers(2**31)))  # noqa: NPY002  the package draws from the global state
        vectors = ask.vectors[candidates].astype(np.float64)
        mean = _unit(vectors.mean(axis=0, keepdims=True)).ravel()
        own = _unit(vectors) * (1.0 - 1e-9)  # rounding may put a product above 1, of which it takes the arc cosine
        return candidates[lightweight_coreset(own, mean, n, normalized=True)]

    def kmeans(ask: Ask, labelled: np.ndarray, candidates: np.ndarray, n: int):
        return candidates[EmbeddingKMeans().sample(None, None, candidates, labelled, None, n, ask.vectors)]

    return {"small-text GreedyCoreset": greedy, "small-text LightweightCoreset": lightweight,
            "small-text EmbeddingKMeans": kmeans}  # fmt: skip


def mundig() -> dict[str, Query]:
    from lightly_mundig import Selection

    def query(parts: str, ask: Ask, labelled: np.ndarray, candidates: np.ndarray, n: int):
        rows = np.concatenate([labelled, candidates])
        vectors = ask.vectors[rows].tolist()
        chosen = Selection()
        if "diversity" in parts:
            chosen.add_diversifying_strategy(vectors, 1.0)
        if "typicality" in parts:
            alone, near = [[i] for i in range(len(rows))], min(20, len(rows) - 1)
            chosen.add_subpart_typicality_strategy(vectors, alone, 1.0, near)
        if "weights" in parts:
            chosen.add_weighting_strategy((ask.score[rows] / ask.score.max() + 1e-3).tolist(), 1.0)
        found = np.array(chosen.run_selection(list(range(len(labelled))), len(rows), len(labelled) + n), dtype=int)
        return rows[found]

    kinds = ("diversity", "typicality", "diversity and weights", "diversity and typicality")
    return {f"mundig {kind}": partial(query, kind) for kind in kinds}


def apricot() -> dict[str, Query]:
    from apricot import FacilityLocationSelection
    from apricot.functions import facilityLocation

    for name in ("calculate_gains", "calculate_gains_sieve"):  # it compiles them anew in every fit
        setattr(facilityLocation, name, cache(getattr(facilityLocation, name)))

    def facility(ask: Ask, labelled: np.ndarray, candidates: np.ndarray, n: int):
        rows = np.concatenate([labelled, candidates])
        chosen = FacilityLocationSelection(n, "euclidean", optimizer="lazy", initial_subset=np.arange(len(labelled)))
        ranking = np.asarray(chosen.fit(ask.vectors[rows].astype(np.float64)).ranking, dtype=int)
        return rows[ranking]

    return {"apricot facility location": facility}


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


if __name__ == "__main__":
    main()
