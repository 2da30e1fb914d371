"""From scene tables to an audit, and from an audit to a recommendation or a plain warning."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from oddloop.derived_tables import AUDIT
from oddloop.errors import TableError
from oddloop.score import audit_scenes, error_levels, measured_scenes, recommend


@pytest.mark.parametrize(
    ("values", "better", "levels"),
    [
        ([0.75, 1.0, 0.0], "higher", [0.25, 0.0, 1.0]),  # a rate: the share that is wrong
        ([3.0, 12.0], "higher", [9.0, 0.0]),  # no rate: how far short of the best
        ([-2.0, -0.5], "higher", [1.5, 0.0]),
        ([2.0, 0.5], "lower", [2.0, 0.5]),  # as it is
        ([-1.0, 3.0], "lower", [0.0, 4.0]),  # shifted: the best has none
        ([], "higher", []),
        ([], "lower", []),
    ],
)
def test_error_levels(values: list[float], better: str, levels: list[float]) -> None:
    assert error_levels(values, better).tolist() == levels


SCENES = pa.table(
    {"scene_id": ["a", "b", "c", "d"], "log_id": ["l0", "l0", "l1", "l1"], "duration_s": [8.0, 9.0, 10.0, 11.0]}
)
SCORES = pa.table(
    {
        "scene_id": ["d", "b", "a"],  # c has no prediction
        "n_frames_scored": [4, 5, 6],
        "n_objects_sum": [7, 8, 9],
        "detection_entropy_sum_mean": [0.5, None, 9.0],
        "detection_entropy_sum_mean_valid": [True, False, True],
    }
)


def metrics(**columns) -> pa.Table:
    names = {"scene_id": ["a", "b", "c", "d"], "metric": ["recall"] * 4, "value": [0.5, 1.0, 0.0, 0.25]}
    return pa.table({**names, "support": [10, 10, 10, 4], **columns})


def test_measured_scenes_have_scores_and_the_metric() -> None:
    measured = measured_scenes(SCENES, SCORES, metrics(), "recall")
    assert measured["scene_id"].to_pylist() == ["d", "b", "a"]
    assert measured["log_id"].to_pylist() == ["l1", "l0", "l0"]
    assert measured["n_frames"].to_pylist() == [4, 5, 6]  # as scored: `scenes` has none
    with_frames = SCENES.append_column("n_frames", pa.array([40, None, 42, 43]))
    assert measured_scenes(with_frames, SCORES, metrics(), "recall")["n_frames"].to_pylist() == [43, 5, 40]


@pytest.mark.parametrize(
    "columns",
    [{"value": [None, 1.0, 0.0, 0.25]}, {"value": [float("nan"), 1.0, 0.0, 0.25]}, {"support": [0, 10, 10, 4]}],
    ids=["null", "NaN", "no support"],
)
def test_a_scene_without_a_value_is_not_measured(columns) -> None:
    assert measured_scenes(SCENES, SCORES, metrics(**columns), "recall")["scene_id"].to_pylist() == ["d", "b"]


def test_two_values_of_a_scene_are_refused() -> None:
    with pytest.raises(TableError, match="a scene has two values of `recall`"):
        measured_scenes(SCENES, SCORES, metrics(scene_id=["a", "a", "c", "d"]), "recall")


def test_errors_are_level_times_support() -> None:
    measured = measured_scenes(SCENES, SCORES, metrics(), "recall")
    table = audit_scenes(measured, [1.0, 1.0, 1.0], "higher", np.random.default_rng(0))
    found = {row["score"]: row for row in table.to_pylist()}
    # Errors: d .75 x 4 = 3, b 0, a .5 x 10 = 5. The score is valid in d and a, and puts a first.
    score = found["detection_entropy_sum_mean"]
    assert (score["task"], score["n"], score["n_logs"], score["n_excluded"]) == ("detection", 2, 2, 1)
    assert score["found_at_20"] == pytest.approx(2 * 0.2 * 5 / 8)
    assert score["rank_correlation"] == pytest.approx(-1.0)  # by level, d is worse
    assert found["scene_length"]["found_at_20"] == pytest.approx(3 * 0.2 * 3 / 8)


def table_of(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist([{"kind": "score", "n_logs": 21, **row} for row in rows], schema=AUDIT.schema())


def row(score: str, gain: float | None, low: float | None, high: float | None, **more: object) -> dict[str, object]:
    names = {"gain_at_10": gain, "gain_at_10_low": low, "gain_at_10_high": high}
    return {"score": score, "task": score.split("_")[0], **names, **more}


def test_the_best_score_of_each_task_is_recommended() -> None:
    audit = table_of(
        row("detection_a", 0.05, 0.02, 0.08),
        row("detection_b", 0.06, 0.01, 0.09),
        row("object_count", 0.0, 0.0, 0.0, kind="baseline"),
        row("trajectory_c", 0.01, -0.02, 0.04),
        row("risk_d", None, None, None),
    )
    detection, trajectory = recommend(audit)
    assert (detection.score, detection.n_scores, detection.beats_object_count) == ("detection_a", 2, True)
    assert str(detection) == (
        "Rank by detection_a, the best of 2 detection scores: at 10 % of the cost it finds +5.0 points of all errors "
        "compared with object count (95 % interval +2.0 to +8.0 over 21 logs)."
    )
    assert not trajectory.beats_object_count
    assert str(trajectory).startswith("Warning: no trajectory score beats object count. The best of 1 is trajectory_c")


def test_too_few_logs_are_a_warning_of_their_own() -> None:
    (best,) = recommend(table_of(row("detection_a", 0.5, None, None, n_logs=1)))
    assert not best.beats_object_count
    assert str(best).startswith("Warning: 1 log is too few to say whether a detection score beats object count.")
