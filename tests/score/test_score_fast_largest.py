"""The largest values of a group against sorting all of them, on either side of every way that is taken to find them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from oddloop.compiled import import_loops
from oddloop.score.ragged import reduce_groups

largest = import_loops("oddloop.score.fast_largest")
if largest is None:
    pytest.skip("numba is not installed", allow_module_level=True)
LENGTHS = [1, 2, 8, 9, largest.LONG - 1, largest.LONG, largest.LONG + 1, 100, 160, 1000]
FLOATS = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, np.inf, -np.inf, 5e-324])


def found_of(values, k):
    """Sum, largest, and the k largest in order."""
    shares = np.empty((2, largest.SHARES))
    total, top = largest.sum_max(values, shares)
    ranked = np.empty(max(len(values), largest.ROOM))
    if k:
        largest.sort_largest(values, k, shares[1], np.empty(len(values)), ranked)
    return total, top, ranked[:k]


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("n_levels", [1, 3, 1_000_000])
def test_they_come_in_order_whatever_ties_there_are(n, n_levels):
    values = np.random.default_rng(n).integers(0, n_levels, n).astype(float)
    for k in {1, min(5, n), min(8, n), min(9, n), n}:
        total, top, ranked = found_of(values, k)
        assert (total, top) == (values.sum(), values.max())
        assert ranked.tolist() == np.sort(values)[::-1][:k].tolist()


@pytest.mark.parametrize("order", [1, -1])
def test_whatever_order_they_stand_in(order):
    values = np.arange(200.0)[::order]
    assert found_of(values, 5)[2].tolist() == [199.0, 198.0, 197.0, 196.0, 195.0]
    assert found_of(values, 12)[2].tolist() == np.arange(199.0, 187.0, -1).tolist()


@given(hnp.arrays(np.float64, st.integers(1, 120), elements=FLOATS), st.data())
def test_infinite_ones_are_values_like_others(values, data):
    k = data.draw(st.integers(1, len(values)))
    total, top, ranked = found_of(values, k)
    with np.errstate(invalid="ignore"):
        assert total == pytest.approx(values.sum(), rel=1e-9, abs=1e-6, nan_ok=True)
    assert top == values.max()
    assert ranked.tolist() == np.sort(values)[::-1][:k].tolist()


@pytest.mark.parametrize("place", [0, 20, 63, 99])
@pytest.mark.parametrize("n", [21, 100])
def test_a_missing_value_is_seen_wherever_it_stands(place, n):
    values = np.ones(n)
    values[place % n] = np.nan
    total, top, _ = found_of(values, 0)
    assert np.isnan(total)
    assert np.isnan(top)


def test_nothing_sums_to_zero():
    assert found_of(np.empty(0), 0)[:2] == (0.0, 0.0)


@pytest.mark.parametrize("n", LENGTHS)
def test_a_reduction_does_not_depend_on_what_else_is_asked(n):
    values = np.random.default_rng(n).random(n)
    names, ask = ("topk", "p95"), {"k": 5, "known_only": True}
    both = reduce_groups(values, [0, n], names, **ask)
    for name in names:
        assert reduce_groups(values, [0, n], [name], **ask)[name] == both[name]
