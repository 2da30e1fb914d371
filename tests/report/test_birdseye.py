"""Drawings from above: geometry by hand, and that nothing strange in the data gets into the page."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from oddloop.report import birdseye
from oddloop.report.birdseye import HEIGHT, MAX_AGENTS, WIDTH, draw_scene
from oddloop.report.directions import main_direction, round_length


def tracks(**columns: Any) -> pa.Table:
    n = len(columns["x_m"])
    start = {"agent_id": ["a"] * n, "timestamp_ns": list(range(n)), "y_m": [0.0] * n, "heading_rad": [0.0] * n}
    size = {"speed_mps": [6.0] * n, "length_m": [4.0] * n, "width_m": [2.0] * n, "is_ego": [False] * n}
    return pa.table(start | size | columns)


def elements(svg: str) -> list[ET.Element]:
    return list(ET.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)))


def paths(svg: str, name: str) -> list[str]:
    """Path data of the elements that have that class."""
    return [e.attrib["d"] for e in elements(svg) if name in e.attrib.get("class", "").split()]


def points(data: str) -> np.ndarray:
    """All points of path data of `M x y l dx dy ...` pieces, as absolute ones."""
    found = []
    for piece in re.findall(r"M([^M]*)", data.replace("z", "")):
        start, _, steps = piece.partition("l")
        moves = np.array(steps.split(), float).reshape(-1, 2)
        found.append(np.cumsum(np.vstack([np.array(start.split(), float), moves]), axis=0))
    return np.concatenate(found)


def test_geometry_by_hand() -> None:
    # 100 m to the east: 800 of the 880 units are left between the margins, so 8 units a metre; y stays in the middle.
    svg = draw_scene(tracks(x_m=[0.0, 50.0, 100.0]))
    assert paths(svg, "a1") == ["M40 255l400 0"]  # the middle third ends at 50 m
    assert paths(svg, "a2") == ["M440 255l400 0"]
    # 4 m x 2 m = 32 x 16 units around (840, 255), with the nose at the front
    assert paths(svg, "b") == ["M824 263l24 0 8 -8 -8 -8 -24 0z"]
    assert paths(svg, "bar") == [f"M40 {HEIGHT - 30}h160"]  # 20 m: the longest round length below 30 % of the width
    assert "20 m</text>" in svg


def test_north_lies_level_and_the_driving_goes_right() -> None:
    west = draw_scene(tracks(x_m=[0.0, -50.0, -100.0], heading_rad=[np.pi] * 3))
    north = draw_scene(tracks(x_m=[0.0] * 3, y_m=[0.0, 50.0, 100.0], heading_rad=[np.pi / 2] * 3))
    east = draw_scene(tracks(x_m=[0.0, 50.0, 100.0]))
    assert west == east == north


def test_left_stays_left() -> None:
    # A second vehicle drives 10 m to the left (north) of the first: higher on the page.
    both = tracks(x_m=[0.0, 100.0, 0.0, 100.0], y_m=[0.0, 0.0, 10.0, 10.0], agent_id=list("aabb"),
                  timestamp_ns=[0, 1, 0, 1], speed_mps=[20.0, 20.0, 1.0, 1.0])  # fmt: skip
    svg = draw_scene(both)
    assert points(paths(svg, "s1")[0])[:, 1].max() < points(paths(svg, "s3")[0])[:, 1].min()


@pytest.mark.parametrize(
    ("speed_mps", "place"),
    [(0.0, 0), (-0.4, 0), (0.5, 1), (-4.9, 1), (5.0, 2), (12.0, 3), (np.nan, 4), (np.inf, 4)],
)
def test_colour_is_speed(speed_mps: float, place: int) -> None:
    svg = draw_scene(tracks(x_m=[0.0], speed_mps=[speed_mps]))
    assert [e.attrib["class"] for e in elements(svg) if e.tag.endswith("path")] == [f"b s{place}", "bar"]


def test_a_vehicle_that_left_is_pale_and_the_ego_vehicle_is_marked() -> None:
    scene = tracks(x_m=[0.0, 9.0, 0.0, 5.0], y_m=[0.0, 0.0, 8.0, 8.0], agent_id=list("aabb"),
                   timestamp_ns=[0, 100, 0, 40], is_ego=[True, True, None, None])  # fmt: skip
    svg = draw_scene(scene)
    assert len(paths(svg, "gone")) == 1
    assert [len(re.findall("z", d)) for d in paths(svg, "ego") if "z" in d] == [1]


def test_standing_vehicles_leave_no_path() -> None:
    svg = draw_scene(tracks(x_m=[3.0] * 50, speed_mps=[0.0] * 50))
    assert len(elements(svg)) == 4  # title, box, bar, its length
    assert points(paths(svg, "b")[0]).mean(axis=0)[1] == pytest.approx(255)


def test_empty_scene_says_so() -> None:
    assert "no tracks" in draw_scene(tracks(x_m=[]))
    assert "no tracks" in draw_scene(tracks(x_m=[np.nan, np.inf, 1e300]))


def test_what_lies_far_from_where_the_ego_vehicle_was_last_is_not_drawn() -> None:
    there = {
        "x_m": [-400.0, 0.0, 149.0, 151.0],
        "agent_id": ["ego", "ego", "near", "far"],
        "timestamp_ns": [0, 9, 9, 9],
    }
    svg = draw_scene(tracks(**there, is_ego=[True, True, False, False]), "s")
    assert "s, 2 of 3 vehicles shown" in svg
    assert paths(svg, "bar") == [f"M40 {HEIGHT - 30}h{round(20 * 800 / 149)}"]  # 149 m fill the width
    assert "3 vehicles" not in draw_scene(tracks(**there), "s")  # without an ego vehicle all is drawn


def test_crowds_are_cut_to_those_near_the_ego_vehicle() -> None:
    n = MAX_AGENTS + 20
    ego = np.arange(n) == 7
    crowd = tracks(x_m=np.arange(n) * 1.0, agent_id=[str(i) for i in range(n)], timestamp_ns=[0] * n, is_ego=ego)
    svg = draw_scene(crowd, "s")
    assert f"s, {MAX_AGENTS} of {n} vehicles shown" in svg
    assert "".join(paths(svg, "s2")).count("z") == MAX_AGENTS
    assert any("z" in d for d in paths(svg, "ego"))


def test_texts_are_escaped() -> None:
    svg = draw_scene(tracks(x_m=[0.0], agent_id=["<b>"]), "</svg><script>\"'&")
    assert "<script" not in svg
    assert "<b>" not in svg
    assert elements(svg)[0].text == "</svg><script>\"'&"


def test_roads_lie_below_and_what_is_not_finite_is_left_out() -> None:
    line = np.array([[0.0, 2.0], [50.0, np.nan], [100.0, 2.0]])
    svg = draw_scene(tracks(x_m=[0.0, 100.0]), lines=[line, np.empty((0, 2))])
    assert paths(svg, "road") == ["M40 239l800 0"]  # 2 m to the left: 16 units up
    assert elements(svg)[1].attrib["class"] == "road"


def test_style_stands_in_a_drawing_that_stands_alone() -> None:
    alone = draw_scene(tracks(x_m=[0.0]), style=True)
    assert birdseye.STYLE in alone
    assert birdseye.STYLE not in draw_scene(tracks(x_m=[0.0]))


def test_row_order_and_missing_columns_make_no_difference_to_places() -> None:
    rng = np.random.default_rng(0)
    scene = tracks(x_m=rng.normal(0, 30, 40), y_m=rng.normal(0, 9, 40), agent_id=[str(i % 4) for i in range(40)])
    shuffled = scene.take(pa.array(rng.permutation(40)))
    assert draw_scene(shuffled) == draw_scene(scene)
    bare = scene.select(["agent_id", "timestamp_ns", "x_m", "y_m", "heading_rad"])
    assert len(paths(draw_scene(bare), "s4")) > 0


ROW = st.tuples(st.sampled_from("abc"), st.integers(0, 2**62), *[st.floats(width=64)] * 6)


@settings(max_examples=80, deadline=None, phases=(Phase.generate,))
@given(st.lists(ROW, max_size=12))
def test_any_numbers_give_whole_points(rows: list[tuple[Any, ...]]) -> None:
    names = ("agent_id", "timestamp_ns", "x_m", "y_m", "heading_rad", "speed_mps", "length_m", "width_m")
    table = pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})
    svg = draw_scene(table if rows else tracks(x_m=[]))
    assert not re.search("nan|inf", svg.replace("font", ""), re.IGNORECASE)
    for element in elements(svg):
        assert re.fullmatch(r"[-Mlhz \d]*", element.attrib.get("d", ""))
    for data in paths(svg, "a2"):
        assert (points(data) >= 0).all()
        assert (points(data) <= [WIDTH, HEIGHT]).all()


def test_main_direction_is_the_first_axis_of_the_spread() -> None:
    rng = np.random.default_rng(3)
    xy = rng.normal(0, [[20.0, 2.0]], (200, 2)) @ np.array([[0.6, 0.8], [-0.8, 0.6]])
    axis = np.linalg.svd(xy - xy.mean(axis=0))[2][0]
    angle = main_direction(xy, np.zeros(200, int))
    assert abs(np.array([np.cos(angle), np.sin(angle)]) @ axis) == pytest.approx(1)


def test_what_the_ego_vehicle_faces_is_ahead_though_all_else_falls_behind() -> None:
    # seen from a car at the origin that drives north: two cars that it overtakes slide backwards, to the south
    xy = np.array([[-3.0, 40.0], [-3.0, 10.0], [3.0, 60.0], [3.0, 20.0]])
    agent = np.array([0, 0, 1, 1])
    assert np.sin(main_direction(xy, agent)) < -0.9
    assert np.sin(main_direction(xy, agent, np.array([1.5, 1.6]))) > 0.9
    assert main_direction(xy, agent, np.array([])) == main_direction(xy, agent)


@given(st.floats(1e-6, 1e6))
def test_round_length_is_the_largest_that_fits(most: float) -> None:
    length = round_length(most)
    assert length <= most * (1 + 1e-9)
    assert length * 2.5 > most * (1 - 1e-9)
