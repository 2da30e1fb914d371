"""Attributes of roads from lanelets."""

from __future__ import annotations

import numpy as np
import pytest

from oddloop.exchange.attributes.roads import curvature, lane_count, lane_density


def circle(radius_m: float, degrees: float) -> np.ndarray:
    angle = np.radians(np.arange(0.0, degrees, 1.0))
    return radius_m * np.stack([np.cos(angle), np.sin(angle)], axis=1)


LANES = [
    ({}, None),
    ({1: -1}, "1"),
    ({1: 2, 2: -1, 3: -1}, "2"),
    ({1: 2, 2: 3, 3: 4, 4: 5, 5: -1}, "4+"),
    ({1: 99}, "1"),  # its neighbour is not on the map
    ({1: 2, 2: 1}, "2"),  # each the left of the other, which a damaged map may say
]


@pytest.mark.parametrize(("left_of", "expected"), LANES)
def test_lanes_side_by_side(left_of: dict[int, int], expected: str | None) -> None:
    assert lane_count(left_of) == expected


BENDS = [
    ([circle(190.0, 90.0)], "curve"),
    ([circle(210.0, 90.0)], "straight"),
    # 31 m of bend beside 400 m of straight road: 7 % of its length
    ([circle(20.0, 90.0), np.array([[0.0, 0.0], [200.0, 0.0], [400.0, 0.0]])], "straight"),
    ([], None),
    ([np.array([[1.0, 1.0], [1.0, 1.0]])], None),
]


@pytest.mark.parametrize(("lines", "expected"), BENDS)
def test_bends(lines: list[np.ndarray], expected: str | None) -> None:
    assert curvature(lines) == expected


@pytest.mark.parametrize(
    ("vehicles", "km", "expected"),
    [(0.0, 1.0, "none"), (7.0, 2.0, "low"), (8.0, 1.0, "medium"), (16.0, 1.0, "high"), (3.0, 0.0, None)],
)
def test_density_of_a_lane(vehicles: float, km: float, expected: str | None) -> None:
    assert lane_density(vehicles, km) == expected
