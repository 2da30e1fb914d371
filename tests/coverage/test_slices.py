"""The slice search as a whole: planted slices, null data, logs that are alike, and data that are not in order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from oddloop.config import AttributeConfig, MetricConfig, SlicesConfig
from oddloop.coverage import Encoded, EncodedAttribute, encode_attributes, wilson_interval
from oddloop.coverage.slices import find_metric_slices, find_slices
from oddloop.derived_tables import SLICES
from oddloop.errors import TableError

N, N_LOGS = 4_000, 200
LOGS = np.arange(N) * N_LOGS // N
N_VALUES = (4, 3, 5, 2, 4)


def attributes(rng: np.random.Generator, n: int = N) -> Encoded:
    made = [
        EncodedAttribute(f"a{i}", tuple(f"v{v}" for v in range(size)), rng.integers(0, size, n).astype(np.int32))
        for i, size in enumerate(N_VALUES)
    ]
    return Encoded(n, tuple(made), pa.table({}))


def holds(encoded: Encoded, **wanted: int) -> np.ndarray:
    of = {a.name: a.codes for a in encoded.attributes}
    return np.logical_and.reduce([of[name] == code for name, code in wanted.items()])


def planted(seed: int = 0):
    rng = np.random.default_rng(seed)
    encoded = attributes(rng)
    is_bad = holds(encoded, a0=1, a2=3)
    return encoded, is_bad, (rng.random(N) < np.where(is_bad, 0.3, 0.05)).astype(float)


def names(table: pa.Table) -> list[str]:
    return table["segment_id"].to_pylist()


def test_a_planted_slice_is_listed_alone_with_its_rates() -> None:
    encoded, is_bad, errors = planted()
    (row,) = find_slices(encoded, LOGS, errors).to_pylist()
    assert (row["segment_id"], row["rank"], row["n_way"]) == ("a0=v1 & a2=v3", 1, 2)
    n, k = int(is_bad.sum()), int(errors[is_bad].sum())
    assert (row["n_scenes"], row["trials"], row["errors"], row["n_logs"]) == (n, n, k, len(set(LOGS[is_bad])))
    assert row["error_rate"] == k / n
    assert row["rest_rate"] == pytest.approx(errors[~is_bad].mean())
    rests = [errors[holds(encoded, **parent) & ~is_bad].mean() for parent in ({"a0": 1}, {"a2": 3})]
    assert row["parent_rest_rate"] == pytest.approx(max(rests))
    assert row["parent_id"] == ("a0=v1", "a2=v3")[int(np.argmax(rests))]
    assert row["ci_low"] == pytest.approx(wilson_interval(k, n)[0], abs=0.01)
    assert row["p_value"] < row["adjusted_p"] <= 0.05
    assert f"{k} of {n} wrong" in row["because"]
    assert f"{row['n_logs']} logs" in row["because"]


def test_a_worse_part_of_a_slice_is_listed_beside_it() -> None:
    rng = np.random.default_rng(1)
    encoded = attributes(rng)
    rate = np.where(holds(encoded, a1=0), 0.25, 0.03)
    rate[holds(encoded, a1=0, a3=1, a4=2)] = 0.8
    found = find_slices(encoded, LOGS, (rng.random(N) < rate).astype(float))
    assert sorted(names(found)) == ["a1=v0", "a1=v0 & a3=v1 & a4=v2"]


def test_two_slices_are_both_listed_and_their_union_is_not() -> None:
    rng = np.random.default_rng(2)
    encoded = attributes(rng)
    is_bad = holds(encoded, a0=0, a1=0) | holds(encoded, a0=0, a1=1)
    found = find_slices(encoded, LOGS, (rng.random(N) < np.where(is_bad, 0.4, 0.05)).astype(float))
    assert {"a0=v0 & a1=v0", "a0=v0 & a1=v1"} <= set(names(found)) <= {"a0=v0", "a0=v0 & a1=v0", "a0=v0 & a1=v1"}


def test_null_data_list_next_to_nothing() -> None:
    listed = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        listed += find_slices(attributes(rng), LOGS, (rng.random(N) < 0.08).astype(float)).num_rows
    assert listed <= 2


def test_errors_of_whole_logs_are_no_slices() -> None:
    """A tenth of the logs is wrong throughout, and attributes belong to logs: chance picks logs, not scenes."""
    listed = naive = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        of_log = attributes(rng, N_LOGS).take(LOGS)
        errors = (rng.random(N) < np.where(rng.random(N_LOGS) < 0.1, 0.6, 0.02)[LOGS]).astype(float)
        listed += find_slices(of_log, LOGS, errors).num_rows > 0
        naive += find_slices(of_log, np.arange(N), errors).num_rows > 0
    assert listed <= 2
    assert naive >= 15  # as if scenes were independent


def test_many_things_per_scene_that_are_alike_count_as_few() -> None:
    """Pixels: a million per scene, all of a scene about equally wrong."""
    listed = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        trials = np.full(N, 1e6)
        listed += find_slices(attributes(rng), LOGS, np.rint(trials * rng.beta(1, 9, N)), trials).num_rows
    assert listed <= 2
    encoded, is_bad, _ = planted()
    share = np.random.default_rng(3).beta(1, 9, N) * np.where(is_bad, 3, 1)
    found = find_slices(encoded, LOGS, np.rint(1e6 * np.minimum(share, 1)), trials)
    assert names(found)[0] == "a0=v1 & a2=v3"
    assert found["error_rate"][0].as_py() == pytest.approx(np.minimum(share, 1)[is_bad].mean(), rel=0.01)


def test_a_multilabel_value_can_be_a_slice() -> None:
    rng = np.random.default_rng(4)
    tags = [rng.choice(["car", "bus", "bike", "van"], size, replace=False).tolist() for size in rng.integers(0, 4, N)]
    encoded = encode_attributes(pa.table({"agents": tags}), {"agents": AttributeConfig(kind="multilabel")})
    errors = rng.random(N) < np.where(["bike" in t for t in tags], 0.3, 0.05)
    assert names(find_slices(encoded, LOGS, errors)) == ["agents=bike"]


def test_scenes_without_a_value_count_nowhere() -> None:
    encoded, _, errors = planted()
    expected = find_slices(encoded, LOGS, errors)
    is_known = np.arange(N) % 10 > 0
    gone = find_slices(encoded.take(np.flatnonzero(is_known)), LOGS[is_known], errors[is_known])
    assert find_slices(encoded, LOGS, np.where(is_known, errors, np.nan)).equals(gone)
    assert find_slices(encoded, LOGS, errors * is_known, is_known.astype(float)).equals(gone)
    assert not gone.equals(expected)


def test_same_answer_for_any_numbers_of_the_logs_and_types_and_nothing_is_changed() -> None:
    encoded, _, errors = planted()
    before = errors.copy()
    expected = find_slices(encoded, LOGS, errors)
    assert find_slices(encoded, LOGS * 7 + 3, errors.astype(np.float16)).equals(expected)
    assert find_slices(encoded, [f"log-{log:04d}" for log in LOGS], errors.astype(np.bool_)).equals(expected)
    assert (errors == before).all()


@pytest.mark.parametrize("n", [0, 1, 5])
def test_hardly_any_scene(n: int) -> None:
    encoded = attributes(np.random.default_rng(0), n)
    found = find_slices(encoded, np.arange(n), np.ones(n))
    assert found.num_rows == 0
    assert found.schema.names == [c.name for c in SLICES.columns if c.name not in ("model_id", "metric")]


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_nothing_stands_out_where_all_are_alike(value: float) -> None:
    assert find_slices(attributes(np.random.default_rng(0)), LOGS, np.full(N, value)).num_rows == 0


def test_one_log_tells_nothing() -> None:
    encoded, _, errors = planted()
    assert find_slices(encoded, np.zeros(N), errors).num_rows == 0


def test_a_slice_in_one_half_of_the_logs_only_is_not_confirmed() -> None:
    encoded, is_bad, _ = planted()
    rng = np.random.default_rng(5)
    half = (np.random.default_rng(0).permutation(N_LOGS) % 2)[LOGS]  # as the search divides the logs
    errors = (rng.random(N) < np.where(is_bad & (half == 0), 0.9, 0.05)).astype(float)
    loose = SlicesConfig(each_half=1.0)
    assert "a0=v1 & a2=v3" in names(find_slices(encoded, LOGS, errors, settings=loose))
    assert "a0=v1 & a2=v3" not in names(find_slices(encoded, LOGS, errors))


def test_no_more_are_listed_than_asked_for() -> None:
    rng = np.random.default_rng(6)
    encoded = attributes(rng)
    is_bad = holds(encoded, a0=0, a1=0) | holds(encoded, a2=1, a3=1)
    errors = (rng.random(N) < np.where(is_bad, 0.5, 0.05)).astype(float)
    assert find_slices(encoded, LOGS, errors).num_rows >= 2
    assert find_slices(encoded, LOGS, errors, settings=SlicesConfig(most=1)).num_rows == 1


@pytest.mark.parametrize(
    ("errors", "trials", "message"),
    [
        ([0.0, 2.0], None, "2 of 1 in scene 1 cannot be"),
        ([-1.0, 0.0], None, "-1 of 1 in scene 0 cannot be"),
        ([0.0, 1.0], [1.0, np.inf], "1 of inf in scene 1 cannot be"),
        ([0.0], None, "of 2 scenes, but: errors 1, trials 1"),
    ],
)
def test_impossible_counts_are_refused(errors, trials, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find_slices(attributes(np.random.default_rng(0), 2), [0, 1], errors, trials)


def lake(values: np.ndarray, metric: str, support: int = 1) -> tuple[pa.Table, pa.Table]:
    ids = [f"s{i}" for i in range(N)]
    scenes = pa.table({"scene_id": ids, "log_id": [f"l{log:03d}" for log in LOGS]})
    columns = {"model_id": "m", "stack": "perception", "metric": metric}
    metrics = {"scene_id": ids, **{k: [v] * N for k, v in columns.items()}, "value": values, "support": [support] * N}
    return scenes, pa.table(metrics)


@pytest.mark.parametrize(
    ("metric", "config", "turn"),
    [
        # a rate of 4 things, in either direction
        ("recall", MetricConfig("higher"), lambda wrong: 1 - wrong * 0.75),
        ("miss_rate", MetricConfig("lower"), lambda wrong: wrong * 0.75),
        # metres: a scene is wrong that misses the target, or is of the worst tenth
        ("ade_m", MetricConfig("lower", target=2.0), lambda wrong: 1.0 + 3 * wrong),
        ("ade_m", MetricConfig("lower"), lambda wrong: np.where(wrong, 9.0, 1.0) + np.arange(N) * 1e-6),
    ],
)
def test_metrics_of_any_kind_and_direction(metric: str, config: MetricConfig, turn) -> None:
    encoded, _, errors = planted()
    scenes, metrics = lake(turn(errors), metric, 4)
    found = find_metric_slices(scenes, metrics, encoded, {metric: config}, SlicesConfig(), np.random.default_rng(0))
    assert found.schema.equals(SLICES.schema())
    assert names(found)[0] == "a0=v1 & a2=v3"
    assert found["metric"].unique().to_pylist() == [metric]
    expected = (errors * 3).sum() if metric in ("recall", "miss_rate") else None
    row = found.to_pylist()[0]
    if expected:
        rest = row["rest_rate"] * (4 * N - row["trials"])
        assert row["errors"] + rest == pytest.approx(expected, rel=0.01)


def test_a_metric_without_a_direction_is_not_searched_and_a_strange_scene_is_refused() -> None:
    encoded, _, errors = planted()
    scenes, metrics = lake(errors, "miss_rate")
    rng = np.random.default_rng(0)
    assert find_metric_slices(scenes, metrics, encoded, {}, SlicesConfig(), rng).equals(SLICES.empty())
    few = scenes.slice(0, 10)
    with pytest.raises(TableError, match="scenes that `scenes` lacks"):
        find_metric_slices(few, metrics, encoded.take(np.arange(10)), {}, SlicesConfig(), rng)
