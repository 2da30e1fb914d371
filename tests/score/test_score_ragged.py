"""Reductions of groups of unequal length against naive ones."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from oddloop.score import group_max, group_mean, group_quantile, group_sum, group_topk
from oddloop.score.ragged import reduce_groups

K = 3
NAIVE = {
    "sum": (group_sum, np.sum),
    "mean": (group_mean, np.mean),
    "max": (group_max, np.max),
    "topk": (lambda v, o: group_topk(v, o, K), lambda g: np.mean(np.sort(g)[-K:])),
    "median": (lambda v, o: group_quantile(v, o, 0.5), lambda g: np.percentile(g, 50)),
    "p95": (lambda v, o: group_quantile(v, o, 0.95), lambda g: np.percentile(g, 95)),
    "min": (lambda v, o: group_quantile(v, o, 0.0), np.min),
}


@st.composite
def groups(draw):
    lengths = draw(st.lists(st.integers(0, 40), max_size=12))
    values = hnp.arrays(np.float64, sum(lengths) + 2, elements=st.floats(-1e6, 1e6))
    # A value before the first group and one after the last: neither belongs to any.
    return draw(values), np.concatenate([[1], 1 + np.cumsum(lengths, dtype=np.int64)])


@pytest.mark.parametrize("name", NAIVE)
@given(data=groups())
def test_agrees_with_a_loop(name, data):
    values, offsets = data
    ours, naive = NAIVE[name]
    split = [values[a:b] for a, b in itertools.pairwise(offsets)]
    expected = [naive(g) if len(g) else 0.0 for g in split]
    assert ours(values, offsets) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("name", NAIVE)
@given(data=groups())
def test_a_group_does_not_depend_on_the_others(name, data):
    values, offsets = data
    ours, _ = NAIVE[name]
    together = ours(values, offsets)
    alone = [ours(values[a:b], [0, b - a])[0] for a, b in itertools.pairwise(offsets)]
    assert np.array_equal(together, alone)


@pytest.mark.parametrize("name", NAIVE)
def test_empty_groups_are_zero_wherever_they_stand(name):
    ours, _ = NAIVE[name]
    assert ours([], [0]).shape == (0,)
    assert ours([], [0, 0, 0]).tolist() == [0.0, 0.0]
    # reduceat would give the empty groups their neighbour's value, and fail on the last
    assert ours([7.0], [0, 0, 1, 1]).tolist() == [0.0, 7.0, 0.0]


@pytest.mark.parametrize("name", NAIVE)
def test_nan_stays_in_its_group(name):
    ours, _ = NAIVE[name]
    result = ours([1.0, np.nan, 1.0, 1.0, 2.0, 2.0], [0, 4, 6])
    assert np.isnan(result[0])
    assert not np.isnan(result[1])


@pytest.mark.parametrize("name", NAIVE)
def test_a_group_larger_than_a_block(name):
    ours, naive = NAIVE[name]
    values = np.random.default_rng(0).normal(size=300_001)
    assert ours(values, [0, 1, 300_001]) == pytest.approx([values[0], naive(values[1:])], rel=1e-9)


def test_one_huge_group_among_many_small_ones_does_not_pad_them():
    lengths = np.full(20_000, 2)
    lengths[7] = 500_000
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    values = np.arange(float(offsets[-1]))
    assert group_topk(values, offsets, 1) == pytest.approx(values[offsets[1:] - 1])


@pytest.mark.parametrize("offsets", [[], [0, 3, 2], [-1, 2], [0, 4]])
def test_offsets_that_do_not_fit_are_refused(offsets):
    with pytest.raises(ValueError, match="offsets must rise from 0 or more to at most 3, the number of values"):
        group_sum([1.0, 2.0, 3.0], offsets)


def test_other_arguments_out_of_range():
    with pytest.raises(ValueError, match="k must be 1 or more; got 0"):
        group_topk([1.0], [0, 1], 0)
    with pytest.raises(ValueError, match=r"q must be in \[0, 1\]; got 95"):
        group_quantile([1.0], [0, 1], 95)


def test_by_name():
    values, offsets = [1.0, 2.0, 6.0], [0, 3]
    found = {how: reduce_groups(values, offsets, how, 2)[0] for how in ("max", "mean", "sum", "topk")}
    assert found == {"max": 6.0, "mean": 3.0, "sum": 9.0, "topk": 4.0}
