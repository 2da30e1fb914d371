"""Two models on the same scenes: worked numbers, a loop over resamples, and what is refused."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from oddloop.config import AttributeConfig, CoverageConfig
from oddloop.coverage import (
    compare_models,
    compare_segments,
    draw_weights,
    encode_attributes,
    encode_scene_values,
    list_scene_values,
    pair_metrics,
)
from oddloop.errors import TableError

TAXONOMY = {"sky": AttributeConfig(), "tags": AttributeConfig(kind="multilabel")}
CONFIG = CoverageConfig(n_bootstrap=200)


def scenes_of(logs, sky=None, tags=None):
    n = len(logs)
    return pa.table(
        {
            "scene_id": [f"s{i}" for i in range(n)],
            "log_id": [f"l{log:02d}" for log in logs],
            "sky": sky or ["dry"] * n,
            "tags": pa.array(tags or [[]] * n, pa.list_(pa.string())),
        }
    )


def metric_of(values, supports=None, scenes=None, **names):
    scenes = range(len(values)) if scenes is None else scenes
    named = {"model_id": "m", "stack": "planning", "metric": "x", **names}
    return pa.table(
        {
            "scene_id": pa.array([f"s{i}" for i in scenes], pa.string()),
            **{name: pa.array([value] * len(values), pa.string()) for name, value in named.items()},
            "value": pa.array(values, pa.float64()),
            "support": pa.array(supports or [1] * len(values), pa.int64()),
        }
    )


def compare(scenes, first, second, config=CONFIG, seed=0):
    encoded = encode_attributes(scenes, TAXONOMY)
    table = compare_models(scenes, first, second, encoded, config, np.random.default_rng(seed))
    return {row["segment_id"]: row for row in table.to_pylist()}


def test_the_difference_is_of_means_weighted_by_support():
    # first (1x1 + 4x3)/4 = 3.25, second (2x1 + 4x3)/4 = 3.5
    found = compare(scenes_of([0, 1]), metric_of([1.0, 4.0], [1, 3]), metric_of([2.0, 4.0], [1, 3]))["all"]
    assert (found["first_value"], found["second_value"], found["difference"]) == (3.25, 3.5, -0.25)
    assert (found["n_scenes"], found["n_logs"], found["ci_low"], found["ci_high"]) == (2, 2, None, None)


def test_what_is_equally_hard_for_both_cancels_out():
    # Logs differ by whole metres, the models by .1 everywhere: the paired interval has no width.
    level = [1.0, 5.0, 9.0, 2.0, 7.0, 3.0]
    found = compare(scenes_of(range(6)), metric_of([x - 0.1 for x in level]), metric_of(level))["all"]
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((-0.1, -0.1))


def test_equal_models_differ_by_nothing():
    values = metric_of([1.0, 2.0, 3.0, 4.0, 5.0])
    found = compare(scenes_of(range(5)), values, values)["all"]
    assert (found["difference"], found["ci_low"], found["ci_high"]) == (0.0, 0.0, 0.0)


def test_only_scenes_that_both_have_measured_count():
    scenes = scenes_of([0, 1, 2, 3], sky=["dry", "wet", "wet", "fog"])
    first, second = metric_of([1.0, 2.0, 9.0], scenes=[0, 1, 3]), metric_of([7.0, 5.0, 6.0], scenes=[2, 1, 0])
    found = compare(scenes, first, second)
    assert set(found) == {"all", "sky=dry", "sky=wet", "tags=none", "sky=dry & tags=none", "sky=wet & tags=none"}
    assert (found["all"]["first_value"], found["all"]["second_value"]) == (1.5, 5.5)
    assert found["sky=wet"]["difference"] == 2.0 - 5.0


@pytest.mark.parametrize("max_way", [0, 1, 2])
def test_agrees_with_a_loop_over_segments_and_resamples(max_way):
    rng = np.random.default_rng(3)
    n, n_logs = 60, 8
    scenes = scenes_of(
        rng.integers(0, n_logs, n).tolist(),
        rng.choice(["dry", "wet"], n).tolist(),
        [["car"], ["car", "bus"], [], ["bus"]] * (n // 4),
    )
    first, second = (metric_of(rng.normal(3, 1, n).tolist(), rng.integers(1, 9, n).tolist()) for _ in range(2))
    paired = pair_metrics(scenes, first, second)
    weights = draw_weights(paired.n_logs, 99, rng)
    encoded = encode_attributes(scenes, TAXONOMY)
    table = compare_segments(paired, encoded.take(paired.rows), max_way, weights, 0.9, min_logs=2)
    values = list_scene_values(scenes["scene_id"].combine_chunks(), pa.array([], pa.string()), encoded).to_pylist()
    for row in table.to_pylist():
        parts = dict(part.split("=") for part in row["segment_id"].split(" & ") if row["segment_id"] != "all")
        inside = [
            i
            for i in range(n)
            if all(v == values[i][a] or (a == "tags" and v in values[i][a]) for a, v in parts.items())
        ]
        replicates = []
        for draw in weights.T:
            rows = [
                i for log, times in enumerate(draw) for _ in range(int(times)) for i in inside if paired.logs[i] == log
            ]
            sums, supports = paired.values[:, rows].sum(axis=1), paired.supports[:, rows].sum(axis=1)
            if rows:
                replicates.append(sums[0] / supports[0] - sums[1] / supports[1])
        low, high = np.quantile(replicates, [0.05, 0.95])
        logs, d = row["n_logs"], row["difference"]
        factor = stats.t.ppf(0.95, logs - 1) / stats.norm.ppf(0.95) * (logs / (logs - 1)) ** 0.5
        expected = np.array([d - factor * (d - low), d + factor * (high - d)])
        assert row["n_scenes"] == len(inside)
        assert [row["ci_low"], row["ci_high"]] == pytest.approx(expected.tolist())
    assert table.num_rows == [1, 6, 12][max_way]


def test_the_seed_decides_and_the_order_of_rows_does_not():
    rng = np.random.default_rng(3)
    scenes = scenes_of(rng.integers(0, 9, 50).tolist())
    first, second = metric_of(rng.normal(size=50).tolist()), metric_of(rng.normal(size=50).tolist())
    one = compare(scenes, first, second)
    order = pa.array(rng.permutation(50))
    assert compare(scenes, first.take(order), second) == one
    assert compare(scenes, first, second, seed=1) != one


def test_nothing_in_common():
    scenes = scenes_of([0, 1])
    assert compare(scenes, metric_of([1.0]), metric_of([1.0], scenes=[1])) == {}
    assert compare(scenes, metric_of([]), metric_of([])) == {}


def test_what_is_refused():
    scenes = scenes_of([0, 1])
    two = pa.concat_tables([metric_of([1.0]), metric_of([1.0], model_id="n")])
    with pytest.raises(TableError, match="takes one metric of one model, not x of m, x of n; filter them"):
        pair_metrics(scenes, two, metric_of([1.0]))
    with pytest.raises(TableError, match="metrics: x of m is there twice for some scenes"):
        pair_metrics(scenes, metric_of([1.0]), metric_of([1.0, 2.0], scenes=[0, 0]))


def test_listed_scene_values_give_the_attributes_back():
    scenes = scenes_of([0, 1, 2], ["dry", None, "wet"], [["car", "bus"], None, []])
    values = list_scene_values(
        scenes["scene_id"].combine_chunks(), pa.array(["s0"]), encode_attributes(scenes, TAXONOMY)
    )
    again = encode_scene_values(values)
    assert list_scene_values(scenes["scene_id"].combine_chunks(), pa.array(["s0"]), again).equals(values)
