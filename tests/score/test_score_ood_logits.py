"""Scores from logits agree with naive arithmetic, keep their bounds and refuse nothing but what cannot be read."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from oddloop.errors import TableError
from oddloop.score import summarize_scenes
from oddloop.score.ood import energy, gen, max_logit, msp, score_ood_logits

SCORES = [msp, max_logit, energy, gen]
ROWS = hnp.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 8)), elements=st.floats(-20, 20))


def naive(row, gamma=0.1, top=100, temperature=1.0):
    """The four scores of one row by loops, exact sums and no tricks."""
    total = math.fsum(math.exp(x) for x in row)
    probs = sorted((math.exp(x) / total for x in row), reverse=True)
    # 1 - p from the other classes: a float cannot hold 1 - 1e-20.
    rests = [math.fsum(probs[:i] + probs[i + 1 :]) for i in range(len(probs))]
    free = -temperature * math.log(math.fsum(math.exp(x / temperature) for x in row))
    general = math.fsum((p * rest) ** gamma for p, rest in list(zip(probs, rests, strict=True))[:top])
    return rests[0], -max(row), free, general


@given(ROWS)
def test_agree_with_loops(rows):
    expected = np.array([naive(row) for row in rows.tolist()])
    for score, column in zip(SCORES, expected.T, strict=True):
        assert score(rows) == pytest.approx(column, rel=1e-9, abs=1e-12)


@given(ROWS, st.floats(0.05, 0.95), st.integers(1, 9), st.floats(0.5, 5))
def test_agree_with_loops_for_any_parameter(rows, gamma, top, temperature):
    expected = np.array([naive(row, gamma, top, temperature) for row in rows.tolist()])
    assert gen(rows, gamma, top) == pytest.approx(expected[:, 3], rel=1e-9, abs=1e-12)
    assert energy(rows, temperature) == pytest.approx(expected[:, 2], rel=1e-9, abs=1e-12)


def test_worked_numbers():
    # softmax of (ln 6, ln 3, ln 1) = (.6, .3, .1)
    row = np.log([[6.0, 3.0, 1.0]])
    assert msp(row) == pytest.approx(0.4)
    assert max_logit(row) == pytest.approx(-math.log(6))
    assert energy(row) == pytest.approx(-math.log(10))
    # T = 2: -2 ln(√6 + √3 + 1)
    assert energy(row, 2.0) == pytest.approx(-2 * math.log(math.sqrt(6) + math.sqrt(3) + 1))
    assert gen(row) == pytest.approx(0.24**0.1 + 0.21**0.1 + 0.09**0.1)
    assert gen(row, top=2) == pytest.approx(0.24**0.1 + 0.21**0.1)
    assert gen(row, gamma=0.5, top=1) == pytest.approx(math.sqrt(0.24))


def test_a_certain_class_keeps_its_digits():
    # 1 - p of logits (100, 0) is e^-100 to the last digit, and both terms of GEN are (e^-100)^.1 = e^-10.
    assert msp([[100.0, 0.0]]) == pytest.approx(math.exp(-100), rel=1e-12, abs=0)
    assert gen([[100.0, 0.0]]) == pytest.approx(2 * math.exp(-10), rel=1e-12)
    assert gen([[1000.0, 0.0]]) == pytest.approx(2 * math.exp(-100), rel=1e-9, abs=0)


@given(ROWS, st.randoms(use_true_random=False))
def test_order_of_classes_and_rows_does_not_matter(rows, random):
    columns, lines = list(range(rows.shape[1])), list(range(rows.shape[0]))
    random.shuffle(columns)
    random.shuffle(lines)
    for score in SCORES:
        values = score(rows)
        assert score(rows[:, columns]) == pytest.approx(values, rel=1e-12, abs=1e-14)
        assert np.array_equal(score(rows[lines]), values[lines])


@given(ROWS, st.floats(-50, 50))
def test_a_shift_of_all_logits(rows, shift):
    assert msp(rows + shift) == pytest.approx(msp(rows), rel=1e-9, abs=1e-12)
    assert gen(rows + shift) == pytest.approx(gen(rows), rel=1e-9, abs=1e-9)
    assert max_logit(rows + shift) == pytest.approx(max_logit(rows) - shift, abs=1e-10)
    assert energy(rows + shift) == pytest.approx(energy(rows) - shift, abs=1e-10)


@given(ROWS)
def test_bounds(rows):
    n = rows.shape[1]
    assert ((msp(rows) >= 0) & (msp(rows) <= 1 - 1 / n + 1e-12)).all()
    assert ((gen(rows) >= 0) & (gen(rows) <= n * 0.25**0.1 + 1e-12)).all()
    # max l <= logsumexp <= max l + ln C
    assert (energy(rows) <= max_logit(rows) + 1e-12).all()
    assert (energy(rows) >= max_logit(rows) - math.log(n) - 1e-12).all()


def test_a_surer_row_is_less_anomalous():
    surer = np.array([[x, 0.0, -1.0] for x in (0.0, 1.0, 3.0, 10.0, 40.0)])
    for score in SCORES:
        assert (np.diff(score(surer)) < 0).all()


@pytest.mark.parametrize("score", SCORES)
def test_a_row_that_is_not_finite_is_nan_and_harms_no_other(score):
    good = [1.0, 2.0]
    rows = np.array([good, [np.nan, 0.0], [np.inf, 0.0], [-np.inf, 0.0], good])
    values = score(rows)
    assert np.isnan(values).tolist() == [False, True, True, True, False]
    assert values[0] == values[4] == score([good])[0]
    assert rows[0].tolist() == good


@pytest.mark.parametrize("score", SCORES)
def test_degenerate_shapes(score):
    assert score(np.empty((0, 3))).shape == (0,)
    assert np.isnan(score(np.empty((2, 0)))).all()
    assert np.isfinite(score([[5.0]])).all()
    assert np.isfinite(score([[1e300, -1e300]])).all()
    with pytest.raises(ValueError, match=r"logits must be float16, float32 or float64; got int64"):
        score([[1, 2]])
    with pytest.raises(ValueError, match=r"logits must be rows x columns; got shape \(2,\)"):
        score([1.0, 2.0])


@pytest.mark.parametrize("score", SCORES)
def test_narrow_floats_are_computed_in_double(score):
    rows = np.random.default_rng(0).normal(0, 3, (50, 150))
    for dtype in (np.float16, np.float32):
        assert np.array_equal(score(rows.astype(dtype)), score(rows.astype(dtype).astype(np.float64)))
    assert score(rows.astype(np.float32)) == pytest.approx(score(rows), rel=1e-6)


@pytest.mark.parametrize("score", SCORES)
def test_a_row_does_not_depend_on_its_neighbours(score):
    rows = np.random.default_rng(0).normal(0, 3, (40, 70_000))  # two blocks
    together = score(rows)
    assert np.array_equal(together, np.concatenate([score(rows[i : i + 1]) for i in range(40)]))


def test_parameters_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"temperature must be above 0 and finite; got 0"):
        energy([[1.0]], 0)
    with pytest.raises(ValueError, match=r"gamma must be between 0 and 1; got 1"):
        gen([[1.0]], gamma=1)
    with pytest.raises(ValueError, match=r"top must be 1 or more; got 0"):
        gen([[1.0]], top=0)


NUMBERS = st.floats(width=32) | st.none()


@given(st.lists(st.lists(NUMBERS, max_size=4) | st.none(), max_size=6))
def test_a_table_of_any_logits(logits):
    ids = {"frame_id": [f"f{i}" for i in range(len(logits))], "scene_id": ["s"] * len(logits)}
    ids = {name: pa.array(values, pa.string()) for name, values in ids.items()}
    batch = pa.table({**ids, "logits": pa.array(logits, pa.list_(pa.float32()))})
    found = score_ood_logits(batch)
    for name in ("ood_msp", "ood_max_logit", "ood_energy", "ood_gen"):
        assert found[name].is_valid().to_pylist() == found[f"{name}_valid"].to_pylist()
        good = [
            row is not None and len(row) > 0 and all(x is not None and math.isfinite(x) for x in row) for row in logits
        ]
        assert found[f"{name}_valid"].to_pylist() == good
        assert np.isfinite(found[name].drop_null().to_numpy()).all()
    assert found["n_objects"].is_valid().to_pylist() == [row is not None for row in logits]
    assert "ood_gen_p95" in summarize_scenes(found).column_names


def test_a_table_without_logits_is_refused():
    with pytest.raises(TableError, match="column `logits` is missing"):
        score_ood_logits(pa.table({"frame_id": ["f"], "scene_id": ["s"]}))
