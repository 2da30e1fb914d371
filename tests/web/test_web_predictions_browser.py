"""Predictions in a real browser: futures over the replay, boxes beside it, both in step with its timeline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from web.browsing import SIZES, Reader, chromium, enter, picture, serving, severe_faults, system
from web.said_scenes import SCENE, add_predictions

pytestmark = system


@pytest.fixture
def reader(folder: Path) -> Iterator[Reader]:
    add_predictions(folder)
    with serving(folder) as (base, app), chromium() as browser:
        yield enter(browser, base, app)


def test_predictions_go_with_the_timeline(reader: Reader) -> None:
    with reader.opened(f"/scenes/scene?id={SCENE}") as page:
        told = page.locator(".said [role=status]")
        told.get_by_text("Boxes: 1, with a mean score of 0.90.").wait_for()
        assert page.locator(".futures polyline").count() == 4
        assert page.locator(".futures .spread").count() == 1
        page.get_by_role("slider").focus()
        page.keyboard.press("ArrowRight")
        told.get_by_text("Futures: 2; their ends spread by 0.75 m on average. Boxes: 2").wait_for()
        assert page.locator(".plane text").all_text_contents() == ["<b>bus</b> 0.50", "car 0.90"]
        page.locator(".said summary").click()
        assert page.locator(".said tr[aria-current] td").first.inner_text() == "2.5 s"
        assert severe_faults(page) == []
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            picture(page, "/scenes/predictions", size)
        page.set_viewport_size({"width": SIZES["desk"][0], "height": SIZES["desk"][1]})
