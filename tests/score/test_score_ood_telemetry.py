"""Scores of telemetry agree with scikit-learn and with naive counting."""

import math

import numpy as np
import pyarrow as pa
import pytest
import sklearn.ensemble
import sklearn.neighbors
from hypothesis import given, settings
from hypothesis import strategies as st

from oddloop.errors import TableError
from oddloop.score import summarize_scenes
from oddloop.score.ood import (
    Source,
    fit_ecod,
    fit_iforest,
    fit_lof,
    score_ecod,
    score_iforest,
    score_lof,
    score_ood_telemetry,
    telemetry_matrix,
    telemetry_source,
    training_set,
)

SOURCE = Source("m1", "telemetry:x")


def train(rows):
    scenes = [f"s{i}" for i in range(len(rows))]
    return training_set(np.asarray(rows, np.float64), scenes, scenes, SOURCE)


def samples(seed, n=80, width=3):
    rng = np.random.default_rng(seed)
    # Whole numbers, so that values tie.
    return rng.gamma(2, 10, (n, width)).round(), rng.gamma(2, 20, (15, width)).round() - 10


class TestEcod:
    @given(st.integers(0, 10_000))
    def test_agrees_with_counting(self, seed):
        rows, queries = samples(seed)
        expected = [
            sum(
                max(
                    -math.log((sum(v <= x for v in column) + 1) / (len(column) + 1)),
                    -math.log((sum(v >= x for v in column) + 1) / (len(column) + 1)),
                )
                for x, column in zip(query, rows.T, strict=True)
            )
            for query in queries
        ]
        assert score_ecod(fit_ecod(train(rows)), queries, source=SOURCE) == pytest.approx(expected, rel=1e-12)

    @given(st.integers(0, 10_000))
    def test_only_the_order_of_values_matters(self, seed):
        rows, queries = samples(seed)
        expected = score_ecod(fit_ecod(train(rows)), queries, source=SOURCE)
        for transform in (lambda x: 3 * x + 7, lambda x: np.exp(x / 10), lambda x: -x):
            again = score_ecod(fit_ecod(train(transform(rows))), transform(queries), source=SOURCE)
            assert again == pytest.approx(expected, rel=1e-12)
        assert ((expected >= 0) & (expected <= 3 * math.log(81) + 1e-12)).all()

    def test_farther_out_is_never_less_and_beyond_all_is_the_largest(self):
        stats = fit_ecod(train(np.random.default_rng(0).normal(size=(200, 1))))
        outward = score_ecod(stats, np.linspace(0, 9, 50)[:, None], source=SOURCE)
        assert (np.diff(outward[10:]) >= 0).all()
        assert outward[-1] == pytest.approx(math.log(201))

    def test_a_constant_column_says_nothing_of_its_own_value(self):
        stats = fit_ecod(train([[4.0], [4.0], [4.0]]))
        assert score_ecod(stats, [[4.0], [5.0]], source=SOURCE) == pytest.approx([0.0, math.log(4)])


class TestLof:
    @given(st.integers(0, 10_000), st.integers(1, 30))
    @settings(deadline=None, max_examples=30)
    def test_agrees_with_scikit_learn(self, seed, k):
        rng = np.random.default_rng(seed)
        rows, queries = rng.normal(size=(80, 3)) * [1, 10, 100], rng.normal(size=(15, 3)) * [2, 20, 200]
        mean, deviation = rows.mean(axis=0), rows.std(axis=0)
        peer = sklearn.neighbors.LocalOutlierFactor(n_neighbors=k, novelty=True).fit((rows - mean) / deviation)
        found = score_lof(fit_lof(train(rows), k), queries, source=SOURCE)
        assert found == pytest.approx(-peer.score_samples((queries - mean) / deviation), rel=1e-9)

    def test_units_do_not_matter(self):
        rows, queries = samples(1)
        expected = score_lof(fit_lof(train(rows)), queries, source=SOURCE)
        again = score_lof(fit_lof(train(rows * [1, 1e3, 1e-3] + 5)), queries * [1, 1e3, 1e-3] + 5, source=SOURCE)
        assert again == pytest.approx(expected, rel=1e-6)

    def test_degenerate_training_rows(self):
        alike = fit_lof(train([[0.1, 0.2]] * 6))
        assert score_lof(alike, [[0.1, 0.2]], source=SOURCE) == pytest.approx([1.0])
        assert np.isfinite(score_lof(alike, [[5.0, 5.0]], source=SOURCE)).all()
        assert fit_lof(train([[1.0], [2.0]]), 20).k == 1
        with pytest.raises(TableError, match="lof needs two training rows or more; got 1"):
            fit_lof(train([[1.0]]))
        with pytest.raises(TableError, match="k must be 1 or more; got 0"):
            fit_lof(train([[1.0], [2.0]]), 0)


class TestForest:
    @pytest.mark.parametrize(("n", "n_per_tree"), [(2, 256), (60, 256), (700, 256), (700, 16)])
    def test_agrees_with_scikit_learn(self, n, n_per_tree):
        rows, queries = samples(n, n)
        stats = fit_iforest(train(rows), np.random.default_rng(5), 50, n_per_tree)
        seed = int(np.random.default_rng(5).integers(2**31))
        peer = sklearn.ensemble.IsolationForest(n_estimators=50, max_samples=min(n, n_per_tree), random_state=seed)
        peer.fit(rows.astype(np.float32))
        assert score_iforest(stats, queries, source=SOURCE) == pytest.approx(-peer.score_samples(queries), rel=1e-9)

    def test_one_seed_one_forest(self):
        rows, queries = samples(3)
        digests = [fit_iforest(train(rows), np.random.default_rng(seed), 10).digest for seed in (1, 1, 2)]
        assert digests[0] == digests[1] != digests[2]
        found = score_iforest(fit_iforest(train(rows), np.random.default_rng(1)), queries, source=SOURCE)
        assert ((found > 0) & (found <= 1)).all()

    def test_degenerate_training_rows(self):
        alike = fit_iforest(train([[1.0]] * 5), np.random.default_rng(0))
        assert score_iforest(alike, [[1.0], [9.0], [1e300]], source=SOURCE) == pytest.approx([0.5, 0.5, 0.5])
        with pytest.raises(TableError, match="iforest needs two training rows or more, and a column; got 1 x 1"):
            fit_iforest(train([[1.0]]), np.random.default_rng(0))
        with pytest.raises(TableError, match="beyond single precision"):
            fit_iforest(train([[1e50], [1.0]]), np.random.default_rng(0))
        with pytest.raises(TableError, match="n_trees must be 1 or more"):
            fit_iforest(train([[1.0], [2.0]]), np.random.default_rng(0), 0)


class TestTable:
    SCENES = pa.table(
        {
            "scene_id": ["a", "b", "c", "d"],
            "start_ns": [1, 2, 3, 4],
            "speed_mps": pa.array([1.0, 2.0, None, 50.0]),
            "n_turns": [0, 1, 2, 3],
            "town": ["x"] * 4,
        }
    )

    def fitted(self, columns):
        source = telemetry_source("m1", columns)
        matrix = telemetry_matrix(self.SCENES, columns)
        return fit_ecod(training_set(matrix, self.SCENES["scene_id"], ["a", "b"], source))

    def test_scenes_are_scored_and_pool_like_any_other(self):
        columns = ["n_turns", "speed_mps"]
        found = score_ood_telemetry(self.SCENES, [self.fitted(columns)], model_id="m1", columns=columns)
        assert found["ood_ecod_valid"].to_pylist() == [True, True, False, True]
        scenes = summarize_scenes(found)
        assert scenes["ood_ecod_max"].to_pylist()[3] == pytest.approx(2 * math.log(3))
        assert scenes["ood_ecod_max_valid"].to_pylist() == [True, True, False, True]

    def test_other_columns_another_order_and_another_model_are_refused(self):
        stats = [self.fitted(["n_turns", "speed_mps"])]
        for model_id, columns in (
            ("m1", ["n_turns"]),
            ("m1", ["speed_mps", "n_turns"]),
            ("m2", ["n_turns", "speed_mps"]),
        ):
            with pytest.raises(
                TableError, match=r"ecod statistics \w{32} were fitted to model `m1`, .* but the features"
            ):
                score_ood_telemetry(self.SCENES, stats, model_id=model_id, columns=columns)

    def test_a_column_that_is_not_numeric_is_named(self):
        with pytest.raises(TableError, match="no numeric columns town, moon; there are: n_turns, speed_mps"):
            telemetry_matrix(self.SCENES, ["town", "n_turns", "moon"])
