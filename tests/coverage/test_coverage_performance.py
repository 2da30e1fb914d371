"""Metrics per segment: worked numbers, a naive reference, validity, and what is refused."""

import collections

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from oddloop.config import AttributeConfig, CoverageConfig
from oddloop.coverage import encode_attributes, summarize_performance, wilson_interval
from oddloop.derived_tables import SEGMENT_METRICS
from oddloop.errors import ConfigError, TableError
from oddloop.intervals import bootstrap, bootstrap_interval, draw_weights

TAXONOMY = {"sky": AttributeConfig(), "tags": AttributeConfig(kind="multilabel")}
METRIC = {"model_id": "m", "stack": "perception", "metric": "recall"}
SCHEMA = pa.schema(
    [
        ("scene_id", pa.string()),
        ("model_id", pa.string()),
        ("stack", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("support", pa.int64()),
    ]
)


def scenes_of(rows):
    """(log, sky, tags) rows."""
    return pa.table(
        {
            "scene_id": [f"s{i}" for i in range(len(rows))],
            "log_id": pa.array([r[0] for r in rows], pa.string()),
            "sky": pa.array([r[1] for r in rows], pa.string()),
            "tags": pa.array([r[2] for r in rows], pa.list_(pa.string())),
        }
    )


def summarize(scenes, metrics, seed=0, **settings):
    table = pa.Table.from_pylist([{**METRIC, **m} for m in metrics], SCHEMA)
    config = CoverageConfig(**{"n_bootstrap": 60, "min_logs": 2, **settings})
    return summarize_performance(
        scenes, table, encode_attributes(scenes, TAXONOMY), config, np.random.default_rng(seed)
    )


def by_segment(table):
    return {row["segment_id"]: row for row in table.to_pylist()}


def test_worked_numbers():
    # GIVEN recalls .5 of 10, 1.0 of 30 in rain over two logs, and a scene without objects
    scenes = scenes_of([("a", "rain", []), ("b", "rain", ["car"]), ("a", "dry", None)])
    found = by_segment(
        summarize(
            scenes,
            [
                {"scene_id": "s0", "value": 0.5, "support": 10},
                {"scene_id": "s1", "value": 1.0, "support": 30},
                {"scene_id": "s2", "value": float("nan"), "support": 0},
            ],
        )
    )
    # THEN rain: (5 + 30) / 40 = .875; the scene without support is in no segment
    rain = found["sky=rain"]
    assert (rain["value_sum"], rain["support"], rain["value"]) == (35.0, 40, 0.875)
    assert (rain["n_scenes"], rain["n_logs"], rain["interval"], rain["valid"]) == (2, 2, "bootstrap_by_log", True)
    # resamples are {a, a}, {a, b}, {b, b}: R is .5, .875 or 1; of two logs that is 9 times too narrow, so anything
    assert (rain["ci_low"], rain["ci_high"]) == (0.0, 1.0)
    assert set(found) == {
        "all",
        "sky=rain",
        "tags=none",
        "tags=car",
        "sky=rain & tags=none",
        "sky=rain & tags=car",
    }


def test_too_few_logs_have_no_interval():
    scenes = scenes_of([("a", "rain", []), ("b", "rain", []), ("c", "dry", []), ("c", "dry", [])])
    metrics = [{"scene_id": f"s{i}", "value": 0.1 * i, "support": 1} for i in range(4)]
    found = by_segment(summarize(scenes, metrics, min_logs=3))
    assert found["all"]["valid"]
    for name in ("sky=rain", "sky=dry"):
        row = found[name]
        assert (row["ci_low"], row["ci_high"], row["interval"], row["valid"]) == (None, None, "none", False)
        assert row["value"] is not None


def test_a_bootstrap_is_widened_where_logs_are_few_and_stays_within_what_the_metric_can_be():
    scenes = scenes_of([(f"l{i}", "dry", []) for i in range(5)])
    for values in ([1.0, 1.2, 1.1, 0.9, 1.3], [0.0, 0.1, 9.0, 0.2, 0.0]):
        metrics = [{"scene_id": f"s{i}", "value": v, "support": 1} for i, v in enumerate(values)]
        row = by_segment(summarize(scenes, metrics, n_bootstrap=400))["all"]
        weights = draw_weights(5, 400, np.random.default_rng(0))
        low, high = bootstrap_interval(np.array([values]), np.ones((1, 5)), weights, 0.95)
        factor = stats.t.ppf(0.975, 4) / stats.norm.ppf(0.975) * (5 / 4) ** 0.5
        mean = np.mean(values)
        expected = (max(mean - factor * (mean - low[0]), 0), mean + factor * (high[0] - mean))
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(expected)


def test_no_error_among_few_things_is_not_perfection():
    scenes = scenes_of([(f"l{i}", "dry", []) for i in range(5)])
    metrics = [{"scene_id": f"s{i}", "value": 0.0, "support": 4} for i in range(5)]
    row = by_segment(summarize(scenes, metrics))["all"]
    # the bootstrap sees no spread at all; Wilson for 0 of 20: [0, 0.161]
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((0.0, 0.161), abs=5e-4)


def test_wilson_for_rates():
    scenes = scenes_of([("a", "rain", [])] * 2)
    metrics = [{"scene_id": "s0", "value": 0.1, "support": 20}, {"scene_id": "s1", "value": 0.05, "support": 20}]
    row = by_segment(summarize(scenes, metrics, interval="wilson"))["all"]
    # 2 + 1 of 40
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((0.0258, 0.1986), abs=5e-5)
    assert (row["interval"], row["valid"]) == ("wilson", True)


def test_the_exact_interval_for_rates():
    scenes = scenes_of([("a", "rain", [])] * 2)
    metrics = [{"scene_id": "s0", "value": 0.1, "support": 20}, {"scene_id": "s1", "value": 0.05, "support": 20}]
    row = by_segment(summarize(scenes, metrics, interval="exact"))["all"]
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((0.0157, 0.2039), abs=5e-5)
    assert (row["interval"], row["valid"]) == ("exact", True)


@pytest.mark.parametrize("interval", ["wilson", "exact"])
@pytest.mark.parametrize("value", [-0.1, 3.2])
def test_intervals_of_rates_are_refused_for_what_is_no_rate(value, interval):
    scenes = scenes_of([("a", "rain", [])] * 2)
    metrics = [{"scene_id": "s0", "value": 0.1, "support": 20}, {"scene_id": "s1", "value": value, "support": 20}]
    message = rf"metric `recall` of model `m` has the value {value}; set coverage.interval = \"bootstrap_by_log\""
    with pytest.raises(ConfigError, match=f'coverage.interval = "{interval}" is for rates.*{message}'):
        summarize(scenes, metrics, interval=interval)


SCENES = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from(["rain", "dry", None]),
        st.none() | st.lists(st.sampled_from(["car", "bus"]), max_size=2, unique=True),
    ),
    min_size=1,
    max_size=15,
)
VALUES = st.lists(
    st.tuples(st.sampled_from(["m1", "m2"]), st.sampled_from(["fde_m", "miss"]), st.integers(0, 4), st.floats(-9, 9)),
    max_size=30,
)


def draw_metrics(scenes, values):
    """At most one row per scene, model and metric."""
    rows = {}
    for i, (model, metric, support, value) in enumerate(values):
        scene = f"s{i % len(scenes)}"
        rows[scene, model, metric] = {
            "scene_id": scene,
            "model_id": model,
            "metric": metric,
            "support": support,
            "value": value,
        }
    return list(rows.values())


@settings(max_examples=30)
@given(SCENES, VALUES)
def test_sums_agree_with_counting_one_by_one(rows, values):
    metrics = draw_metrics(rows, values)
    found = summarize(scenes_of(rows), metrics)
    expected = collections.defaultdict(lambda: [0, set(), 0, 0.0])
    for metric in metrics:
        log, sky, tags = rows[int(metric["scene_id"][1:])]
        tags = ["unknown"] if tags is None else tags or ["none"]
        names = ["all", f"sky={sky or 'unknown'}", *(f"tags={t}" for t in tags)]
        names += [f"sky={sky or 'unknown'} & tags={t}" for t in tags]
        for name in names if metric["support"] else []:
            cell = expected[name, metric["model_id"], metric["metric"]]
            cell[0] += 1
            cell[1].add(log)
            cell[2] += metric["support"]
            cell[3] += metric["support"] * metric["value"]
    assert found.schema.equals(SEGMENT_METRICS.schema())
    assert {(r["segment_id"], r["model_id"], r["metric"]) for r in found.to_pylist()} == set(expected)
    for row in found.to_pylist():
        n_scenes, logs, support, total = expected[row["segment_id"], row["model_id"], row["metric"]]
        assert (row["n_scenes"], row["n_logs"], row["support"]) == (n_scenes, len(logs), support)
        assert row["value_sum"] == pytest.approx(total, abs=1e-9)
        assert row["value"] == pytest.approx(total / support, abs=1e-9)
        assert row["valid"] == (len(logs) >= 2)
        if row["valid"]:
            assert row["ci_low"] <= row["ci_high"]


@settings(max_examples=30)
@given(SCENES, VALUES, st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_of_scenes_matters(rows, values, random):
    metrics = draw_metrics(rows, values)
    scenes = scenes_of(rows)
    order = random.sample(range(len(rows)), len(rows))
    one = summarize(scenes, metrics)
    two = summarize(scenes.take(order), random.sample(metrics, len(metrics)))
    for name in one.column_names:
        if pa.types.is_floating(one.schema.field(name).type):
            assert one[name].to_numpy() == pytest.approx(two[name].to_numpy(), rel=1e-9, abs=1e-9, nan_ok=True)
        else:
            assert one[name].equals(two[name])


def fleet(n=300, n_logs=12):
    rng = np.random.default_rng(3)
    rows = [
        (f"l{i:02d}", s, []) for i, s in zip(rng.integers(0, n_logs, n), rng.choice(["rain", "dry"], n), strict=True)
    ]
    metrics = [{"scene_id": f"s{i}", "value": float(v), "support": 3} for i, v in enumerate(rng.normal(size=n))]
    return scenes_of(rows), metrics


def test_the_seed_decides():
    scenes, metrics = fleet()
    assert summarize(scenes, metrics, seed=1).equals(summarize(scenes, metrics, seed=1))
    assert not summarize(scenes, metrics, seed=1).equals(summarize(scenes, metrics, seed=2))


def test_all_models_and_metrics_share_their_resamples():
    scenes, metrics = fleet()
    twins = [{**m, "model_id": model, "metric": name} for m in metrics for model in "mn" for name in ("x", "y")]
    found = summarize(scenes, twins).to_pylist()
    intervals = collections.defaultdict(set)
    for row in found:
        intervals[row["segment_id"]].add((row["ci_low"], row["ci_high"]))
    assert {len(v) for v in intervals.values()} == {1}


def test_blocks_of_segments_change_nothing(monkeypatch):
    scenes, metrics = fleet()
    expected = summarize(scenes, metrics)
    monkeypatch.setattr(bootstrap, "_BLOCK", 1)
    found = summarize(scenes, metrics)
    assert found["ci_low"].to_numpy() == pytest.approx(expected["ci_low"].to_numpy(), rel=1e-12)


def test_wilson_and_bootstrap_agree_where_logs_are_independent_trials():
    rng = np.random.default_rng(5)
    n = 400
    scenes = scenes_of([(f"l{i}", "dry", []) for i in range(n)])
    metrics = [{"scene_id": f"s{i}", "value": float(v), "support": 1} for i, v in enumerate(rng.random(n) < 0.3)]
    row = by_segment(summarize(scenes, metrics, n_bootstrap=4000))["all"]
    expected = wilson_interval(row["value_sum"], n)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    "useless",
    [
        {"value": 0.5, "support": 0},
        {"value": 0.5, "support": -3},
        {"value": None, "support": 5},
        {"value": 0.5, "support": None},
        {"value": float("inf"), "support": 5},
        {"value": 1e308, "support": 1000},
    ],
)
def test_a_row_without_a_value_is_in_no_segment(useless):
    scenes = scenes_of([("a", "rain", []), ("b", "dry", [])])
    found = by_segment(
        summarize(scenes, [{"scene_id": "s0", "value": 1.0, "support": 1}, {"scene_id": "s1", **useless}])
    )
    assert found["all"]["n_scenes"] == 1
    assert "sky=dry" not in found


def test_three_way_segments_of_few_scenes_are_not_listed():
    rng = np.random.default_rng(1)
    n = 200
    scenes = pa.table(
        {
            "scene_id": [f"s{i}" for i in range(n)],
            "log_id": [f"l{i % 9}" for i in range(n)],
            **{name: rng.choice(["x", "y", "z"], n).tolist() for name in "abc"},
        }
    )
    metrics = pa.Table.from_pylist(
        [{**METRIC, "scene_id": f"s{i}", "value": 0.5, "support": 1} for i in range(n)], SCHEMA
    )
    encoded = encode_attributes(scenes, {name: AttributeConfig() for name in "abc"})

    def run(**settings):
        config = CoverageConfig(max_way=3, n_bootstrap=20, **settings)
        return summarize_performance(scenes, metrics, encoded, config, np.random.default_rng(0)).to_pylist()

    every = run(min_scenes=1)
    assert len(every) == 1 + 3 * 3 + 3 * 9 + 27
    few = run(min_scenes=8)
    assert few == [row for row in every if row["segment_id"].count("=") < 3 or row["n_scenes"] >= 8]
    assert len(few) < len(every)


def test_no_metrics():
    assert summarize(scenes_of([("a", "rain", [])]), []).equals(SEGMENT_METRICS.empty())


def test_faults_are_named():
    scenes = scenes_of([("a", "rain", [])])
    lost = [{"scene_id": "s0", "value": 1.0, "support": 1}, {"scene_id": "zz", "value": 1.0, "support": 1}]
    with pytest.raises(TableError, match="1 rows are of scenes that `scenes` lacks, such as `zz`"):
        summarize(scenes, lost)
    with pytest.raises(TableError, match="metrics: `model_id` is null in 1 rows"):
        summarize(scenes, [{"scene_id": "s0", "model_id": None, "value": 1.0, "support": 1}])
