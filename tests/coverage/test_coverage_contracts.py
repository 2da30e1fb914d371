"""What the stage promises as a whole: pure, seeded, indifferent to column order, and its examples run."""

import doctest
import importlib
import pickle
import pkgutil

import numpy as np
import pyarrow as pa
import pytest

import oddloop.coverage
from oddloop.config import AttributeConfig, CoverageConfig
from oddloop.coverage import compute
from oddloop.coverage.segments import count_distinct
from oddloop.derived_tables import SEGMENT_METRICS, SEGMENTS

TAXONOMY = {"sky": AttributeConfig(values=("dry", "rain")), "agents": AttributeConfig(kind="multilabel")}
CONFIG = CoverageConfig(n_bootstrap=50, min_logs=2)


def lake(n=60):
    rng = np.random.default_rng(0)
    ids = [f"s{i}" for i in range(n)]
    scenes = pa.table(
        {
            "scene_id": ids,
            "log_id": [f"l{i % 7}" for i in range(n)],
            "duration_s": rng.uniform(5, 20, n),
            "split": ["eval" if i % 4 == 0 else "pool" for i in range(n)],
            "sky": rng.choice(["dry", "rain", "hail"], n).tolist(),
            "agents": [["car"], [], None, ["car", "bus"]] * (n // 4),
        }
    )
    metrics = pa.table(
        {
            "scene_id": ids,
            "model_id": ["m"] * n,
            "stack": ["planning"] * n,
            "metric": ["jerk_m_s3"] * n,
            "value": rng.normal(size=n),
            "support": rng.integers(0, 9, n),
        }
    )
    return scenes, pa.array(ids[::2]), metrics


def run(scenes, labelled, metrics, seed=0):
    return compute(scenes, labelled, metrics, TAXONOMY, CONFIG, np.random.default_rng(seed))


def tables(result):
    return result.segments, result.segment_metrics, result.unmapped


def test_declared_tables_with_unique_keys():
    segments, segment_metrics, unmapped = tables(run(*lake()))
    for table, spec in ((segments, SEGMENTS), (segment_metrics, SEGMENT_METRICS)):
        assert table.schema.equals(spec.schema())
        keys = list(zip(*(table[k].to_pylist() for k in spec.key), strict=True))
        assert len(keys) == len(set(keys)) > 0
        for column in spec.columns:
            assert column.nullable or table[column.name].null_count == 0
    assert unmapped["spelling"].to_pylist() == ["hail"]
    assert set(segment_metrics["segment_id"].to_pylist()) <= set(segments["segment_id"].to_pylist())


def test_scene_values_say_which_segments_a_scene_is_in():
    scenes, labelled, metrics = lake()
    rows = run(scenes, labelled, metrics).scene_values.to_pylist()
    assert [row["scene_id"] for row in rows] == scenes["scene_id"].to_pylist()
    assert [row["labelled"] for row in rows[:4]] == [True, False, True, False]
    assert [row["agents"] for row in rows[:4]] == [["car"], ["none"], ["unknown"], ["bus", "car"]]
    assert {row["sky"] for row in rows} == {"dry", "rain", "unknown"}


def test_segments_say_whether_they_lie_inside_the_odd():
    scenes, labelled, metrics = lake()
    taxonomy = {"sky": AttributeConfig(values=("dry", "rain"), outside=("rain",)), "agents": TAXONOMY["agents"]}
    result = compute(scenes, labelled, metrics, taxonomy, CONFIG, np.random.default_rng(0))
    odd = dict(zip(result.segments["segment_id"].to_pylist(), result.segments["odd"].to_pylist(), strict=True))
    assert (odd["all"], odd["sky=dry"], odd["sky=rain"], odd["sky=unknown"]) == (
        "inside",
        "inside",
        "outside",
        "unknown",
    )
    assert odd["sky=rain & agents=car"] == "outside"


def test_inputs_are_not_changed():
    inputs, twins = lake(), lake()
    run(*inputs)
    assert all(a.equals(b) for a, b in zip(inputs, twins, strict=True))


def test_neither_column_order_nor_chunks_nor_other_columns_matter():
    scenes, labelled, metrics = lake()
    expected = tables(run(scenes, labelled, metrics))
    turned = scenes.select(scenes.column_names[::-1]).append_column("note", [["x"] * scenes.num_rows])
    chunked = pa.concat_tables([turned.slice(0, 11), turned.slice(11)])
    found = tables(run(chunked, labelled, metrics.select(metrics.column_names[::-1])))
    assert all(a.equals(b) for a, b in zip(found, expected, strict=True))


def test_same_seed_same_answer():
    one, two, other = (tables(run(*lake(), seed=s)) for s in (1, 1, 2))
    assert all(a.equals(b) for a, b in zip(one, two, strict=True))
    assert not one[1].equals(other[1])


def test_settings_pickle():
    assert pickle.loads(pickle.dumps((CONFIG, TAXONOMY))) == (CONFIG, TAXONOMY)


def test_nothing_at_all():
    scenes, labelled, metrics = lake()
    found = tables(run(scenes.slice(0, 0), labelled, metrics.slice(0, 0)))
    assert [t.num_rows for t in found] == [0, 0, 0]


def test_one_scene():
    scenes, labelled, metrics = lake()
    segments, segment_metrics, _ = tables(run(scenes.slice(1, 1), labelled, metrics.slice(1, 1)))
    assert segments.num_rows == 3 * 4  # all, sky, agents, and both
    assert not any(segment_metrics["valid"].to_pylist())


def test_distinct_counts_do_not_need_a_dense_table():
    groups, items = np.array([0, 2, 2, 2]), np.array([10**9, 5, 5, 10**9])
    assert count_distinct(groups, 3, items, 10**9 + 1).tolist() == [1, 0, 2]


MODULES = [m.name for m in pkgutil.walk_packages(oddloop.coverage.__path__, "oddloop.coverage.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
