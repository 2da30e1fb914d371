"""Small models of the label-efficiency benchmark: a few milliseconds a training, and an uncertainty for every unit.

A unit (scene, sequence, row of a table) holds one or more frames; rows of frames are sorted by unit. numpy and
scikit-learn only, so that the peers' environments can run it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

N_MEMBERS = 4
N_TREES = 8
_ITERATIONS = 40


@dataclass(frozen=True)
class Fitted:
    """What is known after a training.

    Attributes:
        error: on the held-out part, lower is better.
        score: (n,) float64, uncertainty of the model about every unit of the pool, summed over its frames.
        probs: (n, C) float64 class probabilities, mean over a unit's frames; None for a regression.
    """

    error: float
    score: np.ndarray
    probs: np.ndarray | None = None


@dataclass(frozen=True)
class Frames:
    """The frames of units: unit (R,) int64 rising, inputs (R, d), targets (R,) classes or (R, t) numbers."""

    unit: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray

    def of(self, units: np.ndarray) -> np.ndarray:
        """Which frames belong to these units, (R,) bool."""
        return np.isin(self.unit, units)


def classify(pool: Frames, held_out: Frames, rows: np.ndarray, n_classes: int, *, balanced: bool = False) -> Fitted:
    """Logistic regression on the frames of `rows`; error is 1 - accuracy, or 1 - balanced accuracy."""
    mine = pool.of(rows)
    model = _fit_classes(pool.inputs[mine], pool.targets[mine])
    probs = _probs(model, pool.inputs, n_classes)
    entropy = -(probs * np.log(np.maximum(probs, 1e-12))).sum(axis=1)
    right = _probs(model, held_out.inputs, n_classes).argmax(axis=1) == held_out.targets
    weight = 1.0 / np.bincount(held_out.targets, minlength=n_classes)[held_out.targets] if balanced else None
    n = np.bincount(pool.unit)
    mean = np.stack([np.bincount(pool.unit, probs[:, c]) for c in range(n_classes)], axis=1) / n[:, None]
    return Fitted(1.0 - float(np.average(right, weights=weight)), np.bincount(pool.unit, entropy), mean)


def _fit_classes(inputs: np.ndarray, targets: np.ndarray) -> LogisticRegression | int:
    if len(np.unique(targets)) == 1:
        return int(targets[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # few steps on purpose: they regularise, and are quick
        return LogisticRegression(max_iter=_ITERATIONS).fit(inputs, targets)


def _probs(model: LogisticRegression | int, inputs: np.ndarray, n_classes: int) -> np.ndarray:
    """(R, C) probabilities; a class that was never seen has 0."""
    probs = np.zeros((len(inputs), n_classes))
    if isinstance(model, int):
        probs[:, model] = 1.0
    else:
        probs[:, model.classes_] = model.predict_proba(inputs)
    return probs


def regress(pool: Frames, held_out: Frames, rows: np.ndarray, seed: int, penalty: float = 3.0) -> Fitted:
    """Ridge regression on the frames of `rows`; error is the mean over held-out units of their mean distance.

    The uncertainty of a frame is the spread of four more models, each of which weighs the labelled units by chance
    (Bayesian bootstrap).
    """
    mine = pool.of(rows)
    inputs, targets = pool.inputs[mine], pool.targets[mine]
    drawn = np.random.default_rng(seed).exponential(size=(int(pool.unit[-1]) + 1, N_MEMBERS)).astype(np.float32)
    weights = np.concatenate([np.ones((len(inputs), 1), np.float32), drawn[pool.unit[mine]]], axis=1)
    solved = [_ridge(inputs, targets, weights[:, m], penalty) for m in range(N_MEMBERS + 1)]
    missed = np.linalg.norm(held_out.inputs @ solved[0] - held_out.targets, axis=1)
    error = np.bincount(held_out.unit, missed) / np.bincount(held_out.unit)
    forecasts = (pool.inputs @ np.concatenate(solved[1:], axis=1)).reshape(len(pool.unit), N_MEMBERS, -1)
    spread = np.sqrt(forecasts.var(axis=1).sum(axis=1))
    return Fitted(float(error.mean()), np.bincount(pool.unit, spread))


def forest(pool: Frames, held_out: Frames, rows: np.ndarray, seed: int, n_frames: np.ndarray) -> Fitted:
    """Extra-trees on the frames of `rows`; error as in `regress`, uncertainty the spread of the trees.

    `pool` holds some of each unit's frames; the uncertainty is their mean times the unit's `n_frames`, (n,).
    """
    mine = pool.of(rows)
    model = ExtraTreesRegressor(N_TREES, min_samples_leaf=5, max_features=0.5, random_state=seed, n_jobs=1)
    model.fit(pool.inputs[mine], pool.targets[mine])
    missed = np.linalg.norm(model.predict(held_out.inputs) - held_out.targets, axis=1)
    error = np.bincount(held_out.unit, missed) / np.bincount(held_out.unit)
    forecasts = np.stack([tree.predict(pool.inputs) for tree in model.estimators_])
    spread = np.sqrt(forecasts.var(axis=0).sum(axis=1))
    return Fitted(float(error.mean()), n_frames * np.bincount(pool.unit, spread) / np.bincount(pool.unit))


def _ridge(inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray, penalty: float) -> np.ndarray:
    weighted = inputs * weights[:, None]
    gram = weighted.T @ inputs + penalty * np.eye(inputs.shape[1], dtype=inputs.dtype)
    return np.linalg.solve(gram, weighted.T @ targets)


def widened(inputs: np.ndarray, n_more: int, rng: np.random.Generator) -> list[np.ndarray]:
    """A map of inputs (R, d) to (R, 1 + d + n_more) float32, as [mean, scale, directions, offsets]: see `apply_map`."""
    scale = inputs.std(axis=0) + 1e-2
    directions = rng.normal(size=(inputs.shape[1], n_more)) / np.sqrt(inputs.shape[1])
    return [inputs.mean(axis=0), scale, directions, rng.normal(size=n_more)]


def apply_map(inputs: np.ndarray, drawn: list[np.ndarray]) -> np.ndarray:
    """A one, the standardised inputs, and random rectified mixtures of them, by which a ridge is not only linear."""
    mean, scale, directions, offsets = drawn
    scaled = np.clip((inputs - mean) / scale, -5.0, 5.0)
    mixed = np.maximum(scaled @ directions + offsets, 0.0)
    return np.concatenate([np.ones((len(inputs), 1)), scaled, mixed], axis=1).astype(np.float32)
