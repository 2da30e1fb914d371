"""Kappa and rank agreement against scikit-learn, SciPy and a count by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score

from oddloop.select.stopping import cohen_kappa, rank_agreement, stop_at_agreement


def naive_kappa(one: list[int], two: list[int]) -> float:
    n = len(one)
    observed = sum(a == b for a, b in zip(one, two, strict=True)) / n
    chance = sum((one.count(k) / n) * (two.count(k) / n) for k in set(one) | set(two))
    return (observed - chance) / (1 - chance)


def test_kappa_of_cohen_s_table() -> None:
    # 2 x 2: both yes 20, yes-no 5, no-yes 10, both no 15. p_o = 35/50 = .7;
    # p_e = 25/50 x 30/50 + 25/50 x 20/50 = .3 + .2 = .5; kappa = .2 / .5 = .4
    one = [1] * 25 + [0] * 25
    two = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert cohen_kappa(one, two) == pytest.approx(0.4)


PAIRS = st.lists(st.tuples(st.integers(-2, 4), st.integers(-2, 4)), min_size=1, max_size=60)


@given(PAIRS)
def test_kappa_is_scikit_learn_s_and_the_naive_one(pairs: list[tuple[int, int]]) -> None:
    one, two = (list(part) for part in zip(*pairs, strict=True))
    found = cohen_kappa(one, two)
    if len(set(one) | set(two)) == 1:
        assert math.isnan(found)
        return
    assert found == pytest.approx(naive_kappa(one, two), abs=1e-12)
    assert found == pytest.approx(cohen_kappa_score(one, two), abs=1e-12)
    assert found == pytest.approx(cohen_kappa(two, one), abs=1e-12)
    assert -1 - 1e-12 <= found <= 1 + 1e-12


@given(st.permutations(range(5)))
def test_names_of_classes_make_no_difference(names: list[int]) -> None:
    rng = np.random.default_rng(0)
    one, two = rng.integers(5, size=(2, 100))
    renamed = np.asarray(names)
    assert cohen_kappa(renamed[one], renamed[two]) == pytest.approx(cohen_kappa(one, two))
    assert cohen_kappa(one, one) == pytest.approx(1.0)


SCORES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=50)


@given(SCORES)
def test_rank_agreement_is_spearman_s_with_ties(pairs: list[tuple[int, int]]) -> None:
    one, two = (np.array(part, dtype=np.float64) for part in zip(*pairs, strict=True))
    found = rank_agreement(one, two)
    if np.ptp(one) == 0 or np.ptp(two) == 0:
        assert math.isnan(found)
        return
    assert found == pytest.approx(spearmanr(one, two).statistic, abs=1e-12)
    assert found == pytest.approx(rank_agreement(np.exp(one), two**3), abs=1e-12)  # only the order counts


def test_missing_scores_are_left_out_and_infinite_ones_rank() -> None:
    one = np.array([1.0, np.nan, 2.0, 3.0, np.inf])
    two = np.array([1.0, 9.0, 2.0, np.nan, 5.0])
    kept = one.copy()
    assert rank_agreement(one, two) == pytest.approx(1.0)
    np.testing.assert_array_equal(one, kept)
    assert math.isnan(rank_agreement([1.0], [2.0]))
    assert math.isnan(rank_agreement([], []))
    assert math.isnan(cohen_kappa([], []))


def test_unlike_lengths_are_refused() -> None:
    for agreement in (cohen_kappa, rank_agreement):
        with pytest.raises(ValueError, match="two answers per thing"):
            agreement([1, 2], [1])
        with pytest.raises(ValueError, match="two answers per thing"):
            agreement([[1, 2]], [[1, 2]])


def test_the_rule() -> None:
    assert stop_at_agreement("kappa", 0.99, 10, 0.99, "classes").stop is True
    assert stop_at_agreement("kappa", 0.98, 10, 0.99, "classes").stop is False
    unknown = stop_at_agreement("rank_agreement", float("nan"), 1, 0.9, "scores of 1 scene")
    assert (unknown.stop, unknown.sentence) == (None, "rank agreement of scores of 1 scene cannot be told from 1")
