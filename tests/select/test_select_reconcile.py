"""Predicted against real costs: hand-worked ratios, prices that were planted, and what cannot be told."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls
from scipy.stats import t

from oddloop.config import CostConfig
from oddloop.select import CostCheck, predict_cost, reconcile_costs

NAN = float("nan")
PRICES = CostConfig(unit="EUR", per_scene=1.0, per_frame=0.1, per_object=0.02)


def check(
    predicted: object, real: object, logs: object, counts: object = None, config: CostConfig = PRICES
) -> CostCheck:
    return reconcile_costs(predicted, real, logs, counts, config, np.random.default_rng(0))  # type: ignore[arg-type]


def planted(
    true: CostConfig, *, noise: float = 0.1, n: int = 200, n_logs: int = 20, seed: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    frames, objects = rng.integers(20, 400, n), rng.poisson(rng.gamma(2.0, 300.0, n))
    real = predict_cost(frames, objects, true) * np.exp(rng.normal(0, noise, n) - noise**2 / 2)
    return predict_cost(frames, objects, PRICES), real, rng.integers(n_logs, size=n), (frames, objects)


def test_the_ratio_and_its_interval_by_hand() -> None:
    # Sums per log: a 10 -> 12, b 30 -> 33 (two scenes), c 20 -> 27; R = 72 / 60 = 1.2.
    # Residuals 12 - 12 = 0, 33 - 36 = -3, 27 - 24 = 3; variance 3/2 x 18 / 3600 = .0075; half = t(2) x .0866 = .3726
    found = check([10.0, 10.0, 20.0, 20.0], [12.0, 13.0, 20.0, 27.0], ["a", "b", "b", "c"])
    half = t.ppf(0.975, 2) * math.sqrt(0.0075)
    assert (found.ratio, found.low, found.high) == pytest.approx((1.2, 1.2 - half, 1.2 + half))
    # 2/12, 3/13, 0, 7/27
    assert found.error == pytest.approx((2 / 12 + 3 / 13 + 0 + 7 / 27) / 4)
    assert (found.n_scenes, found.n_logs, found.finding) == (4, 3, "hold")
    assert found.sentence == (
        "labels cost 1.20 times the prediction [0.83, 1.57], 72 of 60 EUR, 4 scenes in 3 logs, "
        "one scene is off by 16 % on average: the prices in [cost] hold"
    )


def naive_interval(predicted: list[float], real: list[float], logs: list[int]) -> tuple[float, float]:
    ratio = sum(real) / sum(predicted)
    by_log: dict[int, float] = {}
    for guess, paid, log in zip(predicted, real, logs, strict=True):
        by_log[log] = by_log.get(log, 0.0) + paid - ratio * guess
    k = len(by_log)
    half = t.ppf(0.975, k - 1) * math.sqrt(k / (k - 1) * sum(r * r for r in by_log.values())) / sum(predicted)
    return ratio - half, ratio + half


ROWS = st.lists(st.tuples(st.floats(0.1, 100), st.floats(0, 100), st.integers(0, 5)), min_size=1, max_size=40)


@given(ROWS)
def test_the_interval_is_the_naive_one_and_the_unit_makes_no_difference(rows: list[tuple[float, float, int]]) -> None:
    predicted, real, logs = (list(part) for part in zip(*rows, strict=True))
    found = check(predicted, real, logs)
    if len(set(logs)) < 2:
        assert found.finding in ("unknown", "copied")
        return
    assert (found.low, found.high) == pytest.approx(naive_interval(predicted, real, logs), abs=1e-9)
    cents = check(np.multiply(predicted, 100), np.multiply(real, 100), logs)
    assert (cents.ratio, cents.low, cents.error) == pytest.approx((found.ratio, found.low, found.error), nan_ok=True)
    turned = check(predicted[::-1], real[::-1], logs[::-1])
    assert (turned.ratio, turned.high) == pytest.approx((found.ratio, found.high))


def test_planted_prices_come_back_within_their_intervals() -> None:
    true = replace(PRICES, per_scene=3.0, per_frame=0.15, per_object=0.02)
    held = []
    for seed in range(25):
        found = check(*planted(true, seed=seed))
        assert (found.finding, found.n_scenes, found.n_logs) == ("too_low", 200, 20)
        assert [(price.name, price.now) for price in found.prices] == [
            *(("per_frame", 0.1), ("per_object", 0.02), ("per_scene", 1.0)),
        ]
        held += [price.low <= getattr(true, price.name) <= price.high for price in found.prices]
        assert found.prices[0].value == pytest.approx(0.15, rel=0.1)
    assert np.mean(held) >= 0.85  # 95 % is meant; percentile intervals of 20 logs are a little narrow
    assert "the prices in [cost] are too low; fitted prices: per_frame 0.1" in found.sentence
    assert "200 scenes in 20 logs" in found.sentence


def test_fitted_prices_are_weighed_least_squares_and_keep_the_total() -> None:
    predicted, real, logs, counts = planted(replace(PRICES, per_frame=0.2))
    found = check(predicted, real, logs, counts)
    design = np.stack([*counts, np.ones(len(real))], axis=1)
    expected, _ = nnls(design / np.sqrt(predicted)[:, None], real / np.sqrt(predicted))
    values = np.array([price.value for price in found.prices])
    np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert (design @ values).sum() == pytest.approx(real.sum())


def test_the_share_of_intervals_that_hold_the_true_ratio() -> None:
    true = replace(PRICES, per_frame=0.13)
    held = []
    for seed in range(200):
        predicted, real, logs, counts = planted(true, noise=0.5, n=60, n_logs=8, seed=seed)
        found = check(predicted, real, logs)
        held.append(found.low <= predict_cost(*counts, true).sum() / predicted.sum() <= found.high)
    assert 0.9 <= np.mean(held) <= 0.99


def test_prices_are_never_negative_and_too_dear_is_said() -> None:
    found = check(*planted(replace(PRICES, per_scene=0.0, per_frame=0.0, per_object=0.02)))
    assert found.finding == "too_high"
    assert all(price.value >= 0 and price.low >= 0 for price in found.prices)
    assert "too high" in found.sentence


@pytest.mark.parametrize(
    ("frames", "objects", "kept", "untold"),
    [
        # all scenes have equally many frames: a frame cannot be told from a scene
        (np.full(20, 40), np.arange(20) ** 2, ("per_frame", "per_object"), ("per_scene",)),
        # nobody found an object
        (np.arange(20) + 1, np.zeros(20), ("per_frame", "per_scene"), ("per_object",)),
        # objects follow frames
        (np.arange(20) + 1, 3 * (np.arange(20) + 1), ("per_frame", "per_scene"), ("per_object",)),
        (np.full(20, 40), np.full(20, 7), ("per_frame",), ("per_object", "per_scene")),
    ],
)
def test_what_cannot_be_told_apart_is_left_out(
    frames: np.ndarray, objects: np.ndarray, kept: tuple[str, ...], untold: tuple[str, ...]
) -> None:
    predicted = predict_cost(frames, objects, PRICES)
    found = check(predicted, 2 * predicted, np.arange(20) % 6, (frames, objects))
    assert tuple(price.name for price in found.prices) == kept
    assert found.untold == untold
    assert f"({', '.join(untold)} cannot be told from these)" in found.sentence
    assert found.ratio == pytest.approx(2.0)


def test_few_scenes_and_few_logs_fit_less() -> None:
    predicted, real, logs, (frames, objects) = planted(replace(PRICES, per_frame=0.2), n=9)
    assert check(predicted, real, logs, (frames, objects)).prices == ()
    predicted, real, logs, counts = planted(replace(PRICES, per_frame=0.2), n_logs=3)
    few = check(predicted, real, logs, counts)
    assert len(few.prices) == 3
    assert all(math.isnan(price.low) for price in few.prices)
    assert check(predicted, real, np.zeros(200), counts).finding == "unknown"


def test_what_is_not_known_does_not_count() -> None:
    some = check([10.0, 20.0, 5.0], [12.0, 18.0, NAN], ["a", "b", "c"])
    assert (some.n_scenes, some.n_unknown, some.n_logs, some.ratio) == (2, 1, 2, pytest.approx(1.0))
    assert some.sentence.endswith("; of 1 more the real cost is not known")
    none = check([10.0], [NAN], ["a"])
    assert none.sentence == "no real cost is known of 1 labelled scenes; deliver `cost` with the labels"
    assert check([], [], []).finding == "unknown"
    free = check([0.0, 0.0], [1.0, 2.0], ["a", "b"])
    assert free.sentence.startswith("labels cost 3 EUR where nothing was predicted")
    assert math.isnan(check([1.0], [0.0], ["a"]).error)
    assert json.loads(json.dumps(none.to_json(), allow_nan=False))["ratio"] is None


def test_picks_that_came_back_as_they_were_say_nothing_of_prices() -> None:
    predicted, _, logs, counts = planted(PRICES)
    found = check(predicted, predicted, logs, counts)
    assert found.finding == "copied"
    assert found.sentence == "each real cost of 200 scenes is the predicted one; deliver what was paid"


def test_arrays_are_not_changed_and_bad_ones_are_refused() -> None:
    predicted, real, logs, counts = planted(PRICES)
    before = [array.copy() for array in (predicted, real, logs, *counts)]
    assert check(predicted, real, logs, counts) == check(predicted, real, logs, counts)
    for array, kept in zip((predicted, real, logs, *counts), before, strict=True):
        np.testing.assert_array_equal(array, kept)
    with pytest.raises(ValueError, match=r"a log per scene; got \(2,\), \(1,\) and \(2,\)"):
        check([1.0, 2.0], [1.0], ["a", "b"])
    for bad in (-1.0, np.inf):
        with pytest.raises(ValueError, match="negative or infinite"):
            check([1.0], [bad], ["a"])
        with pytest.raises(ValueError, match="negative or infinite"):
            check([bad], [1.0], ["a"])
    with pytest.raises(ValueError, match="negative or infinite"):
        check([NAN], [1.0], ["a"])
