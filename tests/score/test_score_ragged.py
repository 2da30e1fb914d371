"""Reductions of groups of unequal length against naive ones."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from oddloop.score import fast_calls, group_max, group_mean, group_quantile, group_sum, group_topk
from oddloop.score.ragged import REDUCTIONS, reduce_groups

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


@pytest.fixture(params=["compiled", "numpy"])
def way(request, monkeypatch):
    if request.param == "numpy":
        monkeypatch.setattr(fast_calls, "loops", lambda: None)


def test_by_name(way):
    # p95 of three lies at .95 * 2 = 1.9: 2 + .9 * 4; k is more than a group has
    values, offsets = [1.0, 2.0, 6.0, np.nan, 3.0], [0, 3, 3, 5]
    found = reduce_groups(values, offsets, list(REDUCTIONS), k=2, known_only=True)
    expected = {"sum": 9.0, "mean": 3.0, "max": 6.0, "topk": 4.0, "p95": 5.6, "n": 3.0}
    assert {name: x[0] for name, x in found.items()} == pytest.approx(expected)
    assert {name: x[1] for name, x in found.items()} == dict.fromkeys(expected, 0.0)
    assert {name: x[2] for name, x in found.items()} == {**dict.fromkeys(expected, 3.0), "n": 1.0}
    spoilt = reduce_groups(values, offsets, list(REDUCTIONS), k=1)
    assert {name for name, x in spoilt.items() if np.isnan(x[2])} == {*REDUCTIONS} - {"n"}
    with pytest.raises(ValueError, match="k must be 1 or more; got 0"):
        reduce_groups(values, offsets, ["sum"], k=0)
    with pytest.raises(ValueError, match="at most 5, the number of values"):
        reduce_groups(values, [0, 6], ["sum"], k=1)


NUMBERS = st.sampled_from([0.0, -1.0, 0.5, 0.5, 1e-300, 1e300, np.inf, -np.inf, np.nan]) | st.floats(-10, 10)


@given(st.lists(st.lists(NUMBERS, max_size=60), max_size=8), st.integers(1, 12), st.booleans())
@settings(deadline=None)
def test_the_compiled_way_agrees_with_each_group_alone(groups, k, known_only):
    """With NumPy on one group: the reference knows nothing of groups, of heaps, or of how many values there are."""
    offsets = np.cumsum([0, *map(len, groups)])
    found = reduce_groups([x for group in groups for x in group], offsets, list(REDUCTIONS), k=k, known_only=known_only)
    for i, group in enumerate(groups):
        x = np.array(group, np.float64)
        x = np.sort(x[~np.isnan(x)] if known_only else x)
        with np.errstate(all="ignore"):
            of = {"sum": x.sum(), "mean": x.mean(), "max": x[-1], "topk": x[-k:].mean(), "n": len(x)} if len(x) else {}
            of |= {"p95": np.nan if np.isnan(x[-1]) else np.quantile(x, 0.95)} if len(x) else {}
            if len(x) and np.isnan(x[-1]):
                of |= dict.fromkeys(("max", "topk"), np.nan)
        for name, values in found.items():
            assert values[i] == pytest.approx(of.get(name, 0.0), rel=1e-12, abs=1e-12, nan_ok=True), (name, x)


@pytest.mark.parametrize("n", [7, 8, 9, 63, 64, 65, 1000])
@pytest.mark.parametrize("k", [1, 2, 7, 8, 9, 500])
def test_the_largest_are_found_whatever_the_way(n, k):
    """Few are sorted in registers, many kept in a heap: values that repeat, rise and fall."""
    rng = np.random.default_rng(n)
    for x in (rng.random(n), rng.integers(0, 3, n) / 2, np.arange(n) / n, -np.arange(n) / n):
        found = reduce_groups(x, [0, n], ["topk", "p95"], k=k)
        assert found["topk"] == pytest.approx(np.sort(x)[-k:].mean(), rel=1e-12)
        assert found["p95"] == pytest.approx(np.quantile(x, 0.95), rel=1e-12)
