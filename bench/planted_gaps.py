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
    "scarce": lambda now, far, _wrong: ("data_limited", far * CLEAR, now / VISIBLE),
    "hidden": lambda _now, far, _wrong: ("model_limited", far * 0.5, far / CLEAR),
    # Between what the wrong labels alone explain, and what no amount of such labels reaches.
    "noisy": lambda _now, far, wrong: ("label_noise_limited", max(far * 0.5, (far - wrong) * 1.1), far / CLEAR),
    "fine": lambda now, _far, _wrong: ("ok", now * 1.4, now * 1.8),
    "few_test": lambda now, _far, _wrong: ("eval_limited", now * 0.8, now * 1.25),
}
"""By cause: the right verdict and the range of targets, given the error now, at 20 times the scenes, and of labels."""


def plant_fleet(seed: int, learner: str) -> PlantedFleet:
    """Draw a fleet, measure its truth and its learning curves."""
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(5)]
    world = make_world(streams[0], learner)
    truth = true_errors(world, streams[1], N_SETS[learner])
    verdicts, targets, more = _plant(world, truth, streams[2])
    n, value_sums, supports = _measure(world, streams[3])
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


def _plant(world: World, truth: Floats, rng: np.random.Generator) -> tuple[tuple[str, ...], Floats, Floats]:
    verdicts, targets, more = [], np.zeros(N_SEGMENTS), np.full(N_SEGMENTS, np.nan)
    wrong_labels = label_error(world)
    for segment, cause in enumerate(world.causes):
        now, far = truth[segment, 0], truth[segment, MULTIPLES == 20].item()
        kind, low, high = PLANS[cause](now, far, wrong_labels[segment])
        if low > high:  # the learner is too slow, or too quick, for such a gap
            kind, low, high = PLANS["fine"](now, far, 0.0)
        targets[segment] = target = np.exp(rng.uniform(np.log(low), np.log(high)))
        more[segment] = np.exp(np.interp(-np.log(target), -np.log(truth[segment]), np.log(MULTIPLES), np.nan, np.nan))
        verdicts.append(kind)
    return tuple(verdicts), targets, more


def _measure(world: World, rng: np.random.Generator) -> tuple[Ints, Floats, Floats]:
    labelled = draw_things(world, world.n_labelled, SCENES_PER_LOG, rng)
    test = _held_out(world, rng)
    n_logs = int(test.log.max()) + 1
    cell = test.segment * n_logs + test.log
    supports = np.bincount(cell, minlength=N_SEGMENTS * n_logs).reshape(N_SEGMENTS, n_logs).astype(float)
    places = draw_places(labelled.log[::THINGS], N_SEEDS, rng)
    shape = (N_SEGMENTS, N_SIZES, N_SEEDS)
    n, value_sums = np.zeros(shape, np.int64), np.zeros((*shape, n_logs))
    for k, share in enumerate(np.geomspace(SMALLEST, 1.0, N_SIZES)):
        for seed in range(N_SEEDS):
            training = labelled.take(np.repeat(places[seed] < share, THINGS))
            n[:, k, seed] = np.bincount(training.segment, minlength=N_SEGMENTS) // THINGS
            error = train_and_measure(world, training, test, int(rng.integers(1 << 30)))
            value_sums[:, k, seed] = np.bincount(cell, error, N_SEGMENTS * n_logs).reshape(N_SEGMENTS, n_logs)
    return n, value_sums, supports


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
