"""Candidates of the slice search against a loop over all of them, and their p-values against exact fractions."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import comb, exp

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from oddloop.config import AttributeConfig, SlicesConfig
from oddloop.coverage import encode_attributes
from oddloop.coverage.cube.cells import decode
from oddloop.coverage.slices.candidates import count_candidates
from oddloop.coverage.slices.decide import adjust
from oddloop.coverage.slices.expected import ExpectedByChance, expect_by_chance
from oddloop.coverage.slices.rows import scenes_of, scenes_per_log
from oddloop.coverage.slices.tails import inflate, log_upper_tail

TAXONOMY = {"sky": AttributeConfig(), "light": AttributeConfig(), "agents": AttributeConfig(kind="multilabel")}


def exact_tail(k: int, n: int, errors: int, trials: int) -> float:
    ways = sum(comb(errors, j) * comb(trials - errors, n - j) for j in range(max(k, 0), min(n, errors) + 1))
    return float(Fraction(ways, comb(trials, n)))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_tails_are_sums_of_binomials(data) -> None:
    trials = data.draw(st.integers(1, 300))
    n, errors = data.draw(st.integers(0, trials)), data.draw(st.integers(0, trials))
    k = data.draw(st.integers(-1, min(n, errors) + 2))
    expected = exact_tail(k, n, errors, trials)
    assert exp(log_upper_tail(k, n, errors, trials)) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_tails_equal_scipy_where_many_are_counted() -> None:
    rng = np.random.default_rng(0)
    n = rng.integers(1, 5_000, 500)
    k = np.minimum(n // 20 + rng.integers(0, 40, 500), n)
    expected = hypergeom.logsf(k - 1, 20_000, 1_000, n)
    is_told = np.isfinite(expected) & (expected > -600)
    assert is_told.sum() > 450
    np.testing.assert_allclose(log_upper_tail(k, n, 1_000, 20_000)[is_told], expected[is_told], rtol=1e-6, atol=1e-9)


def test_a_tail_far_below_the_smallest_number_still_has_its_logarithm() -> None:
    assert -1e6 < log_upper_tail(90_000, 100_000, 100_000, 1_000_000) < -1e5
    # 300 standard deviations, of a variance 10,000 times that of chance, are 3.
    assert exp(inflate(log_upper_tail(95_000, 100_000, 500_000, 1_000_000), 1e4)) == pytest.approx(0.0013, abs=2e-3)


def test_no_design_effect_changes_nothing_and_a_larger_one_raises_every_p_value() -> None:
    tails = np.log([1e-300, 1e-9, 0.01, 0.4, 1.0])
    assert inflate(tails, 1.0).tolist() == tails.tolist()
    assert (inflate(tails, 1.5)[:4] > tails[:4]).tolist() == [True, True, True, True]


@pytest.mark.parametrize(("errors", "trials"), [(60, 1_000), (3, 400), (400, 400), (1, 30)])
def test_expected_by_chance_is_the_sum_of_attained_p_values(errors: int, trials: int) -> None:
    n = np.random.default_rng(1).integers(1, trials // 2, 40)
    chance = expect_by_chance(n.astype(float), errors, trials, np.ones(len(n)), 0.05)
    for t in (0.05, 0.011, 0.003, 1e-4):
        attained = []
        for size in n.tolist():
            p = [exact_tail(k, size, errors, trials) for k in range(1, min(size, errors) + 1)]
            attained.append(max((x for x in p if x <= t), default=0.0))
        # Values below 1e-3 x 0.05 / 40 are not told apart, which adds that much for each segment.
        assert sum(attained) - 1e-9 <= chance(np.log([t]))[0] <= sum(attained) + 0.05e-3 + 1e-9


def test_uniform_p_values_are_adjusted_as_benjamini_and_hochberg_do() -> None:
    p = np.array([0.001, 0.02, 0.0011, 0.9, 0.04])
    found = adjust(np.log(p), ExpectedByChance(np.empty(0), np.zeros(1), 5), 0.05)
    # 0.0011 x 5 / 2 is less than 0.001 x 5 / 1; all over 1 - q
    expected = np.array([0.0011 * 5 / 2, 0.02 * 5 / 3, 0.0011 * 5 / 2, 0.95, 0.04 * 5 / 4]) / 0.95
    np.testing.assert_allclose(found, expected)


def lake(seed: int, n: int = 60):
    rng = np.random.default_rng(seed)
    tags = [rng.choice(["car", "bus", "bike"], size, replace=False).tolist() for size in rng.integers(0, 3, n)]
    table = pa.table(
        {
            "sky": rng.choice(["dry", "rain", None], n).tolist(),
            "light": rng.choice(["day", "night"], n, p=[0.8, 0.2]).tolist(),
            "agents": tags,
        }
    )
    trials = rng.integers(1, 5, n).astype(float)
    return encode_attributes(table, TAXONOMY), rng.integers(0, 9, n), trials, np.floor(trials * rng.random(n))


def values_of(encoded, scene: int) -> list[set[str]]:
    found = []
    for a in encoded.attributes:
        codes = a.codes[[scene]] if a.offsets is None else a.codes[a.offsets[scene] : a.offsets[scene + 1]]
        found.append({a.values[c] for c in codes})
    return found


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_all_candidates_equal_a_loop_over_scenes(seed: int) -> None:
    encoded, logs, trials, errors = lake(seed)
    halves = logs % 2
    found = count_candidates(encoded, logs, halves, trials, errors, 3)
    expected: dict[tuple, list[int]] = {}
    for scene in range(len(logs)):
        values = values_of(encoded, scene)
        for way in range(4):
            for chosen in itertools.combinations(range(3), way):
                for combination in itertools.product(*(values[a] for a in chosen)):
                    expected.setdefault((chosen, combination), []).append(scene)
    assert len(found.numbers) == len(expected)
    names = {}
    for place, (number, set_of) in enumerate(zip(found.numbers, found.set_of, strict=True)):
        chosen = found.sets[set_of]
        codes = decode(np.array([number]), tuple(len(encoded.attributes[a].values) for a in chosen))[0]
        key = chosen, tuple(encoded.attributes[a].values[c] for a, c in zip(chosen, codes, strict=True))
        names[key] = place
        rows = np.array(expected[key])
        assert np.flatnonzero(scenes_of(encoded, found, place)).tolist() == rows.tolist()
        for half in (0, 1):
            mine = rows[halves[rows] == half]
            counted = (found.n_scenes, found.n_logs, found.trials, found.errors)
            brute = (len(mine), len(set(logs[mine])), trials[mine].sum(), errors[mine].sum())
            assert tuple(c[place, half] for c in counted) == brute
    for (chosen, values), place in names.items():
        parents = {names[chosen[:i] + chosen[i + 1 :], values[:i] + values[i + 1 :]] for i in range(len(chosen))}
        assert set(found.parents[place].tolist()) - {-1} == parents
        is_again = any(len(expected[key]) == len(expected[chosen, values]) for key, p in names.items() if p in parents)
        is_enough = len(expected[chosen, values]) >= 4 and len(set(logs[expected[chosen, values]])) >= 2
        wanted = bool(chosen) and is_enough and not is_again
        assert found.is_tested(SlicesConfig(min_scenes=4, min_logs=2))[place] == wanted


def test_scenes_of_its_log_that_a_trial_meets() -> None:
    encoded, logs, trials, errors = lake(3)
    found = count_candidates(encoded, logs, logs % 2, trials, errors, 2)
    every = np.arange(len(found.numbers))
    met = scenes_per_log(encoded, found, every, logs, trials)
    for place in every:
        rows = np.flatnonzero(scenes_of(encoded, found, place))
        brute = sum(trials[r] * (logs[rows] == logs[r]).sum() for r in rows) / trials[rows].sum()
        assert met[place] == pytest.approx(brute)
