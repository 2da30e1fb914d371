"""One vector per scene, of whatever is known of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from oddloop.config import DiscoverConfig
from oddloop.derived_tables import SCENE_VECTORS
from oddloop.discover import build_scene_vectors
from oddloop.discover import pooling as pooling_module
from oddloop.discover.pooling import mean_by_scene
from oddloop.discover.telemetry import telemetry_matrix
from oddloop.errors import TableError
from oddloop.ids import id_array

CONFIG = DiscoverConfig()


def scenes_of(ids: list[str], **columns) -> pa.Table:
    return pa.table({"scene_id": ids, "log_id": ["l"] * len(ids), **columns})


def features_of(scene_ids: list[str], vectors: list, kind: pa.DataType | None = None) -> pa.Table:
    return pa.table({"scene_id": scene_ids, "vector": pa.array(vectors, kind or pa.list_(pa.float32()))})


class TestPooling:
    FRAMES = ("b", "a", "b", "stranger", "a", "b")
    VECTORS = ([1.0, 0.0], [2.0, 2.0], [4.0, 0.0], [9.0, 9.0], [4.0, 6.0], None)

    @pytest.mark.parametrize("value", [pa.float16(), pa.float32(), pa.float64()])
    @pytest.mark.parametrize("as_list", [pa.list_, pa.large_list, lambda value: pa.list_(value, 2)])
    def test_mean_over_the_frames_of_a_scene(self, value, as_list) -> None:
        table = features_of(list(self.FRAMES), list(self.VECTORS), as_list(value))
        means, present = mean_by_scene(table, id_array(["a", "b", "c"]))
        # a: ((2, 2) + (4, 6)) / 2; b: ((1, 0) + (4, 0)) / 2, its third vector is null; c has none
        assert means.tolist() == [[3.0, 4.0], [2.5, 0.0], [0.0, 0.0]]
        assert present.tolist() == [True, True, False]

    def test_batches_and_chunks_add_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rng = np.random.default_rng(0)
        ids = [f"s{i}" for i in rng.integers(0, 7, 100)]
        table = features_of(ids, list(rng.normal(size=(100, 3)).astype(np.float32)))
        whole, _ = mean_by_scene(table, id_array([f"s{i}" for i in range(7)]))
        monkeypatch.setattr(pooling_module, "_ROWS", 9)
        chunked = pa.concat_tables([table[:13], table[13:14], table[14:]])
        parts, _ = mean_by_scene(chunked, id_array([f"s{i}" for i in range(7)]))
        np.testing.assert_allclose(parts, whole, rtol=1e-12)
        naive = [np.mean([v for i, v in zip(ids, table["vector"].to_pylist(), strict=True) if i == s], axis=0)
                 for s in [f"s{i}" for i in range(7)]]  # fmt: skip
        np.testing.assert_allclose(whole, naive, rtol=1e-6)

    def test_no_features(self) -> None:
        means, present = mean_by_scene(features_of([], []), id_array(["a"]))
        assert means.shape == (1, 0)
        assert not present.any()

    @pytest.mark.parametrize(
        ("vectors", "message"),
        [
            ([[1.0], [1.0, 2.0]], r"vectors differ in length: \[1, 2\]"),
            ([[1.0], [np.nan]], "the vectors of 1 scenes hold NaN or infinity, the first is scene 'b'"),
            ([[1.0], [np.inf]], "hold NaN or infinity"),
            ([[None], [1.0]], "the first is scene 'a'"),
        ],
    )
    def test_vectors_that_cannot_be_compared_are_refused(self, vectors, message) -> None:
        with pytest.raises(TableError, match=message):
            mean_by_scene(features_of(["a", "b"], vectors), id_array(["a", "b"]))

    def test_vectors_of_two_encoders_in_two_batches_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pooling_module, "_ROWS", 1)
        with pytest.raises(TableError, match="vectors differ in length: 1 and 2; give all from one encoder"):
            mean_by_scene(features_of(["a", "b"], [[1.0], [1.0, 2.0]]), id_array(["a", "b"]))


class TestTelemetry:
    SCENES = scenes_of(
        ["a", "b"],
        start_ns=[10**18, 2 * 10**18],
        duration_s=[8.0, 9.0],
        n_frames=pa.array([80, None], pa.int32()),
        weather=["fog", "rain"],
        night=[True, False],
        speed_mps=pa.array([np.inf, np.nan]),
    )
    SCORES = pa.table(
        {
            "scene_id": ["b", "x"],
            "n_frames_scored": [3, 3],
            "risk_max_mean": [0.5, 0.1],
            "risk_max_mean_valid": [True, True],
            "risk_max_max": [0.9, 0.1],
            "risk_max_p95": [0.8, 0.1],
            "risk_max_sum": [1.5, 0.3],
            "risk_max_n": [3, 3],
        }
    )

    def test_numbers_of_the_scene_and_the_mean_and_maximum_of_its_scores(self) -> None:
        values, present = telemetry_matrix(self.SCENES, self.SCORES, id_array(["a", "b"]))
        # duration_s, n_frames, speed_mps; risk_max_max, risk_max_mean
        nan = np.nan
        np.testing.assert_array_equal(values, [[8.0, 80.0, nan, nan, nan], [9.0, nan, nan, 0.9, 0.5]])
        assert present.all()

    def test_nothing_scored(self) -> None:
        assert telemetry_matrix(self.SCENES, None, id_array(["a", "b"]))[0].shape == (2, 3)
        assert np.isnan(telemetry_matrix(self.SCENES, self.SCORES[:0], id_array(["a", "b"]))[0][:, 3:]).all()

    def test_nothing_known(self) -> None:
        values, present = telemetry_matrix(scenes_of(["a"]), None, id_array(["a"]))
        assert values.shape == (1, 0)
        assert not present.any()


def test_features_take_the_place_of_telemetry() -> None:
    scenes = scenes_of(["c", "a", "b"], speed_mps=[1.0, 50.0, 9.0])
    features = features_of(["a", "b"], [[0.0, 5.0], [2.0, 5.0]])
    result = build_scene_vectors(scenes, features, None, CONFIG)
    # one direction is left, standardised: the second number is the same everywhere
    assert result.vectors.to_pylist() == [{"scene_id": "a", "vector": [-1.0]}, {"scene_id": "b", "vector": [1.0]}]
    assert result.without_vector.to_pylist() == ["c"]
    assert result.explained.tolist() == [1.0]


def test_scenes_without_any_value_are_listed() -> None:
    scenes = scenes_of(["c", "a", "b", "d"], speed_mps=[1.0, None, 9.0, None])
    result = build_scene_vectors(scenes, None, None, CONFIG)
    assert result.vectors["scene_id"].to_pylist() == ["b", "c"]
    assert result.without_vector.to_pylist() == ["a", "d"]


def test_no_feature_at_all_leaves_every_scene_out() -> None:
    result = build_scene_vectors(scenes_of(["a", "b"]), features_of([], []), None, CONFIG)
    assert result.vectors.schema.equals(SCENE_VECTORS.schema())
    assert (result.vectors.num_rows, len(result.without_vector)) == (0, 2)


def test_no_scenes() -> None:
    scenes = pa.table({"scene_id": pa.array([], pa.string()), "duration_s": pa.array([], pa.float64())})
    result = build_scene_vectors(scenes, None, None, CONFIG)
    assert (result.vectors.num_rows, len(result.without_vector)) == (0, 0)


def test_order_of_rows_and_columns_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    ids = [f"s{i:03d}" for i in range(200)]
    scenes = scenes_of(ids, **{f"x{j}": rng.normal(size=200) for j in range(5)})
    frames = list(np.repeat(ids, 4))
    features = features_of(frames, list(rng.normal(size=(800, 6)).astype(np.float32)))
    for given in (None, features):
        expected = build_scene_vectors(scenes, given, None, CONFIG)
        mixed = given.take(rng.permutation(800)) if given else None
        columns = ["x3", "scene_id", "x1", "x0", "log_id", "x4", "x2"]
        shuffled = build_scene_vectors(scenes.take(rng.permutation(200)).select(columns), mixed, None, CONFIG)
        assert shuffled.vectors.equals(expected.vectors)


def test_no_more_components_than_asked_for() -> None:
    features = features_of([f"s{i}" for i in range(50)], list(np.random.default_rng(0).normal(size=(50, 30))))
    scenes = scenes_of([f"s{i}" for i in range(50)])
    result = build_scene_vectors(scenes, features, None, DiscoverConfig(n_components=4))
    assert {len(v) for v in result.vectors["vector"].to_pylist()} == {4}
    assert (np.diff(result.explained) <= 0).all()


def test_a_scene_that_is_there_twice_is_refused() -> None:
    with pytest.raises(TableError, match="scene_id 'a' is there more than once"):
        build_scene_vectors(scenes_of(["a", "b", "a"]), None, None, CONFIG)
