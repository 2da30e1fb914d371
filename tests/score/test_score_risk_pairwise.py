"""Headway, TTC, braking need, distances of boxes: worked numbers, scalar references, symmetries, degenerate input."""

import doctest
import importlib
import math
import pkgutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import oddloop.score.risk
from oddloop.score.risk import (
    box_distance,
    boxes_overlap,
    brake_threat_number,
    disc_distance,
    make_boxes,
    near_pairs,
    required_acceleration,
    shortfall,
    time_exposed,
    time_headway,
    time_integrated,
    time_to_collision,
    time_to_collision_accelerated,
)

NAN, INF = float("nan"), float("inf")
NUMBERS = st.floats(-50, 50)


@pytest.mark.parametrize("module", [m.name for m in pkgutil.iter_modules(oddloop.score.risk.__path__)])
def test_examples_in_docstrings(module):
    result = doctest.testmod(importlib.import_module(f"oddloop.score.risk.{module}"))
    assert result.failed == 0


@pytest.mark.parametrize(
    ("gap", "speed", "closing", "thw", "ttc", "required"),
    [
        # 30 m at 15 m/s, closing at 10: THW 2, TTC 3, 10² / 60 = 1.67
        (30.0, 15.0, 10.0, 2.0, 3.0, -100 / 60),
        # same speed: no TTC, no braking
        (30.0, 15.0, 0.0, 2.0, NAN, 0.0),
        # the lead pulls away; the follower stands
        (30.0, 0.0, -5.0, NAN, NAN, 0.0),
        # bumpers touch, or overlap: the collision is now, and no braking avoids it
        (0.0, 15.0, 10.0, 0.0, 0.0, NAN),
        (-1.0, 15.0, 10.0, 0.0, 0.0, NAN),
        # in reverse
        (30.0, -2.0, -2.0, NAN, NAN, 0.0),
        # unknown
        (NAN, 15.0, 10.0, NAN, NAN, NAN),
        (30.0, NAN, NAN, NAN, NAN, NAN),
        (INF, 15.0, 10.0, NAN, NAN, 0.0),
        # so slow that the time is not finite in float64
        (1e300, 1e-300, 1e-300, NAN, NAN, 0.0),
    ],
)
def test_worked_numbers(gap, speed, closing, thw, ttc, required):
    assert time_headway(gap, speed) == pytest.approx(thw, nan_ok=True)
    assert time_to_collision(gap, closing) == pytest.approx(ttc, nan_ok=True)
    assert required_acceleration(gap, closing) == pytest.approx(required, nan_ok=True)


@pytest.mark.parametrize(
    ("gap", "closing", "acceleration", "time"),
    [
        # constant speed: as TTC
        (30.0, 10.0, 0.0, 3.0),
        (30.0, -10.0, 0.0, NAN),
        # from rest: 8 = 4 t² / 2
        (8.0, 0.0, 4.0, 2.0),
        # opening, but accelerating: 5 = -4 t + t², t = 5
        (5.0, -4.0, 2.0, 5.0),
        # braking just in time or not: 25 = 10 t - t² at t = 5; 24 at t = 4 already, not 6
        (25.0, 10.0, -2.0, 5.0),
        (24.0, 10.0, -2.0, 4.0),
        (26.0, 10.0, -2.0, NAN),
        # nothing moves
        (5.0, 0.0, 0.0, NAN),
        (0.0, -3.0, -1.0, 0.0),
        (5.0, NAN, 1.0, NAN),
        (5.0, 1.0, INF, NAN),
    ],
)
def test_time_to_collision_at_constant_acceleration(gap, closing, acceleration, time):
    assert time_to_collision_accelerated(gap, closing, acceleration) == pytest.approx(time, nan_ok=True)


@given(st.floats(0.1, 200), NUMBERS, st.floats(-8, 8))
def test_the_root_is_the_first_that_a_polynomial_solver_finds(gap, closing, acceleration):
    roots = (
        np.roots([acceleration / 2, closing, -gap]) if abs(acceleration) > 1e-3 else np.array([gap / (closing or NAN)])
    )
    real = [r.real for r in roots if abs(r.imag) < 1e-9 and r.real > 0]
    discriminant = closing**2 + 2 * acceleration * gap
    if abs(discriminant) > 1e-3 and abs(acceleration) > 1e-3:
        found = time_to_collision_accelerated(gap, closing, acceleration)
        assert found == pytest.approx(min(real, default=NAN), rel=1e-6, nan_ok=True)


@given(st.floats(0.1, 200), st.floats(0.1, 50), st.floats(0.1, 10))
def test_time_scales(gap, closing, factor):
    # metres stay, seconds are `factor` times longer
    assert time_to_collision(gap, closing / factor) == pytest.approx(factor * time_to_collision(gap, closing))
    required = required_acceleration(gap, closing / factor)
    assert required == pytest.approx(required_acceleration(gap, closing) / factor**2)


def test_a_lead_that_brakes_must_be_matched():
    assert required_acceleration(25.0, [10.0, -10.0, 0.0], [-1.0, -1.0, 3.0]).tolist() == [-3.0, -1.0, 0.0]
    assert brake_threat_number([-12.0, 0.0, NAN], 8.0).tolist() == pytest.approx([1.5, 0.0, NAN], nan_ok=True)
    with pytest.raises(ValueError, match="strongest_mps2 must be above 0; got 0"):
        brake_threat_number(0.0, 0.0)


def test_exposure_adds_up():
    # tau 4: rows at 3, 4 and 1 are exposed for .5 s each; (1 + 0 + 3) · .5 = 2
    ttc = [5.0, 3.0, NAN, 4.0, 1.0]
    assert time_exposed(ttc, 0.5, [0, 3, 5, 5]).tolist() == [0.5, 1.0, 0.0]
    assert time_integrated(ttc, 0.5, [0, 3, 5, 5]).tolist() == [0.5, 1.5, 0.0]
    # a step of its own for each row
    assert time_exposed(ttc, [1.0, 2.0, 3.0, 4.0, 5.0], [0, 5]).tolist() == [11.0]
    with pytest.raises(ValueError, match="a threshold must be above 0 and finite; got -1"):
        shortfall([1.0], -1.0)


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [
        # x, y, heading, length, width. Nose to tail: 10 - 4
        ((0, 0, 0, 4, 2), (10, 0, 0, 4, 2), 6.0),
        # side by side: 3 - 2
        ((0, 0, 0, 4, 2), (0, 3, 0, 4, 2), 1.0),
        # corner to corner: 3 ahead and 4 aside of each other
        ((0, 0, 0, 4, 2), (7, 6, 0, 4, 2), 5.0),
        # a quarter turn swaps length and width: 10 - 2 - 1
        ((0, 0, 0, 4, 2), (10, 0, math.pi / 2, 4, 2), 7.0),
        # an eighth: the square's corner is half its diagonal nearer: 10 - 2 - sqrt(2)
        ((0, 0, 0, 4, 2), (10, 0, math.pi / 4, 2, 2), 8 - math.sqrt(2)),
        # the same, inside, a cross without a corner inside the other, touching
        ((0, 0, 0, 4, 2), (0, 0, 0, 4, 2), 0.0),
        ((0, 0, 0, 8, 8), (1, 1, 1, 1, 1), 0.0),
        ((0, 0, 0, 8, 1), (0, 0, math.pi / 2, 8, 1), 0.0),
        ((0, 0, 0, 4, 2), (4, 0, 0, 4, 2), 0.0),
        # points
        ((0, 0, 0, 0, 0), (3, 4, 1, 0, 0), 5.0),
        # unknown, impossible
        ((0, 0, 0, 4, 2), (NAN, 0, 0, 4, 2), NAN),
        ((0, 0, INF, 4, 2), (9, 0, 0, 4, 2), NAN),
        ((0, 0, 0, 4, 2), (9, 0, 0, -4, 2), NAN),
    ],
)
def test_distance_of_boxes(a, b, distance):
    one, other = make_boxes(*a), make_boxes(*b)
    for left, right in ((one, other), (other, one)):
        assert box_distance(left, right) == pytest.approx(distance, abs=1e-12, nan_ok=True)
        assert bool(boxes_overlap(left, right)) is (distance == 0)


def by_points(a, b, n=60):
    """Least distance between points along both outlines: never less than the true one, and little more."""

    def outline(x, y, heading, length, width):
        s = np.linspace(-0.5, 0.5, n)
        u = np.concatenate([s, s, np.full(n, 0.5), np.full(n, -0.5)]) * length
        v = np.concatenate([np.full(n, 0.5), np.full(n, -0.5), s, s]) * width
        return np.stack(
            [x + u * math.cos(heading) - v * math.sin(heading), y + u * math.sin(heading) + v * math.cos(heading)]
        )

    p, q = outline(*a), outline(*b)
    return np.hypot(*(p[:, :, None] - q[:, None])).min()


BOX = st.tuples(st.floats(-8, 8), st.floats(-8, 8), st.floats(-4, 4), st.floats(0.5, 6), st.floats(0.5, 3))


@given(BOX, BOX, st.floats(-4, 4))
def test_boxes_against_their_outlines_and_moved(a, b, angle):
    one, other = make_boxes(*a), make_boxes(*b)
    found = float(box_distance(one, other))
    if found > 0:
        assert found <= by_points(a, b) + 1e-9
        assert found >= by_points(a, b) - 0.11
    assert float(disc_distance(one, other)) <= found + 1e-9
    cos, sin = math.cos(angle), math.sin(angle)
    moved = [
        make_boxes(x * cos - y * sin + 30, x * sin + y * cos - 7, h + angle, length, width)
        for x, y, h, length, width in (a, b)
    ]
    assert float(box_distance(*moved)) == pytest.approx(found, abs=1e-6)


@given(st.integers(0, 10_000), st.integers(0, 40), st.floats(0.5, 30))
def test_near_pairs_are_all_pairs_that_are_near(seed, n, radius):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(0, 20, n), rng.normal(0, 20, n)
    x[rng.random(n) < 0.1] = NAN
    y[rng.random(n) < 0.05] = 1e12
    offsets = np.sort(np.concatenate([[0, n], rng.integers(0, n + 1, 3)]))
    found = list(zip(*(rows.tolist() for rows in near_pairs(x, y, offsets, radius)), strict=True))
    expected = [
        (i, j)
        for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
        for i in range(start, stop)
        for j in range(i + 1, stop)
        if math.hypot(x[i] - x[j], y[i] - y[j]) <= radius
    ]
    assert found == expected


def test_near_pairs_need_a_radius():
    with pytest.raises(ValueError, match="radius_m must be above 0 and finite; got 0"):
        near_pairs([0.0], [0.0], [0, 1], 0.0)
