"""Plant a gap of known cause in each segment of a fleet, and train the 30 models of its learning curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from oddloop.coverage.diagnosis.subsets import draw_places
from planted_fleets import (
    MULTIPLES,
    N_SEGMENTS,
    THINGS,
    Floats,
    Ints,
    Things,
    World,
    draw_things,
    label_error,
    make_world,
    mean_error,
    train_and_measure,
    true_errors,
)

N_SIZES, N_SEEDS, SMALLEST = 6, 5, 0.1
TEST_SCENES, SCENES_PER_LOG = 600, 8.0


@dataclass(frozen=True)
class PlantedFleet:
    """A fleet with its targets, its measured curves and the truth.

    Attributes:
        learner: which learner the segments share.
        is_length: whether the metric is a mean absolute error in m; else accuracy.
        causes: (S,) what each segment suffers from.
        n_labelled: (S,) labelled scenes.
        verdicts: (S,) the right verdict of each.
        targets: (S,) error to reach.
        more: (S,) scenes at which the expected error reaches the target, as a multiple of the labelled ones; NaN where
            that is not within the multiples that were trained.
        truth: (S, multiples) expected errors.
        n: (S,K,R) scenes of the segment in each training.
        value_sums: (S,K,R,L) errors summed over the things of each held-out log.
        supports: (S,L) things.
        relabelled: (S,) things labelled a second time, with care.
        disagreement: (S,) error of the first labels against the second.
    """

    learner: str
    is_length: bool
    causes: tuple[str, ...]
    n_labelled: Ints
    verdicts: tuple[str, ...]
    targets: Floats
    more: Floats
    truth: Floats
    n: Ints
    value_sums: Floats
    supports: Floats
    relabelled: Ints
    disagreement: Floats


N_SETS = {"linear": 14, "forest": 4, "kernel": 6, "neighbours": 4}
"""Data sets behind the truth at the labelled scenes; larger ones scatter less and have fewer."""

CLEAR, VISIBLE = 1.5, 1.5
PLANS = {
    "scarce": lambda e: ("data_limited", e.far * CLEAR, min(e.now, e.own) / VISIBLE),
    "hidden": lambda e: ("model_limited", e.far * 0.5, min(e.far, e.own) / CLEAR),
    # Between what the wrong labels alone explain, and what no amount of such labels reaches.
    "noisy": lambda e: ("label_noise_limited", max(e.far * 0.5, (e.far - e.wrong) * 1.1), min(e.far, e.own) / CLEAR),
    "fine": lambda e: ("ok", max(e.now, e.own) * 1.4, max(e.now, e.own) * 1.8),
    "few_test": lambda e: ("eval_limited", e.own * 0.8, e.own * 1.25),
}
"""By cause: the right verdict and the range of targets."""


@dataclass(frozen=True)
class Errors:
    """What a segment's target is set by.

    Attributes:
        now: expected error with the labelled scenes.
        far: expected error with 20 times as many.
        own: error of the very model that is judged. Small sets differ in luck by 15 % and more, so that one model may
            meet a target that such models miss on average: then neither verdict would be wrong.
        wrong: error of the labels.
    """

    now: float
    far: float
    own: float
    wrong: float


def plant_fleet(seed: int, learner: str) -> PlantedFleet:
    """Draw a fleet, measure its truth and its learning curves."""
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(6)]
    world = make_world(streams[0], learner)
    truth = true_errors(world, streams[1], N_SETS[learner])
    n, value_sums, supports, own = _measure(world, streams[3], streams[5])
    verdicts, targets, more = plant(world, truth, own, streams[2])
    relabelled, disagreement = _relabel(world, streams[4])
    return PlantedFleet(
        learner,
        world.is_length,
        world.causes,
        world.n_labelled,
        verdicts,
        targets,
        more,
        truth,
        n,
        value_sums,
        supports,
        relabelled,
        disagreement,
    )


def plant(world: World, truth: Floats, own: Floats, rng: np.random.Generator) -> tuple[tuple[str, ...], Floats, Floats]:
    """The right verdict of each segment, its target, and the multiple of scenes that reaches it."""
    verdicts, targets, more = [], np.zeros(N_SEGMENTS), np.full(N_SEGMENTS, np.nan)
    wrong_labels = label_error(world)
    for segment, cause in enumerate(world.causes):
        errors = Errors(truth[segment, 0], truth[segment, MULTIPLES == 20].item(), own[segment], wrong_labels[segment])
        kind, low, high = PLANS[cause](errors)
        if low > high:  # the learner is too slow, or too quick, for such a gap
            kind, low, high = PLANS["fine"](errors)
        targets[segment] = target = np.exp(rng.uniform(np.log(low), np.log(high)))
        more[segment] = np.exp(np.interp(-np.log(target), -np.log(truth[segment]), np.log(MULTIPLES), np.nan, np.nan))
        verdicts.append(kind)
    return tuple(verdicts), targets, more


def _measure(
    world: World, rng: np.random.Generator, fresh_rng: np.random.Generator
) -> tuple[Ints, Floats, Floats, Floats]:
    """Scenes and sums of errors of each training, supports, and the true error of the model that is judged."""
    labelled = draw_things(world, world.n_labelled, SCENES_PER_LOG, rng)
    test = _held_out(world, rng)
    n_logs = int(test.log.max()) + 1
    cell = test.segment * n_logs + test.log
    supports = np.bincount(cell, minlength=N_SEGMENTS * n_logs).reshape(N_SEGMENTS, n_logs).astype(float)
    places = draw_places(labelled.log[::THINGS], N_SEEDS, rng)
    shape = (N_SEGMENTS, N_SIZES, N_SEEDS)
    n, value_sums, own = np.zeros(shape, np.int64), np.zeros((*shape, n_logs)), np.zeros(N_SEGMENTS)
    fresh = draw_things(world, np.full(N_SEGMENTS, 4000 // THINGS), SCENES_PER_LOG, fresh_rng)
    for k, share in enumerate(np.geomspace(SMALLEST, 1.0, N_SIZES)):
        for seed in range(N_SEEDS):
            training = labelled.take(np.repeat(places[seed] < share, THINGS))
            n[:, k, seed] = np.bincount(training.segment, minlength=N_SEGMENTS) // THINGS
            luck = int(rng.integers(1 << 30))
            error = train_and_measure(world, training, test, luck)
            value_sums[:, k, seed] = np.bincount(cell, error, N_SEGMENTS * n_logs).reshape(N_SEGMENTS, n_logs)
            if (k, seed) == (N_SIZES - 1, 0):
                own = mean_error(fresh, train_and_measure(world, training, fresh, luck))
    return n, value_sums, supports, own


def _held_out(world: World, rng: np.random.Generator) -> Things:
    """Held-out scenes; a segment with too few of them has those of three to seven logs only."""
    test = draw_things(world, np.full(N_SEGMENTS, TEST_SCENES), 6 * SCENES_PER_LOG, rng)
    few = np.array([cause == "few_test" for cause in world.causes])
    n_logs = rng.integers(3, 8, N_SEGMENTS)
    return test.take(~few[test.segment] | (test.log < n_logs[test.segment]))


def _relabel(world: World, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Things that were labelled a second time, with care, and how wrong their first labels were."""
    relabelled = rng.integers(60, 200, N_SEGMENTS)
    wrong = label_error(world)
    if world.is_length:
        scatter = wrong / np.sqrt(2 / np.pi)
        found = [np.abs(s * rng.normal(size=n)).mean() for s, n in zip(scatter, relabelled, strict=True)]
        return relabelled, np.array(found)
    return relabelled, rng.binomial(relabelled, wrong) / relabelled
