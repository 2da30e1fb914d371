"""Resamples of a curve against naive loops and known variances; curve points against sums by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from oddloop.config import AttributeConfig, MetricConfig
from oddloop.coverage import encode_attributes
from oddloop.coverage.diagnosis import collect_points, plan_curves
from oddloop.coverage.diagnosis.errors import CurveErrors, PointTable
from oddloop.coverage.diagnosis.exponents import pool_exponents
from oddloop.coverage.diagnosis.fit import EXPONENTS
from oddloop.coverage.diagnosis.resamples import draw_logs, resample, scatter_of_labelled
from oddloop.errors import TableError


def errors_of(values, n, seeds, logs=1):
    """One segment, trainings by size and seed, all logs alike with support 1."""
    values = np.asarray(values, float)
    shape = 1, len(values), logs
    sums = np.broadcast_to(values[None, :, None], shape).copy()
    size = np.repeat(np.arange(len(values) // seeds), seeds)
    seed = np.tile(np.arange(seeds), len(values) // seeds)
    return CurveErrors(np.zeros(1, int), np.asarray(n, float)[None], size, seed, sums, np.ones(shape))


def test_resampled_logs_have_the_variance_of_a_mean():
    rng = np.random.default_rng(0)
    by_log = rng.normal(10, 1, 12)
    one = CurveErrors(
        np.zeros(1, int), np.ones((1, 1)), np.zeros(1, int), np.zeros(1, int), by_log[None, None], np.ones((1, 1, 12))
    )
    drawn = resample(one, draw_logs(12, 20_000, rng), rng).errors[0, :, 0]
    assert drawn.mean() == pytest.approx(by_log.mean(), abs=0.01)
    assert drawn.var() == pytest.approx(by_log.var(ddof=1) / 12, rel=0.05)


def test_resampled_seeds_have_the_variance_of_a_mean():
    rng = np.random.default_rng(0)
    values = np.array([0.1, 0.2, 0.4, 0.5, 0.9])
    drawn = resample(errors_of(values, [10] * 5, 5), draw_logs(1, 20_000, rng), rng)
    means = (drawn.weights * drawn.errors).sum(axis=2) / drawn.weights.sum(axis=2)
    assert means.var() == pytest.approx(values.var(ddof=1) / 5, rel=0.05)


def test_the_luck_of_the_labelled_scenes_by_hand():
    # Two seeds at share 0.5 differ by 0.2: variance 0.02; 0.5² / (1 - 0.5²) = 1/3 of it is common: sqrt(0.00667).
    errors = errors_of([0.3, 0.5, 0.2, 0.2], [50, 50, 100, 100], 2)
    assert scatter_of_labelled(errors) == pytest.approx([np.sqrt(0.02 / 3)])


def test_luck_agrees_with_many_data_sets():
    """Excess error of a mean of 20 dimensions, the model case: squared distance of the estimate from the truth."""
    rng = np.random.default_rng(1)
    found, real = [], []
    for _ in range(300):
        data = rng.normal(size=(100, 20))
        shares, seeds = np.array([0.2, 0.4, 0.6]), 5
        points = [
            (data[rng.permutation(100)[: int(100 * f)]].mean(axis=0) ** 2).sum() for f in shares for _ in range(seeds)
        ]
        n = np.repeat(100 * shares, seeds)
        found.append(scatter_of_labelled(errors_of([*points, *[0.2] * seeds], [*n, *[100] * seeds], seeds))[0] ** 2)
        real.append((data.mean(axis=0) ** 2).sum())
    assert np.sqrt(np.mean(found)) == pytest.approx(np.std(real), rel=0.25)


def test_one_seed_is_always_drawn():
    rng = np.random.default_rng(0)
    drawn = resample(errors_of([0.5, 0.4], [10, 20], 1), draw_logs(1, 7, rng), rng)
    np.testing.assert_array_equal(drawn.weights, np.broadcast_to([0.5, 1.0], (1, 7, 2)))


def test_trainings_without_scenes_of_the_segment_do_not_count():
    rng = np.random.default_rng(0)
    drawn = resample(errors_of([0.5, 0.4, 0.3, 0.2], [0, 0, 9, 9], 2), draw_logs(1, 9, rng), rng)
    assert (drawn.weights[:, :, :2] == 0).all()


def test_pooled_exponents_follow_the_segments_and_doubt_where_there_are_none():
    alike = 60 * (np.log(EXPONENTS) - np.log(0.3)) ** 2
    centre, spread = pool_exponents(np.tile(alike, (40, 1)), EXPONENTS)
    assert np.exp(centre) == pytest.approx(0.3, rel=0.1)
    flat_centre, flat_spread = pool_exponents(np.zeros((1, len(EXPONENTS))), EXPONENTS)
    assert flat_spread > 2 * spread
    assert np.exp(flat_centre) == pytest.approx(0.45, abs=0.15)


def test_pooled_exponents_equal_a_sum_over_the_grid():
    rng = np.random.default_rng(0)
    costs = 20 * (np.log(EXPONENTS) - rng.normal(-0.5, 0.2, (5, 1))) ** 2
    weights = {}
    for centre in np.linspace(np.log(0.1), np.log(1.5), 55):
        prior = np.exp(-(((np.log(EXPONENTS) - centre) / 0.12) ** 2) / 2)
        evidence = [(np.exp(-0.15 * (row - row.min())) * prior).sum() / prior.sum() for row in costs]
        weights[centre] = np.prod(evidence) * np.exp(-(((centre - np.log(0.5)) / 0.7) ** 2) / 2)
    total = sum(weights.values())
    mean = sum(c * w for c, w in weights.items()) / total
    variance = sum((c - mean) ** 2 * w for c, w in weights.items()) / total
    assert pool_exponents(costs, EXPONENTS) == pytest.approx((mean, np.sqrt(0.12**2 + variance)))


def small_world():
    scenes = pa.table(
        {
            "scene_id": [f"s{i}" for i in range(12)],
            "log_id": [f"l{i // 2}" for i in range(12)],
            "sky": ["dry", "rain"] * 6,
        }
    )
    plan = plan_curves(scenes.slice(0, 8), 3, 2, 0.25, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    rows = [
        {
            "scene_id": f"s{i}",
            "metric": "recall",
            "value": rng.random(),
            "support": int(rng.integers(0, 4)),
            "size": k,
            "seed": r,
        }
        for i in range(8, 12)
        for k in range(3)
        for r in range(2)
    ]
    return scenes, plan, pa.Table.from_pylist(rows)


def test_points_equal_sums_by_hand():
    scenes, plan, measured = small_world()
    encoded = encode_attributes(scenes, {"sky": AttributeConfig()})
    points = collect_points(measured, plan, scenes, encoded, 1).to_pylist()
    by_id = {row["scene_id"]: row for row in scenes.to_pylist()}
    expected = {}
    for name, inside in (("all", ("dry", "rain")), ("sky=dry", ("dry",)), ("sky=rain", ("rain",))):
        for row in measured.to_pylist():
            scene = by_id[row["scene_id"]]
            if scene["sky"] in inside and row["support"]:
                key = name, row["size"], row["seed"], scene["log_id"]
                old = expected.get(key, (0, 0.0))
                expected[key] = old[0] + row["support"], old[1] + row["support"] * row["value"]
        for k in range(3):
            for r in range(2):
                taken = [i for i in np.flatnonzero(plan.takes(k, r)) if by_id[f"s{i}"]["sky"] in inside]
                found = {p["n_scenes"] for p in points if (p["segment_id"], p["size"], p["seed"]) == (name, k, r)}
                assert found <= {len(taken)}
    got = {(p["segment_id"], p["size"], p["seed"], p["log_id"]): (p["support"], p["value_sum"]) for p in points}
    assert got.keys() == expected.keys()
    assert all(got[k] == pytest.approx(expected[k]) for k in got)


def test_points_are_read_back_as_errors():
    scenes, plan, measured = small_world()
    points = collect_points(measured, plan, scenes, encode_attributes(scenes, {}), 0)
    table = PointTable(points, "recall", MetricConfig("higher"))
    (block,) = table.blocks()
    rows = measured.to_pylist()
    for p, (k, r) in enumerate(zip(block.size, block.seed, strict=True)):
        mine = [row for row in rows if (row["size"], row["seed"]) == (k, r)]
        support = sum(row["support"] for row in mine)
        wrong = sum(row["support"] * (1 - row["value"]) for row in mine)
        assert block.mean[0, p] == pytest.approx(wrong / support)
        assert block.n[0, p] == plan.takes(int(k), int(r)).sum()


def test_a_scene_that_is_not_there_is_named():
    scenes, plan, measured = small_world()
    with pytest.raises(TableError, match="learning curves: 6 rows are of scenes that `scenes` lacks; add them"):
        collect_points(measured, plan, scenes.slice(0, 11), encode_attributes(scenes.slice(0, 11), {}), 0)
