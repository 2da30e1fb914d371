"""Models in a real browser: from the list to a comparison, and to the segments that surely changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from web.browsing import SIZES, Reader, chromium, enter, picture, serving, severe_faults, system

pytestmark = system


@pytest.fixture(scope="module")
def reader(toy: Path) -> Iterator[Reader]:
    with serving(toy) as (base, app), chromium() as browser:
        yield enter(browser, base, app)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_pages_fit_and_keep_nobody_out(reader: Reader, size: str, scheme: str) -> None:
    for path in ("/models", "/models/compare"):
        with reader.opened(path, size, color_scheme=scheme) as page:
            assert severe_faults(page) == []
            picture(page, path, size, scheme)


def test_two_models_are_compared(reader: Reader) -> None:
    with reader.opened("/models") as page:
        page.get_by_role("link", name="Compare m001 with m000").click()
        page.get_by_role("heading", name="m001 against m000").wait_for()
        page.get_by_label("Attributes, at most").select_option("1")
        page.get_by_label("Segments").select_option("unclear")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**change=unclear*")
        rows = page.locator("#changes tbody tr")
        assert rows.count() > 1
        assert rows.first.get_by_text("all scenes").is_visible()
        rows.nth(1).get_by_role("link").click()
        page.wait_for_url("**/coverage/segment?id=**")
