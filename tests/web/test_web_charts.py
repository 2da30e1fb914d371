"""Small charts: everything lies inside, ticks are round, names do not cover each other."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from oddloop.web.charts import HEIGHT, WIDTH, Mark, apart, draw, nice_ticks

numbers = st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: round(x, 3))


@given(low=numbers, high=numbers)
def test_ticks_hold_the_range_and_are_few(low: float, high: float) -> None:
    ticks = nice_ticks(min(low, high), max(low, high))
    slack = 1e-6 * (ticks[-1] - ticks[0])
    assert ticks[0] - slack <= min(low, high) <= max(low, high) <= ticks[-1] + slack
    assert 2 <= len(ticks) <= 7


@given(values=st.lists(numbers, min_size=1, max_size=40), are_counts=st.booleans())
def test_everything_lies_inside(values: list[float], are_counts: bool) -> None:
    marks = [Mark(f"r{i}", v, v - 1, v + 1) for i, v in enumerate(values)]
    chart = draw({"": marks}, level=(0.5, "target"), are_counts=are_counts)
    assert chart is not None
    for point in chart.lines[0].points:
        assert 0 <= point.x <= WIDTH
        assert all(-1 <= y <= HEIGHT for y in (point.y, point.y_low, point.y_high) if y is not None)
    assert len(chart.x_ticks) <= 7
    assert chart.x_ticks[-1][1] == marks[-1].label


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw({}) is None
    assert draw({"": []}) is None


@given(st.lists(st.floats(0, 200), min_size=1, max_size=6))
def test_names_do_not_cover_each_other(places: list[float]) -> None:
    found = apart(places)
    assert all(after >= before for before, after in zip(places, found, strict=True))
    assert all(b - a >= 12 - 1e-9 for a, b in itertools.pairwise(sorted(found)))


def test_doctests_of_the_web_run() -> None:
    import doctest
    import importlib
    import pkgutil

    import oddloop.web

    names = [m.name for m in pkgutil.walk_packages(oddloop.web.__path__, "oddloop.web.")]
    results = [doctest.testmod(importlib.import_module(name)) for name in names]
    assert sum(r.attempted for r in results) > 20
    assert sum(r.failed for r in results) == 0
