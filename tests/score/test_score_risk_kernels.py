"""Stated risks, candidate paths and scenes of tracks, with numbers worked out by hand."""

import math

import numpy as np
import pyarrow as pa
import pytest

from oddloop.config import RiskConfig, ScoreConfig
from oddloop.errors import TableError
from oddloop.score import join_scene_scores, score_columns
from oddloop.score.risk import (
    any_collision_probability,
    best_candidates,
    collision_probability,
    post_encroachment_time,
    score_planned_collisions,
    score_planning,
    score_risk,
    score_track_scenes,
    score_tracks,
)
from oddloop.score.risk.crossing import Paths
from oddloop.tables import TRACKS

MAX = ScoreConfig(reductions=("max",))
SECOND = 10**9


def risks(**columns):
    n = len(next(iter(columns.values())))
    return pa.table({"frame_id": [f"f{i // 2}" for i in range(n)], "scene_id": ["s"] * n, **columns})


def test_stated_probabilities_are_reduced_over_a_frame():
    found = score_risk(risks(collision_prob=[0.2, 0.5, 0.0, 0.1]), ScoreConfig(reductions=("max", "sum")))
    assert found["risk_collision_prob_max"].to_pylist() == [0.5, 0.1]
    assert found["risk_collision_prob_sum"].to_pylist() == [0.7, 0.1]
    # 1 - .8 x .5, 1 - 1 x .9
    assert found["risk_collision_prob_any"].to_pylist() == pytest.approx([0.6, 0.1])
    assert [name for name in score_columns(found) if "criticality" in name] == []
    assert found["n_objects"].to_pylist() == [0, 0]


@pytest.mark.parametrize("bad", [None, math.nan, math.inf, -0.1, 1.1])
def test_a_frame_with_a_value_that_is_no_probability_is_not_valid(bad):
    found = score_risk(risks(collision_prob=[0.2, bad, 0.3, 0.4], agent_id=["p", "q", None, "q"]), MAX)
    assert found["risk_collision_prob_max"].to_pylist() == [None, 0.4]
    assert found["risk_collision_prob_any_valid"].to_pylist() == [False, True]
    assert found["n_objects"].to_pylist() == [2, 1]


def test_criticality_may_be_below_0_and_in_any_unit():
    found = score_risk(risks(criticality=[-5.0, -2.0, 1e9, None]), MAX)
    assert found["risk_criticality_max"].to_pylist() == [-2.0, None]
    assert score_columns(found) == ["risk_criticality_max"]


def test_candidates_without_weights_count_alike_and_with_weights_by_share():
    ways = [[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 8.0]]]
    batch = pa.table(
        {
            "frame_id": list("abcdefg"),
            "scene_id": ["s"] * 7,
            "candidates": pa.array([ways, ways, ways, ways, [ways[0], ways[0][:1]], [], None]),
            "weights": pa.array([None, [0.25, 0.75], [1.0], [0.9, 0.9], None, None, None]),
        }
    )
    found = score_planning(batch, MAX)
    # two draws differ with probability 2 x 1/2 x 1/2, 2 x 1/4 x 3/4, and are then 8 m apart; half of it on average
    assert found["planning_disagreement_final"].to_pylist() == [4.0, 3.0, None, None, None, None, None]
    assert found["planning_disagreement_average"].to_pylist() == [2.0, 1.5, None, None, None, None, None]
    assert found["n_objects"].to_pylist() == [0] * 6 + [None]


def states(paths, dt_s=1.0):
    """A scene of vehicles by (x, y, heading, speed) at each step; the first is the ego."""
    rows = [
        {
            "scene_id": "s", "frame_id": f"f{i:02d}", "agent_id": name, "timestamp_ns": int(i * dt_s * SECOND),
            **dict(zip(("x_m", "y_m", "heading_rad", "speed_mps"), state, strict=True)),
            "length_m": 4.0, "width_m": 2.0, "is_ego": name == next(iter(paths)),
        }
        for i in range(len(next(iter(paths.values()))))
        for name, states in paths.items()
        for state in [states[i]]
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=TRACKS.schema())


def test_time_exposed_and_braking_of_a_scene():
    # the ego closes in at 5 m/s from 26 m: gaps between bumpers 22, 17, 12 m are 4.4, 3.4, 2.4 s
    ego = [(0.0, 0.0, 0.0, 15.0), (15.0, 0.0, 0.0, 15.0), (30.0, 0.0, 0.0, 15.0)]
    lead = [(26.0 + 10 * i, 0.0, 0.0, 10.0) for i in range(3)]
    found = score_track_scenes(states({"ego": ego, "lead": lead}), MAX)
    # TTC <= 4 s at two rows, which stand for 1 s and (the last) half a second; .6 x 1 + 1.6 x .5
    assert found["risk_time_exposed_max"].to_pylist() == [1.5]
    assert found["risk_time_integrated_max"].to_pylist() == pytest.approx([1.4])
    assert found["risk_hard_braking_max"].to_pylist() == [0.0]
    assert found["risk_jerk_max"].to_pylist() == [0.0]
    assert found["risk_min_distance_shortfall_max"].to_pylist() == [0.0]
    assert found["n_frames_scored"].to_pylist() == [0]


def test_post_encroachment_with_the_ego_is_that_of_the_plain_function():
    east = [(10.0 * t - 40, 0.0, 0.0, 10.0) for t in range(9)]
    north = [(0.0, 10.0 * t - 60, math.pi / 2, 10.0) for t in range(9)]
    beside = [(10.0 * t - 40, 50.0, 0.0, 10.0) for t in range(9)]
    found = score_track_scenes(states({"ego": east, "b": north, "c": beside}), MAX)
    paths = [Paths([[p[:2] for p in way]], [np.arange(9.0)], [4.0], [2.0]) for way in (east, north)]
    expected = 4.0 - post_encroachment_time(*paths)[0]
    assert found["risk_encroachment_shortfall_max"].to_pylist() == pytest.approx([expected])
    # of the ego alone it is the same; without an ego there is none
    of_ego = score_track_scenes(states({"ego": east, "b": north}), MAX, RiskConfig(vehicles="ego"))
    assert of_ego["risk_encroachment_shortfall_max"].to_pylist() == pytest.approx([expected])
    nobody = states({"ego": east, "b": north}).drop_columns("is_ego")
    assert score_track_scenes(nobody, MAX)["risk_encroachment_shortfall_max"].to_pylist() == [None]
    with pytest.raises(TableError, match=r'vehicles = "ego" needs a column `is_ego`'):
        score_track_scenes(nobody, MAX, RiskConfig(vehicles="ego"))


def test_the_risk_of_the_ego_leaves_out_what_others_do():
    calm = [(0.0, 0.0, 0.0, 10.0)] * 3
    braking = [(0.0, 90.0, 0.0, v) for v in (20.0, 12.0, 4.0)]
    everyone, ego = (
        score_track_scenes(states({"ego": calm, "b": braking}), MAX, RiskConfig(vehicles=who)) for who in ("all", "ego")
    )
    assert everyone["risk_hard_braking_max"].to_pylist() == [2.0]
    assert ego["risk_hard_braking_max"].to_pylist() == [0.0]
    near = {"ego": calm, "b": [(200.0, 0.0, 0.0, 5.0)] * 3, "c": [(206.0, 0.0, 0.0, 0.0)] * 3}
    frames = [score_tracks(states(near), MAX, RiskConfig(vehicles=who)) for who in ("all", "ego")]
    assert [f["risk_ttc_shortfall_max"].to_pylist()[0] for f in frames] == [pytest.approx(3.6), None]


def test_order_of_vehicles_and_other_scenes_do_not_matter():
    rng = np.random.default_rng(0)
    ways = {n: [(*rng.normal(0, 9, 2), rng.uniform(-3, 3), rng.uniform(0, 9)) for _ in range(6)] for n in "abcd"}
    one = states(ways)
    mixed = one.sort_by([("frame_id", "ascending"), ("speed_mps", "descending")])
    expected = score_track_scenes(one, ScoreConfig())
    assert_alike(score_track_scenes(mixed, ScoreConfig()), expected)
    other = one.set_column(0, "scene_id", pa.array(["t"] * one.num_rows))
    other = other.set_column(1, "frame_id", pa.array([f"t{name}" for name in other["frame_id"].to_pylist()]))
    both = score_track_scenes(pa.concat_tables([other, one]), ScoreConfig())
    assert both["scene_id"].to_pylist() == ["t", "s"]
    assert_alike(both.slice(1), expected)
    assert join_scene_scores([both])["scene_id"].to_pylist() == ["s", "t"]


def assert_alike(found, expected):
    for name in score_columns(expected):
        assert found[name].to_pylist() == pytest.approx(expected[name].to_pylist(), rel=1e-9), name


def test_no_rows_and_unknown_states():
    nothing = score_track_scenes(TRACKS.empty(), MAX)
    assert nothing.num_rows == 0
    unknown = states({"ego": [(math.nan, 0.0, 0.0, math.nan)] * 3, "b": [(9.0, 0.0, 0.0, 1.0)] * 3})
    found = score_track_scenes(unknown, MAX)
    assert found.schema.equals(nothing.schema)
    assert all(np.isfinite(found[n].drop_null().to_numpy()).all() for n in score_columns(found))


def test_collisions_with_the_plan_are_those_of_the_plain_function():
    rng = np.random.default_rng(0)
    n, n_members, n_modes, n_steps = 40, 2, 3, 5
    modes = rng.normal(0, 6, (n, n_members, n_modes, n_steps, 2)).astype(np.float32)
    probs = rng.dirichlet(np.ones(n_modes), (n, n_members)).astype(np.float32)
    plans = np.repeat(rng.normal(0, 6, (n // 2, n_steps, 2)), 2, axis=0).astype(np.float32)
    columns = {"mode_probs": probs.tolist(), "modes": modes.tolist(), "plan": plans.tolist()}
    types = {"mode_probs": pa.list_(pa.list_(pa.float32())), "plan": pa.list_(pa.list_(pa.float32()))}
    types["modes"] = pa.list_(pa.list_(types["plan"]))
    ids = {"frame_id": [f"f{i // 2:02d}" for i in range(n)], "scene_id": ["s"] * n}
    batch = pa.table({**ids, **{name: pa.array(columns[name], types[name]) for name in types}})
    expected = collision_probability(probs, modes, plans, (4.5, 1.9), (4.5, 1.9), "discs")
    assert 0 < expected.mean() < 1  # float32 probabilities sum to 1 within 1e-7, and are clipped per member here
    found = score_planned_collisions(batch, MAX)
    of_frames = expected.reshape(-1, 2).max(axis=1)
    assert found["risk_planned_collision_prob_max"].to_numpy() == pytest.approx(of_frames, abs=1e-6)
    any_of = any_collision_probability(expected, np.arange(0, n + 1, 2))
    assert found["risk_planned_collision_prob_any"].to_numpy() == pytest.approx(any_of, abs=1e-6)
    # a longer plan is cut to the steps of the modes; without a plan a frame is not valid
    longer = [[*plan, [0.0, 0.0]] for plan in plans.tolist()]
    longer[0] = longer[1] = None
    again = score_planned_collisions(
        batch.set_column(batch.num_columns - 2, "plan", pa.array(longer, types["plan"])), MAX
    )
    values = again["risk_planned_collision_prob_max"].to_pylist()
    assert values[0] is None
    assert values[1:] == pytest.approx(of_frames[1:].tolist(), abs=1e-6)


def test_the_ego_follows_the_candidate_with_the_largest_weight():
    a, b = [[0.0, 0.0]], [[1.0, 1.0]]
    plans = pa.array([[a, b], [a, b], [a, b], [a, b], [], None])
    weights = pa.array([[0.25, 0.75], [0.5, 0.5], None, [1.0], None, None])
    assert best_candidates(plans, weights).to_pylist() == [b, a, a, a, None, None]
    assert best_candidates(plans, None).to_pylist() == [a, a, a, a, None, None]
