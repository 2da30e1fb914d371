"""Kept searches and sets in a real browser: kept by a form, opened, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from web.browsing import SIZES, Reader, chromium, enter, picture, serving, severe_faults, system

pytestmark = system


@pytest.fixture
def reader(folder: Path) -> Iterator[Reader]:
    with serving(folder) as (base, app), chromium() as browser:
        yield enter(browser, base, app)


def test_a_search_and_a_set_are_kept_opened_and_deleted(reader: Reader) -> None:
    with reader.opened("/scenes?where=rain%3Dlight") as page:
        page.get_by_text("Kept: searches (0), sets of scenes (0)").click()
        page.get_by_label("Name", exact=True).fill("light rain")
        page.get_by_label("Note").fill("look at <b>these</b>")
        page.get_by_role("button", name="Keep the search").click()
        page.wait_for_url("**/scenes?where=rain%3Dlight#saved")
        page.get_by_text("Kept: searches (1), sets of scenes (0)").click()
        page.get_by_label("Name", exact=True).fill("two of them")
        page.get_by_label("Only the first").fill("2")
        page.get_by_role("button", name="scenes as a set").click()
        page.wait_for_url("**/scenes?set=two+of+them#saved")
        assert page.locator(".scene-table tbody tr").count() == 2
        page.get_by_role("link", name="Set: two of them").wait_for()
        page.get_by_text("Kept: searches (1), sets of scenes (1)").click()
        assert page.get_by_text("look at <b>these</b>").is_visible()
        assert severe_faults(page) == []
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            picture(page, "/scenes/kept", size)
        page.set_viewport_size({"width": SIZES["desk"][0], "height": SIZES["desk"][1]})
        page.get_by_role("link", name="light rain").click()
        page.wait_for_url("**/scenes?where=rain%3Dlight")
        page.get_by_text("Kept: searches (1), sets of scenes (1)").click()
        page.get_by_role("button", name="Delete two of them").click()
        page.get_by_text("Kept: searches (1), sets of scenes (0)").wait_for()
