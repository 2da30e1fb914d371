"""Pools of the label-efficiency benchmark that need no file: `POOLS[name](seed)`.

Each seed draws its own split, start and, where data is generated, data. Nothing held out is ever in a pool. The pools
of driving data are in `al_drives.py`; both modules run without oddloop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

from al_models import Fitted, Frames, apply_map, classify, regress, widened

Fit = Callable[[np.ndarray, int], Fitted]


@dataclass(frozen=True)
class AlPool:
    """Units that may be labelled, and what a labelled set is worth.

    Attributes:
        name: of the pool.
        unit: what is labelled, such as "scenes".
        error_name: what is measured on the held-out part.
        vectors: (n, d) float32.
        costs: (n,) float64, above 0.
        first: rows that the start is drawn from.
        n_start: how many rows are labelled at the start.
        steps: rising costs beyond the start at which the model is trained again.
        fit: (rows, seed) to what is known when these rows are labelled.
        segments: (n,) str, a value of the operational design domain for each unit; None without.
        n_objects: (n,) float64 objects that a detector reports; None without.
        labels: (n,) int64 true class, for strategies that train a model of their own; None where a unit has no class.
    """

    name: str
    unit: str
    error_name: str
    vectors: np.ndarray
    costs: np.ndarray
    first: np.ndarray
    n_start: int
    steps: tuple[float, ...]
    fit: Fit = field(repr=False)
    segments: np.ndarray | None = None
    n_objects: np.ndarray | None = None
    labels: np.ndarray | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.costs)

    def start(self, rng: np.random.Generator) -> np.ndarray:
        """Rows labelled at the beginning, rising."""
        return np.sort(rng.permutation(self.first)[: self.n_start])


def geometric(costs: np.ndarray, first: float, last: float, n: int) -> tuple[float, ...]:
    """Budgets from a first to a last share of all costs, each the same factor above the one before."""
    return tuple(float(step) for step in np.round(costs.sum() * np.geomspace(first, last, n), 6))


def digits(seed: int) -> AlPool:
    data = load_digits()
    return _table("digits", data.data / 16.0, data.target, seed, n_pool=1197, n_start=10,
                  steps=(10, 20, 40, 80, 160, 320))  # fmt: skip


def cancer(seed: int) -> AlPool:
    data = load_breast_cancer()
    return _table("breast cancer", _standard(data.data), data.target, seed, n_pool=369, n_start=4,
                  steps=(4, 8, 16, 32, 64, 128))  # fmt: skip


def wine(seed: int) -> AlPool:
    data = load_wine()
    return _table("wine", _standard(data.data), data.target, seed, n_pool=98, n_start=3, steps=(3, 6, 12, 24, 48))


def _standard(inputs: np.ndarray) -> np.ndarray:
    return (inputs - inputs.mean(axis=0)) / inputs.std(axis=0)


def _table(name: str, inputs: np.ndarray, targets: np.ndarray, seed: int, *, n_pool: int, n_start: int,
           steps: tuple[int, ...]) -> AlPool:  # fmt: skip
    """A classification whose units are rows of cost 1."""
    order = np.random.default_rng([seed, 1]).permutation(len(targets))
    pool, held_out = (
        Frames(np.arange(len(rows)), inputs[rows], targets[rows]) for rows in (order[:n_pool], order[n_pool:])
    )
    n_classes = int(targets.max()) + 1
    return AlPool(
        name=name,
        unit="rows",
        error_name="1 - accuracy",
        vectors=pool.inputs.astype(np.float32),
        costs=np.ones(n_pool),
        first=np.arange(n_pool),
        n_start=n_start,
        steps=tuple(map(float, steps)),
        fit=lambda rows, _seed: classify(pool, held_out, rows, n_classes),
        labels=pool.targets,
    )


def diabetes(seed: int) -> AlPool:
    data = load_diabetes()
    inputs, targets = _standard(data.data), _standard(data.target)[:, None].astype(np.float32)
    rng = np.random.default_rng([seed, 1])
    order = rng.permutation(len(targets))
    mapped = apply_map(inputs, widened(inputs, 20, rng))
    pool, held_out = (Frames(np.arange(len(r)), mapped[r], targets[r]) for r in (order[:292], order[292:]))
    return AlPool(
        name="diabetes",
        unit="rows",
        error_name="mean absolute error",
        vectors=inputs[order[:292]].astype(np.float32),
        costs=np.ones(292),
        first=np.arange(292),
        n_start=5,
        steps=(5.0, 10.0, 20.0, 40.0, 80.0, 140.0),
        fit=lambda rows, own: regress(pool, held_out, rows, own),
    )


def zipf(seed: int, n_classes: int = 20, n_pool: int = 2000, d: int = 16) -> AlPool:
    """Classes of sizes 1, 1/2, 1/3 ...; every class counts the same in the held-out part."""
    rng = np.random.default_rng([seed, 2])
    share = 1.0 / np.arange(1, n_classes + 1) ** 1.3
    centres = rng.normal(size=(n_classes, d)) * 1.1
    truth = rng.choice(n_classes, size=n_pool, p=share / share.sum())
    asked = np.repeat(np.arange(n_classes), 60)
    pool, held_out = (Frames(np.arange(len(t)), centres[t] + rng.normal(size=(len(t), d)), t) for t in (truth, asked))
    return AlPool(
        name="20 classes of Zipf sizes",
        unit="rows",
        error_name="1 - balanced accuracy",
        vectors=pool.inputs.astype(np.float32),
        costs=np.ones(n_pool),
        first=np.arange(n_pool),
        n_start=20,
        steps=(20.0, 40.0, 80.0, 160.0, 320.0, 640.0),
        fit=lambda rows, _seed: classify(pool, held_out, rows, n_classes, balanced=True),
        labels=truth,
    )


def sequences(seed: int, n_units: int = 240, n_places: int = 60) -> AlPool:
    """Sequences of 20 to 60 frames of digits: few images each, held for long, and places that are driven again.

    A place is four images; a sequence passes one to three of its place's and shows each many times with a little noise.
    Places are visited by Zipf's law.
    """
    data, rng = load_digits(), np.random.default_rng([seed, 3])
    order = rng.permutation(len(data.target))
    held_out = Frames(np.arange(700), data.data[order[:700]] / 16.0, data.target[order[:700]])
    images = order[700 : 700 + 4 * n_places].reshape(n_places, 4)
    share = 1.0 / np.arange(1, n_places + 1)
    place = rng.choice(n_places, size=n_units, p=share / share.sum())
    length = rng.integers(20, 61, size=n_units)
    unit = np.repeat(np.arange(n_units), length)
    # Which of the place's images a frame shows: it only moves forward, and not every sequence gets to the end.
    part = np.concatenate([np.sort(rng.integers(rng.integers(1, 4), size=n)) for n in length.tolist()])
    shown = images[place[unit], (part + rng.integers(4, size=n_units)[unit]) % 4]
    pool = Frames(unit, data.data[shown] / 16.0 + 0.05 * rng.normal(size=(len(unit), 64)), data.target[shown])
    mean = np.stack([np.bincount(unit, pool.inputs[:, k]) for k in range(64)], axis=1) / length[:, None]
    costs = length.astype(np.float64)
    return AlPool(
        name="redundant sequences",
        unit="sequences",
        error_name="1 - accuracy",
        vectors=mean.astype(np.float32),
        costs=costs,
        first=np.arange(n_units),
        n_start=3,
        steps=geometric(costs, 0.015, 0.4, 6),
        fit=lambda rows, _seed: classify(pool, held_out, rows, 10),
    )


POOLS: dict[str, Callable[[int], AlPool]] = {
    "digits": digits,
    "cancer": cancer,
    "wine": wine,
    "diabetes": diabetes,
    "zipf": zipf,
    "sequences": sequences,
}
