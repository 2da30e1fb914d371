"""Forecast errors against the truth: worked numbers, the formulas of av2 as loops, ragged rows, scenes."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.errors import TableError
from oddloop.score.trajectory_metrics import METRIC_NAMES, ForecastErrors, forecast_errors
from oddloop.score.trajectory_truth import measure_forecasts, summarize_forecast_errors
from oddloop.tables import METRICS

NAN, INF = float("nan"), float("inf")
TRUTH = [[1.0, 0.0], [2.0, 0.0]]


def numbers(errors, row=0):
    return [float(values[row]) for values in errors]


@pytest.mark.parametrize(
    ("modes", "probs", "k", "expected"),
    [
        # the truth itself, certain: ade, fde, miss, brier
        ([TRUTH], [1.0], None, [0, 0, 0, 0]),
        # ends (2,2): fde 2 is no miss yet; ade (0 + 2) / 2 = 1
        ([[[1, 0], [2, 2]]], [1.0], None, [1, 2, 0, 2]),
        # a hair more is
        ([[[1, 0], [2, 2.001]]], [1.0], None, [1.0005, 2.001, 1, 2.001]),
        # the improbable mode is the nearer: brier 0 + (1 - .25)² = .5625
        ([[[1, 0], [2, 3]], TRUTH], [0.75, 0.25], None, [0, 0, 0, 0.5625]),
        # only the most probable one competes: ade 1.5, fde 3, miss, 3 + .25² = 3.0625
        ([[[1, 0], [2, 3]], TRUTH], [0.75, 0.25], 1, [1.5, 3, 1, 3.0625]),
        # k above the number of modes means all
        ([[[1, 0], [2, 3]], TRUTH], [0.75, 0.25], 6, [0, 0, 0, 0.5625]),
        # chosen by the end: fde 1 and 2, but ade (9 + 1) / 2 = 5 and (0 + 2) / 2 = 1
        ([[[10, 0], [2, 1]], [[1, 0], [2, 2]]], [0.5, 0.5], None, [5, 1, 0, 1.25]),
    ],
)
def test_worked_numbers(modes, probs, k, expected):
    assert numbers(forecast_errors([modes], [probs], [TRUTH], k)) == pytest.approx(expected)


def test_each_error_may_take_its_own_minimum():
    found = forecast_errors([[[[10, 0], [2, 1]], [[1, 0], [2, 2]]]], [[0.5, 0.5]], [TRUTH], best="each")
    assert numbers(found) == [1.0, 1.0, 0.0, 1.25]


@pytest.mark.parametrize(
    ("modes", "probs", "truth"),
    [
        ([[[NAN, 0.0], [2.0, 0.0]]], [1.0], TRUTH),
        ([[[1.0, 0.0], [INF, 0.0]]], [1.0], TRUTH),
        ([TRUTH], [1.0], [[1.0, 0.0], [NAN, 0.0]]),
        ([TRUTH], [0.5], TRUTH),
        ([TRUTH, TRUTH], [1.5, -0.5], TRUTH),
    ],
)
def test_what_is_not_valid(modes, probs, truth):
    assert np.isnan(numbers(forecast_errors([modes], [probs], [truth]))).all()


@pytest.mark.parametrize(
    ("modes", "probs", "truth", "k", "message"),
    [
        ((2, 3, 4), (2, 3), (2, 4, 2), None, r"modes must be \(N,K,H,2\); got shape \(2, 3, 4\)"),
        ((2, 3, 4, 2), (2, 4), (2, 4, 2), None, r"probs must have shape \(2, 3\)"),
        ((2, 3, 4, 2), (2, 3), (2, 5, 2), None, r"truth must have shape \(2, 4, 2\)"),
        ((2, 3, 4, 2), (2, 3), (2, 4, 2), 0, "k must be 1 or more; got 0"),
    ],
)
def test_wrong_shapes(modes, probs, truth, k, message):
    with pytest.raises(ValueError, match=message):
        forecast_errors(np.zeros(modes), np.zeros(probs), np.zeros(truth), k)


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4), (2, 3, 0)])
def test_nothing_to_compare(shape):
    n, n_modes, n_steps = shape
    found = forecast_errors(np.zeros((*shape, 2)), np.zeros((n, n_modes)), np.zeros((n, n_steps, 2)))
    assert [np.isnan(values).tolist() for values in found] == [[True] * n] * 4


@st.composite
def forecasts(draw):
    n_members, n_modes, n_steps = draw(st.integers(1, 3)), draw(st.integers(1, 5)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    probs = rng.dirichlet(np.ones(n_modes), n_members).astype(np.float32)
    modes = rng.normal(0, 3, (n_members, n_modes, n_steps, 2)).astype(np.float32)
    return probs, modes, rng.normal(0, 3, (n_steps, 2)).astype(np.float32)


def by_av2(modes, probs, truth, k):
    """The formulas of av2-api, mode by mode; the best mode is the one whose end is nearest."""
    kept = sorted(range(len(probs)), key=lambda i: -probs[i])[:k]
    fde = {i: math.dist(modes[i][-1], truth[-1]) for i in kept}
    best = min(kept, key=fde.__getitem__)
    ade = sum(math.dist(a, b) for a, b in zip(modes[best], truth, strict=True)) / len(truth)
    return [ade, fde[best], float(fde[best] > 2.0), fde[best] + (1.0 - probs[best]) ** 2]


@given(st.lists(forecasts(), min_size=1, max_size=5), st.integers(1, 6))
def test_ragged_rows_agree_with_loops(rows, k):
    batch = pa.table(
        {
            "mode_probs": [p.tolist() for p, _, _ in rows],
            "modes": [m.tolist() for _, m, _ in rows],
            "truth": [t.tolist() for _, _, t in rows],
        }
    )
    found = measure_forecasts(batch, k=k)
    for row, (probs, modes, truth) in enumerate(rows):
        members = [by_av2(m, p, truth, k) for m, p in zip(modes.tolist(), probs.tolist(), strict=True)]
        assert numbers(found, row) == pytest.approx(np.mean(members, axis=0), rel=1e-6, abs=1e-9)


@given(forecasts(), st.integers(0, 1000), st.floats(-3.0, 3.0))
def test_symmetries(forecast, seed, angle):
    probs, modes, truth = (array.astype(np.float64) for array in forecast)
    truths = np.repeat(truth[None], len(modes), axis=0)
    base = forecast_errors(modes, probs, truths)
    order = np.random.default_rng(seed).permutation(probs.shape[1])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    shift = np.array([7.0, -3.0])
    mixed = forecast_errors(modes[:, order], probs[:, order], truths)
    moved = forecast_errors(modes @ turn.T + shift, probs, truths @ turn.T + shift)
    for other in (mixed, moved):
        for name in ("min_ade_m", "min_fde_m", "brier_min_fde_m"):
            assert getattr(other, name) == pytest.approx(getattr(base, name), abs=1e-9)
    assert np.all(base.brier_min_fde_m >= base.min_fde_m)


@pytest.mark.parametrize(
    ("probs", "modes", "truth"),
    [
        # a shorter truth, none, null; members that differ; modes of unlike length; no member; no number
        ([[1.0]], [[TRUTH]], TRUTH[:1]),
        ([[1.0]], [[TRUTH]], []),
        ([[1.0]], [[TRUTH]], None),
        ([[1.0], [1.0]], [[TRUTH]], TRUTH),
        ([[0.5, 0.5]], [[TRUTH]], TRUTH),
        ([[0.5, 0.5]], [[TRUTH, TRUTH[:1]]], TRUTH),
        ([], [], TRUTH),
        (None, None, TRUTH),
        ([[1.0]], [[[[1.0, 0.0], None]]], TRUTH),
        ([[1.0]], [[[[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]]]], TRUTH),
    ],
)
def test_rows_that_are_not_valid_leave_their_neighbours_alone(probs, modes, truth):
    good = [[1.0]], [[TRUTH]], TRUTH
    columns = zip(good, (probs, modes, truth), good, strict=True)
    batch = pa.table(dict(zip(("mode_probs", "modes", "truth"), map(list, columns), strict=True)))
    for values in measure_forecasts(batch):
        assert values.tolist() == pytest.approx([0.0, NAN, 0.0], nan_ok=True)


def test_scenes_average_their_valid_forecasts():
    errors = ForecastErrors(*np.array([[1.0, 3.0, NAN, NAN]] * 4))
    found = summarize_forecast_errors(pa.array(["b", "b", "b", "a"]), errors, "m1")
    assert found.schema.equals(METRICS.schema())
    assert found["scene_id"].to_pylist() == ["b"] * 4
    assert found["metric"].to_pylist() == list(METRIC_NAMES)
    assert found["value"].to_pylist() == [2.0] * 4
    assert found["support"].to_pylist() == [2] * 4
    named = summarize_forecast_errors(pa.array(["b", "b", "b", "a"]), errors, "m1", k=6)
    assert named["metric"].to_pylist() == ["min_ade_k6_m", "min_fde_k6_m", "miss_rate_k6", "brier_min_fde_k6_m"]


def test_scenes_of_nothing():
    empty = ForecastErrors(*np.empty((4, 0)))
    assert summarize_forecast_errors(pa.array([], pa.string()), empty, "m1").num_rows == 0
    with pytest.raises(TableError, match="every error needs a scene_id"):
        summarize_forecast_errors(pa.array(["a"]), empty, "m1")


def test_columns_that_are_missing():
    with pytest.raises(TableError, match="column `truth` is missing"):
        measure_forecasts(pa.table({"mode_probs": [[[1.0]]], "modes": [[[TRUTH]]]}))
