"""One vector per scene, of whatever is known of it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from oddloop.config import VectorsConfig
from oddloop.derived_tables import SCENE_VECTORS
from oddloop.discover import build_scene_vectors
from oddloop.discover import pooling as pooling_module
from oddloop.discover.blocks import gather_blocks
from oddloop.discover.pooling import hardest_frames, mean_by_scene
from oddloop.errors import TableError
from oddloop.ids import id_array

CONFIG = VectorsConfig()


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


class TestBlocks:
    SCENES = scenes_of(
        ["a", "b"],
        start_ns=[10**18, 2 * 10**18],
        duration_s=[8.0, 9.0],
        n_frames=pa.array([80, None], pa.int32()),
        weather=["fog", "rain"],
        night=[True, False],
        speed_mps=pa.array([np.inf, 3.0]),
        lanes=[2, 3],
        agents_seen_mean=[4.0, None],
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

    def blocks(self, scores: pa.Table | None = None, features: pa.Table | None = None, **config) -> dict:
        found = gather_blocks(self.SCENES, features, scores, None, id_array(["a", "b"]), VectorsConfig(**config))
        return {block.name: (block.columns, block.values.tolist()) for block in found}

    def test_numbers_go_to_their_blocks_and_length_and_attributes_to_none(self) -> None:
        nan = pytest.approx(np.nan, nan_ok=True)
        assert self.blocks(self.SCORES) == {
            "telemetry": (("speed_mps",), [[nan], [3.0]]),
            "road": (("lanes",), [[2.0], [3.0]]),
            "agents": (("agents_seen_mean",), [[4.0], [nan]]),
            "uncertainty": (("risk_max_max", "risk_max_mean"), [[nan, nan], [0.9, 0.5]]),
        }

    def test_a_weight_of_0_leaves_a_block_out_and_patterns_move_columns(self) -> None:
        assert set(self.blocks(self.SCORES, weights={"uncertainty": 0.0})) == {"telemetry", "road", "agents"}
        assert self.blocks(road=("speed_*",))["road"][0] == ("speed_mps",)

    def test_hardest_frames_are_pooled_once_more(self) -> None:
        frames = pa.table({"scene_id": ["a"] * 4, "frame_id": list("wxyz"), "vector": [[1.0], [1.0], [1.0], [9.0]]})
        scores = pa.table({"scene_id": ["a"] * 4, "frame_id": list("wxyz"), "hard": [0.1, 0.2, None, 7.0]})
        hardest = hardest_frames(scores, "hard", 0.2)
        assert hardest["frame_id"].to_pylist() == ["z"]
        found = gather_blocks(self.SCENES, frames, None, hardest, id_array(["a", "b"]), CONFIG)
        features = next(block for block in found if block.name == "features")
        assert features.values[0].tolist() == [3.0, 9.0]
        assert np.isnan(features.values[1]).all()

    def test_hardest_frames_agree_with_a_loop(self) -> None:
        rng = np.random.default_rng(0)
        scene, score = rng.integers(6, size=80), rng.integers(5, size=80).astype(float)
        names = [f"f{i:02d}" for i in range(80)]
        table = pa.table({"frame_id": names, "scene_id": [f"s{s}" for s in scene], "hard": score})
        expected = []
        for s in range(6):
            mine = sorted(np.flatnonzero(scene == s), key=lambda i: (-score[i], names[i]))
            expected += [names[i] for i in mine[: max(int(np.ceil(0.3 * len(mine))), 1)]]
        assert hardest_frames(table, "hard", 0.3)["frame_id"].to_pylist() == sorted(expected)


def test_every_block_has_its_share_of_variance_however_wide() -> None:
    rng = np.random.default_rng(0)
    ids = [f"s{i:03d}" for i in range(400)]
    scenes = scenes_of(ids, speed_mps=rng.normal(size=400))
    features = features_of(ids, list(rng.normal(size=(400, 12)).astype(np.float32)))
    wide = VectorsConfig(n_components=13)
    vectors = np.array(build_scene_vectors(scenes, features, None, wide).vectors["vector"].to_pylist())
    assert vectors.var(axis=0).sum() == pytest.approx(2.0, rel=1e-4)
    # the one column of telemetry is as much as the twelve of the features: the first direction
    assert abs(np.corrcoef(vectors[:, 0], scenes["speed_mps"].to_numpy())[0, 1]) > 0.99
    more = VectorsConfig(n_components=13, weights={"telemetry": 0.01})
    vectors = np.array(build_scene_vectors(scenes, features, None, more).vectors["vector"].to_pylist())
    assert vectors.var(axis=0).sum() == pytest.approx(1.01, rel=1e-4)


def test_a_missing_block_counts_as_average_and_is_told() -> None:
    scenes = scenes_of(["c", "a", "b"], speed_mps=[1.0, 50.0, 9.0])
    features = features_of(["a", "b"], [[0.0, 5.0], [2.0, 5.0]])
    result = build_scene_vectors(scenes, features, None, CONFIG)
    assert result.vectors["scene_id"].to_pylist() == ["a", "b", "c"]
    assert result.n_missing == {"features": 1, "telemetry": 0}
    assert result.blocks == {"features": ("feature_0", "feature_1"), "telemetry": ("speed_mps",)}


def test_units_change_nothing() -> None:
    rng = np.random.default_rng(1)
    speed, gap = rng.lognormal(size=(2, 50))
    ids = [f"s{i:02d}" for i in range(50)]
    one = build_scene_vectors(scenes_of(ids, speed_mps=speed, gap_m=gap), None, None, CONFIG)
    two = build_scene_vectors(scenes_of(ids, speed_mps=3.6 * speed + 7, gap_m=gap / 1000), None, None, CONFIG)
    np.testing.assert_allclose(
        np.stack(one.vectors["vector"].to_numpy()), np.stack(two.vectors["vector"].to_numpy()), rtol=1e-4, atol=1e-5
    )


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
    result = build_scene_vectors(scenes, features, None, VectorsConfig(n_components=4))
    assert {len(v) for v in result.vectors["vector"].to_pylist()} == {4}
    assert (np.diff(result.explained) <= 0).all()


def test_a_scene_that_is_there_twice_is_refused() -> None:
    with pytest.raises(TableError, match="scene_id 'a' is there more than once"):
        build_scene_vectors(scenes_of(["a", "b", "a"]), None, None, CONFIG)
