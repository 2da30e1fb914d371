"""The coverage pages in a real browser: every width, light and dark, and the way from a cell to its segment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from web.browsing import SIZES, Reader, chromium, enter, picture, serving, severe_faults, system
from web.learning_curves import add_curves

pytestmark = system
PATHS = ("/coverage?measure=performance&against=r001", "/coverage/segment?id=rain%3Dlight")


@pytest.fixture(scope="module")
def reader(toy: Path) -> Iterator[Reader]:
    with serving(toy) as (base, app), chromium() as browser:
        yield enter(browser, base, app)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_pages_fit_and_keep_nobody_out(reader: Reader, size: str, scheme: str) -> None:
    for path in PATHS:
        with reader.opened(path, size, color_scheme=scheme) as page:
            assert severe_faults(page) == []
            picture(page, path, size, scheme)


def test_the_way_from_a_cell_to_what_lies_in_it(reader: Reader) -> None:
    with reader.opened("/coverage") as page:
        page.get_by_label("Show").first.select_option("performance")
        page.get_by_label("Rows").select_option("rain")
        page.get_by_label("Columns").select_option("-")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**measure=performance&rows=rain&columns=-*")
        page.locator(".heat td a").first.click()
        page.wait_for_url("**/coverage/segment?id=rain**")
        page.locator("#within-table th a").first.click()
        page.wait_for_load_state()
        assert " & " in page.get_by_role("heading", level=1).inner_text()
        page.get_by_role("link", name="↑").first.click()
        page.wait_for_load_state()
        assert " & " not in page.get_by_role("heading", level=1).inner_text()


def test_a_dot_of_the_quadrant_leads_to_its_segment(reader: Reader) -> None:
    with reader.opened("/coverage") as page:
        page.locator(".quadrant a").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/coverage/segment?id=**")


def test_a_learning_curve_is_drawn_and_told(reader: Reader, folder: Path) -> None:
    add_curves(folder, "rain=light")
    with serving(folder) as (base, app):
        made = enter(reader.browser, base, app)
        for size in SIZES:
            with made.opened("/coverage/segment?id=rain%3Dlight", size) as page:
                assert page.locator("svg.learning .point").count() > 2
                assert page.get_by_text("With ever more labels accuracy comes to").is_visible()
                assert severe_faults(page) == []
                picture(page, "/coverage/segment/curve", size)
