"""Two arms by halves of their picks: hand-worked numbers, a naive reference, symmetry, and how often it is wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.intervals import HalfSums, difference_interval, difference_of_halves, draw_weights


def one_segment(values: list[list[list[float]]]) -> HalfSums:
    """Values per split, half and log, each of support 1."""
    array = np.array(values)[:, :, None, :]
    return HalfSums(array, np.ones_like(array))


def drawn(rng: np.random.Generator, n_splits: int, n_logs: int, n_segments: int = 3) -> HalfSums:
    shape = (n_splits, 2, n_segments, n_logs)
    supports = rng.integers(1, 9, shape).astype(float)
    return HalfSums(supports * rng.normal(3, 1, shape), supports)


def naive(ours: HalfSums, theirs: HalfSums, segment: int) -> tuple[float, float, float, float]:
    """Difference, luck, what held-out logs add, and degrees of freedom: the definition, read aloud."""

    def ratio(arm: HalfSums, split: int, half: int) -> float:
        return float(arm.values[split, half, segment].sum() / arm.supports[split, half, segment].sum())

    def residual(arm: HalfSums, split: int, half: int, log: int) -> float:
        v, n = arm.values[split, half, segment], arm.supports[split, half, segment]
        return float((v[log] - ratio(arm, split, half) * n[log]) / n.sum())

    n_logs = ours.values.shape[-1]
    scale = n_logs / (n_logs - 1)
    value, luck, shared, mean = [], [], [], []
    for arm in (ours, theirs):
        splits = range(len(arm.values))
        value.append(np.mean([ratio(arm, j, h) for j in splits for h in (0, 1)]))
        luck.append(np.mean([((ratio(arm, j, 0) - ratio(arm, j, 1)) / 2) ** 2 for j in splits]))
        cells = [[(residual(arm, j, 0, k) - residual(arm, j, 1, k)) / 2 for k in range(n_logs)] for j in splits]
        shared.append(scale * np.mean([sum(c**2 for c in row) for row in cells]))
        mean.append([np.mean([residual(arm, j, h, k) for j in splits for h in (0, 1)]) for k in range(n_logs)])
    logs = scale * sum((a - b) ** 2 for a, b in zip(*mean, strict=True))
    held_out = max(logs - sum(shared), logs - sum(luck), 0.0)
    parts = [luck[0] ** 2 / len(ours.values), luck[1] ** 2 / len(theirs.values), held_out**2 / (n_logs - 1)]
    return value[0] - value[1], sum(luck), held_out, (sum(luck) + held_out) ** 2 / sum(parts)


def test_worked_numbers() -> None:
    ours = one_segment([[[1, 3], [2, 2]]])  # halves 2 and 2: no luck
    theirs = one_segment([[[5, 3], [5, 5]]])  # halves 4 and 5: luck ((4 - 5) / 2)² = .25
    found = difference_of_halves(ours, theirs)
    assert (found.ours[0], found.theirs[0], found.luck[0]) == (2, 4.5, 0.25)
    # Mean residuals by log: (-.25, .25) and (.25, -.25); logs = 2 x (.5² + .5²) = 1, and 1 - .25 = .75 beyond the luck.
    assert found.held_out[0] == 0.75
    assert found.freedom[0] == pytest.approx(1 / (0.25**2 / 1 + 0.75**2 / 1))
    assert found.error[0] == 1
    assert found.n_logs[0] == 2


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 4), st.integers(2, 6))
@settings(max_examples=60, deadline=None)
def test_it_is_the_definition(seed: int, n_ours: int, n_theirs: int, n_logs: int) -> None:
    rng = np.random.default_rng(seed)
    ours, theirs = drawn(rng, n_ours, n_logs), drawn(rng, n_theirs, n_logs)
    found = difference_of_halves(ours, theirs)
    for segment in range(3):
        mine = (found.difference[segment], found.luck[segment], found.held_out[segment], found.freedom[segment])
        assert mine == pytest.approx(naive(ours, theirs, segment), abs=1e-12)


@given(st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_swapped_arms_flip_the_sign_and_nothing_else(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ours, theirs = drawn(rng, 3, 5), drawn(rng, 2, 5)
    one, other = difference_of_halves(ours, theirs), difference_of_halves(theirs, ours)
    np.testing.assert_allclose(one.difference, -other.difference, rtol=1e-12)
    np.testing.assert_allclose(one.half_width(0.95), other.half_width(0.95), rtol=1e-12)
    np.testing.assert_allclose(one.p_value(), other.p_value(), rtol=1e-9)


@given(st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_no_order_of_logs_splits_or_halves_matters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arms = drawn(rng, 4, 6), drawn(rng, 4, 6)
    logs, splits = rng.permutation(6), rng.permutation(4)
    moved = [HalfSums(*(x[splits][:, ::-1][..., logs] for x in (arm.values, arm.supports))) for arm in arms]
    before, after = difference_of_halves(*arms), difference_of_halves(*moved)
    for name in ("ours", "theirs", "luck", "held_out", "freedom"):
        np.testing.assert_allclose(getattr(before, name), getattr(after, name), rtol=1e-9)


def test_an_arm_against_itself_differs_by_nothing() -> None:
    arm = drawn(np.random.default_rng(0), 3, 8)
    found = difference_of_halves(arm, arm)
    assert (found.difference == 0).all()
    assert found.p_value() == pytest.approx([1, 1, 1])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ([[[1, 1], [1, 1]]], [[[2, 2], [2, 2]]]),  # nothing varies: no training differs, no log does
        ([[[1], [2]]], [[[3], [4]]]),  # one log says nothing of others
    ],
)
def test_without_a_measure_of_luck_there_is_no_interval(
    ours: list[list[list[float]]], theirs: list[list[list[float]]]
) -> None:
    found = difference_of_halves(one_segment(ours), one_segment(theirs))
    assert math.isnan(found.half_width(0.95)[0])
    assert found.p_value()[0] == 1


def test_what_logs_add_is_the_limit_of_the_paired_bootstrap() -> None:
    # Trainings that do not differ between halves: only logs are left, and the variance is that of the bootstrap.
    rng = np.random.default_rng(1)
    one, two = (rng.normal(m, 1, (1, 40)) for m in (3.0, 3.2))
    arms = [HalfSums(np.broadcast_to(v, (2, 2, 1, 40)), np.ones((2, 2, 1, 40))) for v in (one, two)]
    found = difference_of_halves(*arms)
    weights = draw_weights(40, 20_000, rng)
    low, high = difference_interval(one, np.ones((1, 40)), two, np.ones((1, 40)), weights, 0.6827)
    assert found.luck[0] == 0
    assert found.error[0] == pytest.approx((high[0] - low[0]) / 2, rel=0.04)


def test_the_interval_covers_what_it_says() -> None:
    """Values of known make: luck of 40 picks, chance of trainings, logs that differ; 95 % hold the true difference."""
    rng = np.random.default_rng(2)
    n_splits, n_logs, n_picks, inside, n_runs = 3, 30, 40, 0, 600
    for _ in range(n_runs):
        base, extra = rng.normal(3, 1, n_logs), rng.normal(0.2, 0.3, n_logs)  # a true difference of .2
        arms = []
        for gain in (np.zeros(n_logs), extra):
            pull = rng.normal(0, 1.5, n_picks)  # what each pick does to the model
            splits = [rng.permutation(n_picks).reshape(2, -1) for _ in range(n_splits)]
            means = np.array([[pull[half].mean() for half in split] for split in splits])
            noise = rng.normal(0, 0.05, means.shape)
            values = (base + gain)[None, None, None] + (means + noise)[..., None, None]
            arms.append(HalfSums(values, np.ones_like(values)))
        found = difference_of_halves(arms[1], arms[0])
        inside += abs(found.difference[0] - 0.2) <= found.half_width(0.95)[0]
    assert 0.93 <= inside / n_runs <= 0.99
