"""Displacements, spread along and across, off-mode risk: worked numbers, loops as reference, symmetries."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.config import ScoreConfig
from oddloop.score import score_columns
from oddloop.score.trajectory import TRAJECTORY_MEASURES, score_trajectory
from oddloop.score.trajectory_pairs import expected_distance, off_mode_mass
from oddloop.score.trajectory_spread import SPREADS, compute_spreads

NAN, INF = float("nan"), float("inf")
NEW = ("mode_displacement", "member_displacement", "spread_along", "spread_across", "off_mode_risk")


def heading_east(*points):
    """One member whose modes end at the points after a last step of 1 m to the east."""
    return [[[x - 1.0, y], [x, y]] for x, y in points]


def spreads(probs, modes, names=NEW):
    found = compute_spreads(pa.array([probs]), pa.array([modes]), names)
    return [float(found[name][0]) for name in names]


@pytest.mark.parametrize(
    ("probs", "modes", "expected"),
    [
        # one certain mode: nothing is in doubt
        ([[1.0]], [heading_east((5, 5))], [0, 0, 0, 0, 0]),
        # two even modes 8 m apart sideways: 2 · ½ · ½ · 8 = 4; spread sqrt(4²) = 4 across; half is off either mode
        ([[0.5, 0.5]], [heading_east((3, 0), (3, 8))], [4, 0, 0, 4, 0.5]),
        # the same ahead: all of it along
        ([[0.5, 0.5]], [heading_east((0, 0), (8, 0))], [4, 0, 4, 0, 0.5]),
        # 3 : 1, 8 m: 2 · ¾ · ¼ · 8 = 3; variance ¾ · 2² + ¼ · 6² = 12
        ([[0.75, 0.25]], [heading_east((0, 0), (8, 0))], [3, 0, math.sqrt(12), 0, 0.25]),
        # two certain members 3-4-5 apart: no mode in doubt; ½ · 5; half of 3 along, half of 4 across
        ([[1.0], [1.0]], [heading_east((0, 0)), heading_east((3, 4))], [0, 2.5, 1.5, 2, 0.5]),
        # modes within 2 m count as one: .5 + .3, and .2 is off
        ([[0.5, 0.3, 0.2]], [heading_east((0, 0), (0, 2), (0, 50))], [None, 0, 0, None, 0.2]),
        # members with 1 and 2 modes: displacement 0 and 2 · ½ · ½ · 8 = 4, mean 2; both average to (0, 0)
        ([[1.0], [0.5, 0.5]], [heading_east((0, 0)), heading_east((0, 4), (0, -4))], [2, 0, 0, math.sqrt(8), 0.5]),
        # standing, one step: the axis along which the ends lie is "along"
        ([[0.5, 0.5]], [[[[0.0, 0.0]], [[0.0, 6.0]]]], [3, 0, 3, 0, 0.5]),
    ],
)
def test_worked_numbers(probs, modes, expected):
    found = spreads(probs, modes)
    for name, value, wanted in zip(NEW, found, expected, strict=True):
        assert wanted is None or value == pytest.approx(wanted, abs=1e-12), name


@pytest.mark.parametrize(
    ("probs", "modes"),
    [
        ([[0.7, 0.7]], [heading_east((0, 0), (1, 1))]),
        ([[1.0]], [heading_east((NAN, 0))]),
        ([[1.0]], [heading_east((INF, 0))]),
        ([[1.0]], [[[]]]),
        ([[1.0], [1.0]], [heading_east((0, 0))]),
        ([[]], [[]]),
        (None, None),
    ],
)
def test_what_is_not_valid(probs, modes):
    good = ([[0.5, 0.5]], [heading_east((3, 0), (3, 8))])
    found = compute_spreads(pa.array([good[0], probs, good[0]]), pa.array([good[1], modes, good[1]]), tuple(SPREADS))
    for values in found.values():
        assert np.isnan(values).tolist() == [False, True, False]


def test_an_unknown_position_before_the_last_spoils_only_the_direction():
    found = spreads([[1.0]], [[[[NAN, 0.0], [1.0, 1.0]]]])
    assert np.isnan(found).tolist() == [False, False, True, True, False]


@st.composite
def agents(draw):
    n_members, n_modes = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    probs = rng.dirichlet(np.ones(n_modes), n_members)
    return probs, rng.normal(0, 20, (n_members, n_modes, draw(st.integers(2, 4)), 2))


def loops(probs, modes):
    """The definitions, one number at a time."""
    n_members, n_modes = probs.shape
    ends = modes[:, :, -1]
    pairs = [(m, k) for m in range(n_members) for k in range(n_modes)]
    within = 0.0
    mode = sum(
        probs[m, k] * probs[m, j] * math.dist(ends[m, k], ends[m, j]) / n_members
        for m, k in pairs
        for j in range(n_modes)
    )
    means = [sum(probs[m, k] * ends[m, k] for k in range(n_modes)) for m in range(n_members)]
    member = sum(math.dist(a, b) for a in means for b in means) / n_members**2
    step = sum(probs[m, k] / n_members * (modes[m, k, -1] - modes[m, k, -2]) for m, k in pairs)
    t = step / math.hypot(*step)
    mean = sum(means) / n_members
    along = sum(probs[m, k] / n_members * float((ends[m, k] - mean) @ t) ** 2 for m, k in pairs)
    across = sum(probs[m, k] / n_members * float((ends[m, k] - mean) @ [-t[1], t[0]]) ** 2 for m, k in pairs)
    for c in pairs:
        mass = sum(probs[p] / n_members for p in pairs if math.dist(ends[p], ends[c]) <= 2.0)
        within = max(within, mass)
    return [mode, member, math.sqrt(along), math.sqrt(across), 1 - within]


@given(agents())
def test_agrees_with_loops(agent):
    probs, modes = agent
    assert spreads(probs.tolist(), modes.tolist()) == pytest.approx(loops(probs, modes), rel=1e-6, abs=1e-9)


@given(agents(), st.floats(-math.pi, math.pi), st.integers(0, 2**32 - 1))
def test_symmetries(agent, angle, seed):
    probs, modes = agent
    base = spreads(probs.tolist(), modes.tolist(), tuple(SPREADS))
    rng = np.random.default_rng(seed)
    # order of members and of modes
    members, order = rng.permutation(probs.shape[0]), rng.permutation(probs.shape[1])
    mixed = probs[members][:, order], modes[members][:, order]
    # a rigid motion
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    moved = probs, modes @ turn.T + rng.normal(0, 50, 2)
    # the whole ensemble twice
    doubled = np.tile(probs, (2, 1)), np.tile(modes, (2, 1, 1, 1))
    for p, m in (mixed, moved, doubled):
        assert spreads(p.tolist(), m.tolist(), tuple(SPREADS)) == pytest.approx(base, rel=1e-6, abs=1e-6)
    spread, _, _, along, across, risk = base
    assert along**2 + across**2 == pytest.approx(spread**2, rel=1e-9, abs=1e-9)
    assert 0 <= risk < 1


def test_agents_do_not_depend_on_their_neighbours():
    rng = np.random.default_rng(0)
    probs, modes = rng.dirichlet(np.ones(6), (50, 5)), rng.normal(0, 20, (50, 5, 6, 3, 2))
    together = compute_spreads(pa.array(probs.tolist()), pa.array(modes.tolist()), tuple(SPREADS))
    for i in range(50):
        alone = compute_spreads(
            pa.array(probs[i : i + 1].tolist()), pa.array(modes[i : i + 1].tolist()), tuple(SPREADS)
        )
        assert [v[0] for v in alone.values()] == [v[i] for v in together.values()]


def test_columns_follow_the_measures_and_not_the_batch():
    modes = pa.array([[heading_east((0, 0))]])
    batch = pa.table({"frame_id": ["f"], "scene_id": ["s"], "mode_probs": [[[1.0]]], "modes": modes})
    config = ScoreConfig(reductions=("max",))
    found = score_trajectory(batch, config, TRAJECTORY_MEASURES)
    assert score_columns(found) == [f"trajectory_{name}_max" for name in TRAJECTORY_MEASURES]
    assert score_trajectory(batch.slice(0, 0), config, TRAJECTORY_MEASURES).schema == found.schema
    with pytest.raises(ValueError, match="no `speed`; there are: mode_entropy, endpoint_spread"):
        score_trajectory(batch, config, ("speed",))


@pytest.mark.parametrize(
    ("points", "weights", "message"),
    [
        (np.zeros((2, 3)), None, r"must be \(N,P,2\) or \(N,P,H,2\); got shape \(2, 3\)"),
        (np.zeros((2, 3, 2)), np.ones((2, 2)), r"weights must have shape \(2, 3\)"),
    ],
)
def test_wrong_shapes(points, weights, message):
    with pytest.raises(ValueError, match=message):
        expected_distance(points, weights)


def test_pairs_of_nothing():
    assert np.isnan(expected_distance(np.zeros((2, 0, 2)))).all()
    assert expected_distance(np.zeros((0, 3, 2))).shape == (0,)
    assert expected_distance(np.zeros((1, 1, 2))).tolist() == [0.0]
    assert np.isnan(expected_distance(np.full((1, 1, 2), NAN))).all()
    assert np.isnan(off_mode_mass(np.zeros((2, 0, 2)), np.zeros((2, 0)), 1.0)).all()
    with pytest.raises(ValueError, match="radius_m must be 0 or more; got nan"):
        off_mode_mass(np.zeros((1, 1, 2)), np.ones((1, 1)), NAN)


def test_paths_are_apart_by_the_mean_of_their_steps():
    # steps 0 m and 8 m apart: mean 4, drawn as two different ones half the time
    paths = np.array([[[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 8.0]]]])
    assert expected_distance(paths).tolist() == [2.0]
