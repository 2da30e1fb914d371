"""The pages in a real browser: every width, light and dark, by keyboard, and with axe-core."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from web.browsing import SIZES, Reader, chromium, enter, picture, serving, severe_faults, system

pytestmark = system
PATHS = ("/", "/rounds", "/rounds/r001", "/rounds/r002")


@pytest.fixture(scope="module")
def reader(toy: Path) -> Iterator[Reader]:
    with serving(toy) as (base, app), chromium() as browser:
        yield enter(browser, base, app)


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_pages_fit_and_keep_nobody_out(reader: Reader, size: str, scheme: str, lang: str) -> None:
    for path in PATHS:
        with reader.opened(path, size, color_scheme=scheme, locale=lang) as page:
            assert severe_faults(page) == []
            picture(page, path, size, scheme, lang)


def test_the_printed_address_leaves_no_token_in_the_history(reader: Reader) -> None:
    with reader.opened("/") as page:
        assert page.evaluate("location.search") == ""
        assert page.evaluate("document.cookie") == ""


def test_everything_is_reached_by_keyboard_and_is_seen_to_be(reader: Reader) -> None:
    with reader.opened("/rounds/r002") as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        wanted = page.locator("a, button, input, summary, [tabindex='0']").count()
        page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
        seen = set()
        for _ in range(2 * wanted):
            page.keyboard.press("Tab")
            seen.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
            if not page.evaluate("document.activeElement === document.body"):
                assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        assert len(seen) >= wanted


def test_the_reader_turns_the_light_off(reader: Reader) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    with reader.opened("/rounds", color_scheme="light") as page:
        light = page.evaluate(paper)
        page.get_by_role("link", name="Dark").click()
        page.wait_for_load_state()
        assert page.url.endswith("/rounds")
        dark = page.evaluate(paper)
        assert dark != light
        assert severe_faults(page) == []
        page.get_by_role("link", name="日本語").click()
        page.wait_for_load_state()
        assert page.evaluate("document.documentElement.lang") == "ja"
        assert page.evaluate(paper) == dark
    with reader.opened("/rounds", color_scheme="dark") as page:
        page.get_by_role("link", name="Light").click()
        page.wait_for_load_state()
        assert page.evaluate(paper) == light
        assert severe_faults(page) == []


def test_a_table_is_sorted_and_filtered_and_the_address_says_so(reader: Reader) -> None:
    with reader.opened("/rounds/r002") as page:
        first = page.locator("#picks-table tbody tr").first
        before = first.inner_text()
        page.get_by_role("button", name="cost").click()
        page.get_by_role("button", name="rank").click()
        page.get_by_role("button", name="rank").click()
        assert first.inner_text() != before
        assert "descending" in page.evaluate("location.hash")
        scene = page.locator("#picks-table tbody th").first.inner_text()
        page.get_by_role("searchbox").fill(scene)
        assert page.locator("#picks-table tbody tr:visible").count() == 1
        address = page.url
        page.goto("about:blank")
        page.goto(address)
        assert page.locator("#picks-table tbody tr:visible").count() == 1


def test_the_way_from_the_overview_to_the_picks(reader: Reader) -> None:
    with reader.opened("/") as page:
        assert page.locator(".cards h3").count() == 3
        assert page.locator("svg.plot").count() == 2
        page.get_by_role("link", name="Picks and reasons").click()
        page.wait_for_url("**/rounds/r002")
        page.locator(".pick-reasons summary").first.click()
        assert page.locator(".pick-reasons li").first.is_visible()


def test_who_logs_out_is_out(toy: Path, reader: Reader) -> None:
    with serving(toy) as (base, app):
        context = reader.browser.new_context()
        page = context.new_page()
        page.goto(f"{base}/?token={app.state.site.one_time.token}")
        page.get_by_role("button", name="Log out").click()
        page.wait_for_load_state()
        assert page.get_by_label("Token").is_visible()
        assert severe_faults(page) == []
        page.get_by_label("Token").fill(app.state.site.one_time.token)
        page.get_by_role("button", name="Enter").click()
        page.wait_for_load_state()
        assert page.get_by_role("heading", level=1).inner_text().startswith("Round r002")
        context.close()
