"""Several scores as one: hand-worked, against naive loops, and through the stage."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from oddloop.config import CostConfig, ObjectiveConfig, SelectConfig
from oddloop.errors import ConfigError, TableError
from oddloop.select import select
from oddloop.select.objectives import mean_of_ranks, product_of, with_objectives

SEEDS = st.integers(0, 10**6)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(1, 20))
def test_a_product_is_the_weighted_geometric_mean(seed: int, m: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    scores, weights = rng.random((m, n)) + 0.1, rng.random(m) + 0.1
    naive = [math.exp(sum(w * math.log(s) for w, s in zip(weights, row, strict=True)) / sum(weights))
             for row in scores.T]  # fmt: skip
    assert product_of(scores, weights) == pytest.approx(naive)
    scaled = product_of(scores * np.array([[1e6]] + [[1.0]] * (m - 1)), weights)
    assert np.argsort(scaled, kind="stable").tolist() == np.argsort(product_of(scores, weights), kind="stable").tolist()


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 4), st.integers(1, 20))
def test_ranks_are_scipys_between_0_and_1(seed: int, m: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    scores, weights = rng.integers(-3, 4, (m, n)).astype(float), rng.random(m) + 0.1
    naive = sum(w * (rankdata(row) - 0.5) / n for w, row in zip(weights, scores, strict=True)) / weights.sum()
    assert mean_of_ranks(scores, weights) == pytest.approx(naive)
    assert mean_of_ranks(np.exp(scores), weights) == pytest.approx(naive)  # only the order counts


@pytest.mark.parametrize("combine", [product_of, mean_of_ranks])
def test_what_is_not_known_of_one_score_is_not_known_at_all(combine) -> None:
    found = combine([[1.0, np.nan, np.inf, 4.0], [1.0, 1.0, 1.0, 1.0]], [1.0, 2.0])
    assert np.isfinite(found).tolist() == [True, False, False, True]
    assert combine(np.empty((2, 0)), [1.0, 1.0]).shape == (0,)


def test_faults_are_named() -> None:
    with pytest.raises(TableError, match="takes scores of 0 or more; combine by ranks"):
        product_of([[-1.0]], [1.0])
    for weights in ([1.0], [0.0, 1.0], [np.nan, 1.0]):
        with pytest.raises(TableError, match="one finite number above 0 for each"):
            mean_of_ranks([[1.0], [2.0]], weights)


IDS = ["a", "b", "c", "d"]
SCENES = pa.table({"scene_id": IDS, "log_id": ["l"] * 4, "n_frames": [10] * 4})


def scores(**columns: list[float | None]) -> pa.Table:
    table = {"scene_id": IDS, "n_frames_scored": [10] * 4, "n_objects_sum": [0] * 4}
    for name, values in columns.items():
        table |= {name: pa.array(values, pa.float64()), f"{name}_valid": [value is not None for value in values]}
    return pa.table(table)


def chosen(table: pa.Table, *objectives: ObjectiveConfig, combine: str = "product"):
    config = SelectConfig(policy="uncertainty", budget=2.4, objectives=objectives, combine=combine)
    return select(SCENES, [], table, None, None, config, CostConfig(per_frame=0.12), np.random.default_rng(0))


def test_the_stage_ranks_by_the_product_and_says_so() -> None:
    table = scores(risk=[1.0, 4.0, 9.0, None], doubt=[100.0, 4.0, 1.0, 50.0])
    result = chosen(table, ObjectiveConfig("risk"), ObjectiveConfig("doubt", weight=0.5))
    assert result.picks["scene_id"].to_pylist() == ["a", "c"]  # 10, 8, 9, to the power of 2/3
    assert result.score_column == "product of risk, doubt^0.5"
    assert any("product of risk, doubt^0.5" in r["text"] for r in result.picks["reasons"][0].as_py())
    assert result.n_excluded["no_score"] == 1


def test_a_limit_keeps_scenes_out() -> None:
    table = scores(risk=[1.0, 4.0, 9.0, None], doubt=[100.0, 4.0, 1.0, 50.0])
    result = chosen(table, ObjectiveConfig("risk", at_least=4.0), ObjectiveConfig("doubt"))
    assert result.candidates["scene_id"].to_pylist() == ["b", "c"]
    assert result.n_excluded["below_limit"] == 2


def test_negative_scores_are_for_ranks() -> None:
    table = scores(energy=[-1.0, -4.0, -2.0, -3.0], doubt=[1.0, 4.0, 3.0, 2.0])
    with pytest.raises(ConfigError, match=r"objectives.. energy: a product takes .* combine = \"ranks\""):
        chosen(table, ObjectiveConfig("energy"), ObjectiveConfig("doubt"))
    result = chosen(table, ObjectiveConfig("energy"), ObjectiveConfig("doubt", weight=3.0), combine="ranks")
    assert result.picks["scene_id"].to_pylist() == ["b", "c"]
    with pytest.raises(ConfigError, match="'noise' is not a scene score; there are: doubt, energy"):
        chosen(table, ObjectiveConfig("noise"))


def test_without_objectives_nothing_is_added() -> None:
    table = scores(risk=[1.0, 4.0, 9.0, None])
    found, name, below = with_objectives(table, (), "product", "uncertainty")
    assert found is table
    assert (name, len(below)) == ("", 0)
    assert with_objectives(None, (), "product", "random")[0] is None
