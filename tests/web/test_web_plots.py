"""Plotly draws under the policy of the pages: nothing is blocked, and nothing looks other than it should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2 import ChoiceLoader, DictLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from oddloop.report.figures import layout
from oddloop.report.palette import INK
from oddloop.web.site import site_of, templates
from web.browsing import Reader, chromium, enter, picture, serving, severe_faults, system

pytestmark = system
PAGE = """{% extends "base.html" %}{% from "figures.html" import scripts, figures %}
{% block title %}Plots{% endblock %}
{% block head %}{{ scripts(asset) }}{% endblock %}
{% block main %}<h1>Plots</h1>{{ figures(all) }}
{% for name in all %}<div class="chart" data-figure="{{ name }}" role="group" aria-label="{{ name }}"></div>{% endfor %}
{% endblock %}"""
AXES: tuple[dict[str, Any], dict[str, Any]] = ({"title": {"text": "x </script>"}}, {"title": {"text": "y"}})
LINES = [{"type": "scatter", "mode": "lines+markers", "name": n, "x": [1, 2], "y": [2, k]} for k, n in enumerate("ab")]
HEAT = [{"type": "heatmap", "z": [[1, 2], [3, 4]], "colorbar": {"title": {"text": "z"}}}]
NOTE = {"annotations": [{"text": "<b>bold</b>", "x": 1, "y": 1, "font": {"color": INK}}]}
FIGURES = {
    "lines": {"data": LINES, "layout": layout(*AXES, dragmode="zoom", **NOTE)},
    "heat": {"data": HEAT, "layout": layout(*AXES)},
}


@pytest.fixture(scope="module")
def reader(toy: Path) -> Iterator[Reader]:
    async def plots(request: Request) -> HTMLResponse:
        return HTMLResponse(site_of(request).render(request, "plots of a test", all=FIGURES))

    monkeypatch = pytest.MonkeyPatch()
    own = DictLoader({"plots of a test": PAGE})
    monkeypatch.setattr(templates(), "loader", ChoiceLoader([own, templates().loader]))
    with serving(toy) as (base, app), chromium() as browser:
        app.router.routes.insert(0, Route("/plots", plots))
        yield enter(browser, base, app)
    monkeypatch.undo()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["phone", "desk"])
def test_plotly_draws_and_nothing_is_blocked(reader: Reader, size: str, scheme: str) -> None:
    with reader.opened("/plots", size, color_scheme=scheme) as page:
        page.wait_for_selector("[data-figure='heat'] .heatmaplayer image")
        page.wait_for_selector("[data-figure='lines'] .legend")
        box = page.locator("[data-figure='lines'] .point").first.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_selector("[data-figure='lines'] .hoverlayer .hovertext")
        bold = page.locator("[data-figure='lines'] .annotation tspan", has_text="bold").first
        assert bold.evaluate("e => getComputedStyle(e).fontWeight") == "700"
        # rules of Plotly's own style sheet have arrived
        main = page.locator("[data-figure='lines'] .main-svg").first
        assert main.evaluate("e => getComputedStyle(e).overflow") == "hidden"
        if size == "desk":
            bar = page.locator("[data-figure='lines'] .modebar")
            assert bar.evaluate("e => getComputedStyle(e).position") == "absolute"
            assert bar.evaluate("e => getComputedStyle(e.querySelector('.modebar-btn')).cursor") == "pointer"
        picture(page, "/plots", size, scheme)
        assert severe_faults(page) == []
