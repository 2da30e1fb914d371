"""Frame scores from predicted trajectories: worked numbers, a loop as reference, what is not valid."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.config import ScoreConfig
from oddloop.errors import TableError
from oddloop.score.trajectory import compute_mode_entropy, score_trajectory
from oddloop.score.trajectory_spread import compute_spreads
from oddloop.tables import TRAJECTORY

LN2 = math.log(2)
NAN, INF = float("nan"), float("inf")


def ending_at(*points):
    """One member whose modes start at (9, 9) and end at the points."""
    return [[[9.0, 9.0], list(p)] for p in points]


def batch_of(rows, frames=None):
    n = len(rows)
    columns = {
        "frame_id": frames or ["f"] * n,
        "scene_id": ["s"] * n,
        "agent_id": [str(i) for i in range(n)],
        "mode_probs": [probs for probs, _ in rows],
        "modes": [modes for _, modes in rows],
    }
    return pa.table(columns, TRAJECTORY.schema())


def measures(rows):
    batch = batch_of(rows)
    probs, modes = batch["mode_probs"].combine_chunks(), batch["modes"].combine_chunks()
    return compute_mode_entropy(probs).tolist(), compute_spreads(probs, modes, ("endpoint_spread",))[
        "endpoint_spread"
    ].tolist()


@pytest.mark.parametrize(
    ("probs", "modes", "mode_entropy", "spread"),
    [
        # one certain mode
        ([[1.0]], [ending_at((5, 5))], 0.0, 0.0),
        # two modes 8 m apart, even: mean between them, spread 4 m
        ([[0.5, 0.5]], [ending_at((3, 0), (3, 8))], LN2, 4.0),
        # 3 : 1, 8 m apart: variance .75·2² + .25·6² = 12
        ([[0.75, 0.25]], [ending_at((0, 0), (0, 8))], 0.75 * math.log(4 / 3) + 0.25 * math.log(4), math.sqrt(12)),
        # two members, each certain, 6 m apart in x and 8 m in y: 3² + 4² = 5²
        ([[1.0], [1.0]], [ending_at((0, 0)), ending_at((6, 8))], 0.0, 5.0),
        # the same ensemble twice is the same spread: members share the weight
        ([[0.5, 0.5]] * 4, [ending_at((3, 0), (3, 8))] * 4, LN2, 4.0),
        # members disagree on their number of modes: no entropy, but the spread holds
        # ends (0,0) weight 1/2, (0,4) and (0,-4) weight 1/4 each: variance .5·16 = 8
        ([[1.0], [0.5, 0.5]], [ending_at((0, 0)), ending_at((0, 4), (0, -4))], NAN, math.sqrt(8)),
        # a mode of other length is fine, its last step counts
        ([[0.5, 0.5]], [[[[3.0, 0.0]], [[0.0, 0.0]] * 5 + [[3.0, 8.0]]]], LN2, 4.0),
    ],
)
def test_worked_numbers(probs, modes, mode_entropy, spread):
    found = measures([(probs, modes)])
    assert found[0] == pytest.approx([mode_entropy], nan_ok=True)
    assert found[1] == pytest.approx([spread], nan_ok=True)


@pytest.mark.parametrize(
    ("probs", "modes", "has_entropy"),
    [
        ([[0.7, 0.7]], [ending_at((0, 0), (1, 1))], False),
        ([[1.5, -0.5]], [ending_at((0, 0), (1, 1))], False),
        ([[NAN, 1.0]], [ending_at((0, 0), (1, 1))], False),
        ([[0.5, 0.5], []], [ending_at((0, 0), (1, 1)), []], False),
        ([], [], False),
        (None, None, False),
        ([None], [None], False),
        # shapes that differ: a member, a mode, all
        ([[1.0]], [ending_at((0, 0)), ending_at((1, 1))], True),
        ([[0.5, 0.5]], [ending_at((0, 0))], True),
        ([[1.0]], None, True),
        # no step, no number, no plane
        ([[1.0]], [[[]]], True),
        ([[1.0]], [[None]], True),
        ([[1.0]], [[[None]]], True),
        ([[1.0]], [ending_at((NAN, 0))], True),
        ([[1.0]], [ending_at((INF, 0))], True),
    ],
)
def test_what_is_not_valid(probs, modes, has_entropy):
    good = ([[0.5, 0.5]], [ending_at((3, 0), (3, 8))])
    mode_entropy, spread = measures([good, (probs, modes), good])
    assert mode_entropy[::2] == pytest.approx([LN2, LN2])
    assert spread[::2] == pytest.approx([4.0, 4.0])
    assert math.isnan(spread[1])
    assert math.isnan(mode_entropy[1]) is not has_entropy


def test_positions_that_are_not_pairs():
    modes = pa.array([[[[[1.0, 2.0, 3.0]]]], [[[[1.0, 2.0]]]]])
    spread = compute_spreads(pa.array([[[1.0]], [[1.0]]]), modes, ("endpoint_spread",))["endpoint_spread"]
    assert np.isnan(spread).tolist() == [True, False]


def test_agents_are_reduced_to_frames():
    # GIVEN spreads 4 and 0 in frame a, 4 in b, and an invalid agent in c
    fork, straight = ([[0.5, 0.5]], [ending_at((3, 0), (3, 8))]), ([[1.0]], [ending_at((0, 0))])
    rows, frames = [fork, straight, fork, fork, ([[0.9]], [ending_at((0, 0))])], ["a", "a", "b", "c", "c"]
    found = score_trajectory(batch_of(rows, frames), ScoreConfig(top_k=1))
    assert found["frame_id"].to_pylist() == ["a", "b", "c"]
    assert found["n_objects"].to_pylist() == [2, 1, 2]
    expected = {"max": [4, 4, None], "mean": [2, 4, None], "sum": [4, 4, None], "topk": [4, 4, None]}
    for how, values in expected.items():
        assert found[f"trajectory_endpoint_spread_{how}"].to_pylist() == pytest.approx(values)
        assert found[f"trajectory_endpoint_spread_{how}_valid"].to_pylist() == [True, True, False]


def test_rows_of_a_frame_must_stand_together():
    straight = ([[1.0]], [ending_at((0, 0))])
    with pytest.raises(TableError, match="rows of frame `a` do not stand together; sort them by frame_id"):
        score_trajectory(batch_of([straight] * 3, ["a", "b", "a"]), ScoreConfig())


@st.composite
def agents(draw):
    n_members, n_modes = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    probs = rng.dirichlet(np.ones(n_modes), n_members).astype(np.float32)
    modes = rng.normal(0, 20, (n_members, n_modes, draw(st.integers(1, 4)), 2)).astype(np.float32)
    return probs, modes


@given(st.lists(agents(), min_size=1, max_size=5))
def test_agrees_with_a_loop(rows):
    found = measures([(p.tolist(), m.tolist()) for p, m in rows])
    for (probs, modes), mode_entropy, spread in zip(rows, *found, strict=True):
        p = probs.astype(np.float64) / probs.astype(np.float64).sum(axis=1, keepdims=True)
        points, weights = modes[:, :, -1].reshape(-1, 2), (p / len(p)).ravel()
        covariance = np.cov(points.T, aweights=weights, ddof=0)
        q = p.mean(axis=0)
        assert mode_entropy == pytest.approx(-np.sum(q * np.log(q)), rel=1e-5, abs=1e-6)
        assert spread == pytest.approx(math.sqrt(np.trace(np.atleast_2d(covariance))), rel=1e-5, abs=1e-5)


@given(agents(), st.floats(-50, 50), st.floats(-50, 50))
def test_spread_does_not_move_and_scales(agent, dx, dy):
    probs, modes = agent
    (base,), (moved,), (doubled,) = (
        measures([(probs.tolist(), m.tolist())])[1] for m in (modes, modes + np.float32([dx, dy]), 2 * modes)
    )
    assert moved == pytest.approx(base, abs=1e-3)
    assert doubled == pytest.approx(2 * base, rel=1e-6)
