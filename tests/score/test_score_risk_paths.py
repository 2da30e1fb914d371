"""Crossing paths, collision probability, plans: worked numbers, loops as reference, symmetries, what is not valid."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddloop.score.risk import (
    Paths,
    any_collision_probability,
    box_distance,
    collision_probability,
    make_boxes,
    path_headings,
    plan_disagreement,
    post_encroachment_time,
)

NAN = float("nan")


def straight(start, velocity, n=20, length=4.0, width=2.0, dt=1.0):
    t = np.arange(n) * dt
    return Paths([np.asarray(start) + t[:, None] * np.asarray(velocity)], [t], [length], [width])


EAST = straight((-40.0, 0.0), (10.0, 0.0))


@pytest.mark.parametrize(
    ("other", "pet"),
    [
        # out at (40 + 3) / 10 = 4.3, in at (60 - 3) / 10 = 5.7
        (straight((0, -60), (0, 10)), 1.4),
        # from the other side, the same
        (straight((0, 60), (0, -10)), 1.4),
        # the other is first: out at 2.3, we are in at 3.7
        (straight((0, -20), (0, 10)), 1.4),
        # both at once: out at 4.3, in at 3.9
        (straight((0, -42), (0, 10)), -0.4),
        # wider and longer: ours reaches 2 + 1 + .. = 2 + 2, in at (60 - 1 - 5) / 10: 5.4 - 4.4
        (straight((0, -60), (0, 10), length=10.0, width=4.0), 1.0),
        # at 30°: half of the area (2 + 2 cos 30°) / (2 sin 30°) = 3.732, out 40 + 5.732, in 60 - 5.732
        (straight((-60 * math.cos(math.pi / 6), -30.0), (10 * math.cos(math.pi / 6), 5.0)), (54.2679 - 45.7321) / 10),
        # parallel, the same path, not reached yet, begins inside
        (straight((-40, 5), (10, 0)), NAN),
        (straight((-60, 0), (10, 0)), NAN),
        (straight((0, -60), (0, 10), n=5), NAN),
        (straight((0, -1), (0, 10)), NAN),
        # stands, one step, not known
        (straight((0, -60), (0, 0)), NAN),
        (straight((0, -60), (0, 10), n=1), NAN),
        (straight((0, NAN), (0, 10)), NAN),
    ],
)
def test_post_encroachment(other, pet):
    assert post_encroachment_time(EAST, other) == pytest.approx([pet], nan_ok=True, abs=1e-4)
    assert post_encroachment_time(other, EAST) == pytest.approx([pet], nan_ok=True, abs=1e-4)


@given(st.floats(-3, 3), st.floats(0.2, 5), st.floats(20, 80), st.floats(5, 15))
def test_post_encroachment_moves_with_the_frame_and_scales_with_time(angle, factor, distance, speed):
    other = straight((0.0, -distance), (0.0, speed))
    pet = post_encroachment_time(EAST, other)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    moved = [p._replace(xy=np.asarray(p.xy) @ turn.T + [7.0, -3.0]) for p in (EAST, other)]
    assert post_encroachment_time(*moved) == pytest.approx(pet, abs=1e-6, nan_ok=True)
    slower = [p._replace(time_s=factor * np.asarray(p.time_s)) for p in (EAST, other)]
    assert post_encroachment_time(*slower) == pytest.approx(factor * pet, abs=1e-6, nan_ok=True)


def test_padding_and_neighbours_do_not_matter():
    # the second path has 12 positions, then NaN
    other = straight((0, -60), (0, 10))
    xy = np.asarray(other.xy).copy()
    xy[:, 12:] = NAN
    rows = [EAST, EAST, EAST], [other, other._replace(xy=xy), straight((-40, 5), (10, 0))]
    a, b = (Paths(*(np.concatenate(field) for field in zip(*side, strict=True))) for side in rows)
    assert post_encroachment_time(a, b) == pytest.approx([1.4, 1.4, NAN], nan_ok=True)


def test_paths_of_wrong_shape():
    with pytest.raises(ValueError, match=r"paths need positions \(P,T,2\) and times \(P,T\)"):
        post_encroachment_time(EAST, EAST._replace(time_s=[0.0]))
    two = Paths(np.zeros((2, 3, 2)), np.zeros((2, 3)), 4.0, 2.0)
    with pytest.raises(ValueError, match="as many on both sides; got 1 and 2"):
        post_encroachment_time(EAST, two)
    empty = Paths(np.zeros((0, 3, 2)), np.zeros((0, 3)), 4.0, 2.0)
    assert post_encroachment_time(empty, empty).shape == (0,)


CAR = (4.0, 2.0)
EGO = [[[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]]]


@pytest.mark.parametrize(
    ("probs", "modes", "boxes", "discs"),
    [
        # the same path at the same time; a step later; beside, where only discs touch
        ([[1.0]], [EGO], 1.0, 1.0),
        ([[1.0]], [[[[-10.0, 0.0], [0.0, 0.0], [10.0, 0.0]]]], 0.0, 0.0),
        ([[1.0]], [[[[0.0, 3.0], [10.0, 3.0], [20.0, 3.0]]]], 0.0, 1.0),
        # one mode of three cuts in
        ([[0.5, 0.25, 0.25]], [[[[0.0, y], [10.0, y], [20.0, z]] for y, z in ((9, 9), (9, 1), (9, 20))]], 0.25, 0.25),
        # members are averaged: (.25 + .75) / 2
        (
            [[0.25, 0.75], [0.75, 0.25]],
            [[[[0.0, 9.0], [10.0, 9.0], [20.0, z]] for z in (0, 9)]] * 2,
            0.5,
            0.5,
        ),
        # not a distribution; not known
        ([[0.5]], [EGO], NAN, NAN),
        ([[1.0]], [[[[0.0, 0.0], [NAN, 0.0], [20.0, 0.0]]]], NAN, NAN),
        # standing, and no heading was given: only discs know its shape
        ([[1.0]], [[[[10.0, 1.0]] * 3]], NAN, 1.0),
    ],
)
def test_collision_with_the_ego(probs, modes, boxes, discs):
    for shape, expected in (("boxes", boxes), ("discs", discs)):
        found = collision_probability([probs], [modes], EGO, CAR, CAR, shape)
        assert found == pytest.approx([expected], nan_ok=True), shape


def test_a_standing_agent_has_the_heading_it_is_given():
    modes = [[[[[10.0, 2.5]] * 3]]]
    along = collision_probability([[[1.0]]], modes, EGO, CAR, CAR, agent_heading=[0.0])
    across = collision_probability([[[1.0]]], modes, EGO, CAR, CAR, agent_heading=[math.pi / 2])
    assert [along.tolist(), across.tolist()] == [[0.0], [1.0]]


@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 4), st.integers(1, 4))
def test_collision_agrees_with_loops_and_symmetries(seed, n_members, n_modes, n_steps):
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(n_modes), (2, n_members))
    modes = np.cumsum(rng.normal(0, 4, (2, n_members, n_modes, n_steps, 2)), axis=-2)
    ego = np.cumsum(rng.normal(0, 4, (2, n_steps, 2)), axis=-2)
    size = rng.uniform(1, 4, (2, 2))
    settings = {"agent_size": size, "ego_size": CAR, "agent_heading": [0.3, 0.7], "ego_heading": [0.0, 1.0]}
    found = collision_probability(probs, modes, ego, **settings)
    for i in range(2):
        total = 0.0
        for m in range(n_members):
            for k in range(n_modes):
                turn = path_headings(modes[i, m, k], settings["agent_heading"][i])
                own = path_headings(ego[i], settings["ego_heading"][i])
                a = make_boxes(*modes[i, m, k].T, turn, *size[i])
                b = make_boxes(*ego[i].T, own, *CAR)
                total += probs[i, m, k] / n_members * bool((box_distance(a, b) <= 0).any())
        assert found[i] == pytest.approx(total, abs=1e-12)
    members, order = rng.permutation(n_members), rng.permutation(n_modes)
    mixed = collision_probability(probs[:, members][:, :, order], modes[:, members][:, :, order], ego, **settings)
    assert mixed == pytest.approx(found)
    assert (collision_probability(probs, modes, ego, shape="discs", **settings) >= found - 1e-12).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_agents_of_a_frame_are_taken_as_independent():
    # 1 - .8 · .5 = .6; none; certain; not known
    found = any_collision_probability([0.2, 0.5, 1.0, 0.3, NAN, 0.5], [0, 2, 2, 4, 6])
    assert found == pytest.approx([0.6, 0.0, 1.0, NAN], nan_ok=True)


def test_headings():
    path = [[0.0, 0.0], [0.0, 0.01], [1.0, 0.01], [1.0, 0.02], [1.0, 5.0]]
    quarter = math.pi / 2
    assert path_headings(path) == pytest.approx([0, 0, 0, 0, quarter])
    assert path_headings([[[0.0, 0.0]] * 3], [0.5]).tolist() == [[0.5] * 3]
    assert np.isnan(path_headings([[0.0, 0.0]])).all()


@pytest.mark.parametrize(
    ("probs", "modes", "ego", "message"),
    [
        ((2, 3), (2, 1, 3, 4, 2), (2, 4, 2), r"probs must be \(N,M,K\); got shape \(2, 3\)"),
        ((2, 1, 3), (2, 1, 4, 4, 2), (2, 4, 2), "modes must be"),
        ((2, 1, 3), (2, 1, 3, 4, 2), (2, 5, 2), "ego must be"),
    ],
)
def test_collision_of_wrong_shapes(probs, modes, ego, message):
    with pytest.raises(ValueError, match=message):
        collision_probability(np.zeros(probs), np.zeros(modes), np.zeros(ego), CAR, CAR)


@pytest.mark.parametrize("shape", [(0, 1, 2, 3), (2, 0, 2, 3), (2, 1, 0, 3), (2, 1, 2, 0)])
def test_collision_of_nothing(shape):
    n, _, _, n_steps = shape
    found = collision_probability(np.ones(shape[:3]), np.zeros((*shape, 2)), np.zeros((n, n_steps, 2)), CAR, CAR)
    assert np.isnan(found).tolist() == [True] * n


def test_plans_that_differ():
    # three candidates in a row, 3 m apart at the end: 2 (3 + 3 + 6) / 9; half of it on average over two steps
    plans = [[[[0.0, 0.0], [0.0, y]] for y in (0.0, 3.0, 6.0)]]
    found = plan_disagreement(plans)
    assert found.final_m == pytest.approx([8 / 3])
    assert found.average_m == pytest.approx([4 / 3])
    # the planner is sure: 2 · .9 · .1 · 3
    assert plan_disagreement(plans, [[0.9, 0.1, 0.0]]).final_m == pytest.approx([0.54])
    one = plan_disagreement(np.zeros((2, 1, 4, 2)))
    assert [one.final_m.tolist(), one.average_m.tolist()] == [[0.0, 0.0], [0.0, 0.0]]
    for shape in ((2, 0, 4, 2), (2, 3, 0, 2)):
        assert np.isnan(plan_disagreement(np.zeros(shape))).all()
    plans[0][0][0][0] = NAN
    assert np.isnan(plan_disagreement(plans)).all()
    with pytest.raises(ValueError, match=r"candidates must be \(N,C,H,2\); got shape \(2, 3, 2\)"):
        plan_disagreement(np.zeros((2, 3, 2)))
