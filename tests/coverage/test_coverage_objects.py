"""Objects per scene and class, counted batch by batch, and joined to scenes."""

import collections
import itertools

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.config import AttributeConfig, CoverageConfig
from oddloop.coverage import add_object_counts, compute, count_objects
from oddloop.errors import TableError
from oddloop.tables import METRICS

OBJECTS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["car", "van", None])), max_size=30)


def table_of(objects):
    scenes, categories = zip(*objects, strict=True) if objects else ([], [])
    return pa.table({"scene_id": pa.array(scenes, pa.string()), "category": pa.array(categories, pa.string())})


@given(OBJECTS, st.lists(st.integers(0, 30), max_size=4))
def test_agrees_with_a_counter_however_the_batches_are_cut(objects, cuts):
    bounds = sorted({0, len(objects), *(c for c in cuts if c < len(objects))})
    batches = [table_of(objects[a:b]) for a, b in itertools.pairwise(bounds)]
    found = count_objects(batches)
    expected = collections.Counter((scene, category or "unknown") for scene, category in objects)
    assert found["scene_id"].to_pylist() == sorted({scene for scene, _ in objects})
    assert found.column_names[1:] == sorted({f"n_objects_{category}" for _, category in expected})
    for row in found.to_pylist():
        for name in found.column_names[1:]:
            assert row[name] == expected[row["scene_id"], name.removeprefix("n_objects_")]


def test_dictionaries_and_large_strings_are_read():
    objects = pa.table(
        {
            "scene_id": pa.array(["a", "a"]).dictionary_encode(),
            "category": pa.array(["car", "van"], pa.large_string()),
        }
    )
    assert count_objects([objects]).to_pylist() == [{"scene_id": "a", "n_objects_car": 1, "n_objects_van": 1}]


def test_counts_stand_in_for_own_columns_and_leave_the_rest():
    scenes = pa.table({"scene_id": ["a", "b"], "n_objects_car": [7, 7], "n_objects_bus": [5, 6]})
    joined = add_object_counts(scenes, count_objects([table_of([("b", "car"), ("z", "car")])]))
    assert joined.to_pylist() == [
        {"scene_id": "a", "n_objects_bus": 5, "n_objects_car": 0},
        {"scene_id": "b", "n_objects_bus": 6, "n_objects_car": 1},
    ]
    assert scenes.column_names == ["scene_id", "n_objects_car", "n_objects_bus"]


def test_segments_hold_objects_by_class_and_status():
    scenes = pa.table(
        {
            "scene_id": list("abc"),
            "log_id": ["l"] * 3,
            "duration_s": [1.0] * 3,
            "sky": ["dry", "wet", "wet"],
            "n_objects_said": ["many", "few", "none"],  # a text is no count
        }
    )
    counts = count_objects([table_of([("a", "car"), ("b", "car"), ("b", "car"), ("b", "van"), ("c", "van")])])
    arguments = scenes, pa.array(["a", "b"]), METRICS.empty(), {"sky": AttributeConfig()}, CoverageConfig(), None
    segments = compute(*arguments, objects=counts).segments
    found = {(r["segment_id"], r["status"]): (r["n_objects_car"], r["n_objects_van"]) for r in segments.to_pylist()}
    assert "n_objects_said" not in segments.column_names
    assert found["all", "labelled"] == (3, 1)
    assert found["sky=wet", "labelled"] == (2, 1)
    assert found["sky=wet", "unlabelled"] == (0, 1)


def test_a_missing_column_is_named():
    with pytest.raises(TableError, match="objects: column `category` is missing; there are: scene_id"):
        count_objects([pa.table({"scene_id": ["a"]})])
