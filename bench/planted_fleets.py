"""Fleets of segments whose gaps have a known cause, for the verdict benchmark: models are really trained on them.

A fleet is a world of ten segments with a concept each, a learner that all segments share, labelled scenes in logs, and
held-out logs. What a segment suffers from is built in:

    scarce      the error falls below the target at `more` times the scenes; the truth is read off trainings
                on that many, and the error at 20 times is clearly below the target
    hidden      the labels depend on something that the inputs do not show; at 20 times the error is clearly above
    noisy       the labels are wrong at random, in training and held-out scenes alike
    fine        the error is below the target
    few_test    held-out scenes of three to seven logs, too few to tell

Truth comes from `true_errors`: fresh data sets of up to 20 times the scenes, measured on 4,000 things per segment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.neighbors import KNeighborsRegressor

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CAUSES = ("scarce", "hidden", "noisy", "fine", "few_test")
SHARES = (0.46, 0.24, 0.12, 0.06, 0.12)
N_SEGMENTS, THINGS = 10, 4
MULTIPLES = np.array([1, 1.35, 1.7, 2.3, 3, 4, 5.5, 8, 12, 20])
LEARNERS = ("linear", "forest", "kernel", "neighbours")


@dataclass(frozen=True)
class World:
    """The segments of a fleet, and how their things are drawn and labelled.

    Attributes:
        learner: which learner all segments share.
        causes: (S,) what each segment suffers from.
        n_labelled: (S,) labelled scenes.
        weights: (S,D,H) the concepts.
        phases: (S,H) the same.
        hidden: (S,) strength of what the inputs do not show.
        flips: (S,) share of wrong labels, or their scatter where the labels are lengths.
    """

    learner: str
    causes: tuple[str, ...]
    n_labelled: Ints
    weights: Floats
    phases: Floats
    hidden: Floats
    flips: Floats

    @property
    def is_length(self) -> bool:
        """Whether labels are lengths in metres, and the metric a mean absolute error; else classes and accuracy."""
        return self.learner in ("kernel", "neighbours")


@dataclass(frozen=True)
class Things:
    """Things in scenes: (N,D) inputs, and per thing its segment, scene, log and label."""

    x: Floats
    segment: Ints
    scene: Ints
    log: Ints
    label: Floats

    def take(self, rows: npt.NDArray[np.bool_] | Ints) -> Things:
        """Some of the things."""
        return Things(*(getattr(self, name)[rows] for name in ("x", "segment", "scene", "log", "label")))


def make_world(rng: np.random.Generator, learner: str) -> World:
    """Draw a fleet's segments."""
    causes = rng.choice(CAUSES, N_SEGMENTS, p=SHARES)
    # Two features of wide range for the wavy concepts, many for the flat ones.
    n_inputs = {"linear": 24, "forest": 6, "kernel": 2, "neighbours": 2}[learner]
    n_waves = 1 if learner == "linear" else 3
    base = rng.normal(size=(1, n_inputs, n_waves))
    own = rng.normal(size=(N_SEGMENTS, n_inputs, n_waves))
    weights = (0.6 * base + 0.8 * own) / np.sqrt(n_inputs)
    is_length = learner in ("kernel", "neighbours")
    strong = rng.uniform(0.06, 0.4, N_SEGMENTS) if is_length else rng.uniform(0.25, 0.8, N_SEGMENTS)
    flips = rng.uniform(0.06, 0.4, N_SEGMENTS) if is_length else rng.uniform(0.05, 0.18, N_SEGMENTS)
    return World(
        learner,
        tuple(causes.tolist()),
        np.exp(rng.uniform(np.log(60), np.log(250), N_SEGMENTS)).astype(np.int64),
        weights,
        rng.uniform(0, 2 * np.pi, (N_SEGMENTS, n_waves)),
        np.where(causes == "hidden", strong, 0.0),
        np.where(causes == "noisy", flips, 0.0),
    )


def draw_things(world: World, n_scenes: Ints, scenes_per_log: float, rng: np.random.Generator) -> Things:
    """Draw so many scenes of each segment; the scenes of a log share a shift of their inputs."""
    scene_segment = rng.permutation(np.repeat(np.arange(N_SEGMENTS), n_scenes))
    n_logs = max(int(len(scene_segment) / scenes_per_log), 1)
    scene_log = rng.integers(n_logs, size=len(scene_segment))
    scene = np.repeat(np.arange(len(scene_segment)), THINGS)
    segment, log = scene_segment[scene], scene_log[scene]
    n_inputs = world.weights.shape[1]
    x = rng.normal(size=(len(scene), n_inputs)) + 0.3 * rng.normal(size=(n_logs, n_inputs))[log]
    return Things(x, segment, scene, log, _label(world, x, segment, rng))


def _label(world: World, x: Floats, segment: Ints, rng: np.random.Generator) -> Floats:
    projected = np.einsum("nd,ndh->nh", x, world.weights[segment])
    unseen = world.hidden[segment] * rng.normal(size=len(x))
    if world.learner == "linear":
        signal = projected[:, 0]
    else:
        signal = np.cos(1.6 * projected + world.phases[segment]).sum(axis=1) * 0.8
    signal = signal + unseen
    if world.is_length:
        return 2 * signal + 0.04 * rng.normal(size=len(x)) + 2 * world.flips[segment] * rng.normal(size=len(x))
    wrong = rng.random(len(x)) < np.maximum(world.flips[segment], 0.01)
    return ((signal > 0) ^ wrong).astype(np.float64)


def label_error(world: World) -> Floats:
    """(S,) expected error of the labels themselves, in the unit of the metric."""
    if world.is_length:
        return np.sqrt(2 / np.pi) * np.sqrt(0.04**2 + (2 * world.flips) ** 2)
    return np.maximum(world.flips, 0.01)


def train_and_measure(world: World, training: Things, test: Things, seed: int) -> Floats:
    """(N,) error of each test thing: 1 where the class is wrong, or how far the length is off, in m."""
    predicted = PREDICT[world.learner](training, test, seed)
    off = np.abs(predicted - test.label)
    return off if world.is_length else (off > 0.5).astype(np.float64)


def mean_error(things: Things, error: Floats) -> Floats:
    """(S,) mean error of each segment's things."""
    return np.bincount(things.segment, error, N_SEGMENTS) / np.bincount(things.segment)


def _linear(training: Things, test: Things, seed: int) -> Floats:
    """One ridge classifier over shared inputs and the inputs of each segment."""
    del seed
    features = _crossed(training)
    gram = features.T @ features + 3.0 * np.eye(features.shape[1])
    return (_crossed(test) @ np.linalg.solve(gram, features.T @ (2 * training.label - 1)) > 0).astype(np.float64)


def _crossed(things: Things) -> Floats:
    own = np.zeros((len(things.x), N_SEGMENTS, things.x.shape[1]))
    own[np.arange(len(own)), things.segment] = things.x
    return np.concatenate([things.x, own.reshape(len(own), -1)], axis=1)


def _forest(training: Things, test: Things, seed: int) -> Floats:
    model = ExtraTreesClassifier(10, min_samples_leaf=2, max_features=None, random_state=seed)
    model.fit(_with_segment(training), training.label)
    return model.predict(_with_segment(test))


def _with_segment(things: Things) -> Floats:
    return np.concatenate([things.x, 3 * np.eye(N_SEGMENTS)[things.segment]], axis=1)


def _kernel(training: Things, test: Things, seed: int) -> Floats:
    """Ridge regression on random waves, drawn anew for each training: for all segments, then for what each leaves."""
    rng = np.random.default_rng(seed)
    frequency, phase = rng.normal(size=(training.x.shape[1], 100)) * 1.5, rng.uniform(0, 2 * np.pi, 100)
    seen, asked = (np.cos(things.x @ frequency + phase) for things in (training, test))
    shared = _ridge(seen, training.label)
    rest, predicted = training.label - seen @ shared, asked @ shared
    for segment in range(N_SEGMENTS):
        mine, wanted = training.segment == segment, test.segment == segment
        predicted[wanted] += asked[wanted] @ _ridge(seen[mine], rest[mine])
    return predicted


def _ridge(features: Floats, label: Floats) -> Floats:
    return np.linalg.solve(features.T @ features + 0.3 * np.eye(features.shape[1]), features.T @ label)


def _neighbours(training: Things, test: Things, seed: int) -> Floats:
    """Mean of the five nearest of the same segment."""
    del seed
    far = 100.0
    model = KNeighborsRegressor(min(5, len(training.x)), algorithm="kd_tree")
    model.fit(np.column_stack([training.x, far * training.segment]), training.label)
    return model.predict(np.column_stack([test.x, far * test.segment]))


PREDICT: dict[str, Callable[[Things, Things, int], Floats]] = {
    "linear": _linear,
    "forest": _forest,
    "kernel": _kernel,
    "neighbours": _neighbours,
}


def true_errors(world: World, rng: np.random.Generator, n_sets: int) -> Floats:
    """(S, multiples) expected error at multiples of the labelled scenes: fresh data sets and tests, then smoothed.

    Smoothed by a cubic of log error over log multiple, so that neighbouring multiples steady each other.
    """
    # Large data sets scatter less, so fewer of them do.
    sets = np.maximum(np.ceil(n_sets / np.sqrt(MULTIPLES)).astype(int), min(n_sets, 3))
    total = np.zeros((N_SEGMENTS, len(MULTIPLES)))
    for column, multiple in enumerate(MULTIPLES):
        n = np.maximum((multiple * world.n_labelled).round().astype(np.int64), 1)
        for _ in range(sets[column]):
            training = draw_things(world, n, 8.0, rng)
            test = draw_things(world, np.full(N_SEGMENTS, 4000 // THINGS), 8.0, rng)
            error = train_and_measure(world, training, test, int(rng.integers(1 << 30)))
            total[:, column] += mean_error(test, error)
    x = np.vander(np.log(MULTIPLES), 4) * np.sqrt(sets)[:, None]
    line, *_ = np.linalg.lstsq(x, (np.log(total / sets) * np.sqrt(sets)).T)
    return np.exp(np.vander(np.log(MULTIPLES), 4) @ line).T
