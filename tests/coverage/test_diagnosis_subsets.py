"""Subsets of a learning curve: nested, the same share of every log, and seeded."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.coverage.diagnosis import plan_curves


def plan(logs, n_sizes=4, n_seeds=3, smallest=0.1, seed=0):
    labelled = pa.table({"scene_id": [f"s{i}" for i in range(len(logs))], "log_id": logs})
    return plan_curves(labelled, n_sizes, n_seeds, smallest, np.random.default_rng(seed))


@given(st.lists(st.sampled_from("abcd"), max_size=60), st.integers(0, 99))
def test_nested_and_even_over_logs(logs, seed):
    planned = plan(pa.array(logs, pa.string()), seed=seed)
    log = np.array(logs, dtype=object)
    for r in range(3):
        taken = [planned.takes(k, r) for k in range(4)]
        assert taken[-1].all()
        for small, large in itertools.pairwise(taken):
            assert not (small & ~large).any()
        for share, inside in zip(planned.shares, taken, strict=True):
            for name in set(logs):
                m = int((log == name).sum())
                assert abs(inside[log == name].sum() - share * m) <= 1


def test_shares_rise_geometrically():
    np.testing.assert_allclose(plan(["a"] * 9, n_sizes=3, smallest=0.25).shares, [0.25, 0.5, 1.0])


def test_every_scene_is_as_likely_as_any_other():
    planned = plan(["a"] * 6 + ["b"] * 3, n_sizes=2, n_seeds=4000, smallest=0.3)
    often = np.mean([planned.takes(0, r) for r in range(4000)], axis=0)
    np.testing.assert_allclose(often, 0.3, atol=0.03)  # 4 standard errors


def test_same_seed_same_plan_and_other_seed_another():
    one, two, other = plan(["a", "b"] * 20), plan(["a", "b"] * 20), plan(["a", "b"] * 20, seed=1)
    np.testing.assert_array_equal(one.places, two.places)
    assert (one.places != other.places).any()


def test_trainings_are_every_size_with_every_seed_large_first():
    assert plan(["a"], n_sizes=2, n_seeds=2).trainings == [(1, 0), (1, 1), (0, 0), (0, 1)]


@pytest.mark.parametrize(("n_sizes", "n_seeds", "smallest"), [(1, 5, 0.1), (6, 0, 0.1), (6, 5, 0.0), (6, 5, 1.0)])
def test_plans_that_make_no_curve_are_refused(n_sizes, n_seeds, smallest):
    with pytest.raises(ValueError, match="give two sizes or more, one seed or more, and a smallest share between 0"):
        plan(["a"], n_sizes, n_seeds, smallest)
