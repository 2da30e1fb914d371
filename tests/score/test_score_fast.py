"""The compiled loops agree with NumPy, and nothing needs them."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from oddloop.score import binary, fast, fast_calls, measures
from oddloop.score.binary import BINARY_MEASURES

PLAIN = {name: getattr(measures, name) for name in fast_calls.ROW_MEASURES}
DTYPES = [np.float16, np.float32, np.float64]
NASTY = [0.0, 1.0, 0.5, 0.25, 1e-7, 1 - 1e-7, 5e-324, 1e-45, -1e-9, 1.0005, 1.002, np.nan, np.inf, -np.inf, 1e308, -0.0]


def warm_up():
    """Compile at import: pytest collects before it runs, so no property test pays for it within its deadline."""
    for dtype in (np.float32, np.float64):
        fast.ragged_measures(np.ones(1, dtype), np.array([0, 1]))
        fast.mean_members(np.ones((1, 2, 1), dtype))
        fast.binary_entropy(np.ones(1, dtype))


warm_up()


def assert_agree(rows):
    rows = np.asarray(rows)
    for name, plain in PLAIN.items():
        found, expected = getattr(fast, name)(rows), plain(rows)
        # Rounding of a sum near 1 is 1e-16 whatever is left of the measure.
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-15, nan_ok=True), name


def test_the_loops_are_there():
    assert fast_calls.loops() is not None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_classes", [1, 2, 3, 10, 127, 1280, 5000])
def test_random_rows(dtype, n_classes):
    rng = np.random.default_rng(n_classes)
    for spread in (0.01, 1.0, 100.0):
        rows = rng.dirichlet(np.full(n_classes, spread), 300)
        assert_agree(np.where(np.isfinite(rows), rows, 1 / n_classes).astype(dtype))


@given(
    hnp.arrays(
        np.float64, hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=6), elements=st.sampled_from(NASTY)
    )
)
@settings(deadline=None)
def test_adversarial_rows(rows):
    for dtype in DTYPES:
        with np.errstate(over="ignore"):
            assert_agree(rows.astype(dtype))


@given(st.floats(0, 1, width=32), st.integers(1, 8))
@settings(deadline=None)
def test_nearly_certain_rows(share, n_rest):
    rest = np.full(n_rest, np.float32(share) * np.float32(1e-6))
    assert_agree([np.append(rest, 1 - rest.sum(dtype=np.float32)).astype(np.float32)])


@given(st.lists(st.lists(st.sampled_from(NASTY), max_size=5), max_size=300))
@settings(deadline=None)
def test_ragged_rows_are_each_as_if_alone(rows):
    offsets = np.cumsum([0, *map(len, rows)])
    found = fast.ragged_measures(np.array([x for row in rows for x in row], np.float64), offsets)
    for i, row in enumerate(rows):
        expected = measures.compute_measures(np.array(row, np.float64), fast_calls.ROW_MEASURES)
        assert [v[i] for v in found.values()] == pytest.approx(list(expected.values()), abs=0, rel=0, nan_ok=True)


def test_ragged_rows_without_the_loops(monkeypatch):
    rng = np.random.default_rng(0)
    offsets = np.cumsum(np.append(3, rng.integers(0, 5, 500)))
    values = rng.choice([0.5, 1.0, 0.25], offsets[-1] + 4).astype(np.float32)
    compiled = fast.ragged_measures(values, offsets)
    monkeypatch.setattr(fast_calls, "loops", lambda: None)
    plain = fast.ragged_measures(values, offsets)
    for name, values in plain.items():
        assert values == pytest.approx(compiled[name], rel=1e-12, abs=1e-15, nan_ok=True)
    assert 0 < np.isnan(plain["entropy"]).sum() < 500


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_mean_of_members_is_the_same_to_the_last_bit(dtype):
    cube = np.random.default_rng(0).dirichlet(np.ones(7), (50, 4)).astype(dtype)
    cube[[3, 4, 5], 1, 2] = [np.nan, -1, np.inf]
    assert np.array_equal(fast.mean_members(cube), measures.mean_members(cube), equal_nan=True)
    assert np.isnan(fast.mean_members(cube)[3:6]).all()


@given(hnp.arrays(np.float64, st.integers(0, 50), elements=st.floats(0, 1) | st.sampled_from(NASTY)))
@settings(deadline=None)
def test_binary_entropy(p):
    for dtype in DTYPES:
        with np.errstate(over="ignore"):
            typed = p.astype(dtype)
        assert fast.binary_entropy(typed) == pytest.approx(binary.binary_entropy(typed), rel=1e-12, abs=0, nan_ok=True)


@pytest.mark.parametrize("exponent", [1, 5, 10, 20, 30])
def test_the_logarithm_keeps_the_digits_of_tiny_probabilities(exponent):
    # H(p) = p (1 - ln p) + O(p²)
    p = 10.0**-exponent
    expected = -(p * math.log(p) + (1 - p) * math.log1p(-p))
    assert fast.binary_entropy(p) == pytest.approx(expected, rel=1e-13, abs=0)


@pytest.mark.parametrize("name", sorted(BINARY_MEASURES))
def test_every_binary_measure_is_that_of_two_classes(name):
    p = np.linspace(0, 1, 101)
    assert BINARY_MEASURES[name](p) == pytest.approx(PLAIN[name](np.stack([p, 1 - p], axis=1)), abs=1e-14)
    assert BINARY_MEASURES[name](p.reshape(101, 1)).shape == (101, 1)


def test_read_only_and_strided_input():
    rows = np.random.default_rng(0).dirichlet(np.ones(4), 20)
    frozen = rows.copy()
    frozen.flags.writeable = False
    wide = np.repeat(rows, 2, axis=0)
    expected = fast.entropy(rows)
    assert np.array_equal(fast.entropy(frozen), expected)
    assert np.array_equal(fast.entropy(wide[::2]), expected)
    assert np.array_equal(fast.entropy(np.asfortranarray(rows)), expected)
    assert rows.flags.writeable


@pytest.mark.parametrize(
    ("values", "offsets", "fault"),
    [
        ([0.5], [0, 2], "at most 1, the number of values"),
        ([0.5], [-1, 1], "must rise from 0"),
        ([0.5, 0.5], [0, 2, 1], "must rise from 0"),
        ([0.5], [], "need one axis"),
        ([[0.5]], [0, 1], r"got \(1, 1\)"),
        ([0.5], [0.0, 1.0], "offsets integers; got .* float64"),
        ([1], [0, 1], "must be float16, float32 or float64; got int64"),
    ],
)
def test_offsets_that_do_not_fit_are_refused(values, offsets, fault):
    with pytest.raises(ValueError, match=fault):
        fast.ragged_measures(values, offsets)


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_numba_is_imported_at_first_use_and_not_before():
    code = "import sys, oddloop.score as s; print('numba' in sys.modules); s.entropy([.5, .5]); "
    code += "print('numba' in sys.modules)"
    assert run(code) == ["False", "True"]


def test_an_environment_without_numba():
    code = "import sys; sys.modules['numba'] = None; import oddloop.score as s; "
    code += "print(s.entropy([.25] * 4).round(4), s.bald([[1., 0.], [0., 1.]]).round(4), s.fast_calls.loops())"
    assert run(code) == ["1.3863", "0.6931", "None"]


def test_a_folder_called_coverage_on_the_path_does_no_harm(tmp_path):
    (tmp_path / "coverage").mkdir()
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import coverage, oddloop.score.fast_calls as f; "
    code += "print(f.loops() is not None, sys.modules['coverage'] is coverage)"
    assert run(code) == ["True", "True"]
