"""The page of cards in a real browser, from disk, wide and narrow: it draws, fits, filters, and lights up the map."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from oddloop.report import render_cards
from oddloop.rounds.discovery import Scenario
from report.test_cards_page import card, drawing, page_of

CHROMIUM = Path("/usr/bin/chromium")

pytestmark = [
    pytest.mark.system,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM}"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    cards = [card(f"c{i}", i + 1, parent_id="c0" if i == 1 else None) for i in range(100)]
    drawings = {f"c{i}-{part}": drawing(f"c{i}-{part}") for i in range(100) for part in "abc"}
    said = {"c7": Scenario("c7", "tram crossing", status="confirmed")}
    file = tmp_path_factory.mktemp("cards") / "cards.html"
    file.write_text(render_cards(page_of(cards, drawings=drawings, said=said)), "utf-8")
    return file.as_uri()


@contextmanager
def opened(browser: Any, address: str, width: int = 1280, scheme: str = "light") -> Iterator[Any]:
    """The page; afterwards: no error was logged and nothing was asked of the network."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    errors: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(address)
    yield tab
    context.close()
    assert errors == []
    assert [url for url in asked if url.split("#")[0] != address.split("#")[0]] == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_draws_and_fits(browser: Any, address: str, width: int, scheme: str) -> None:
    with opened(browser, address, width, scheme) as tab:
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        box = tab.locator(".card[open] .pictures .bev").first.bounding_box()
        assert (box["width"] > 80, box["height"] > 50) == (True, True)
        drawn = "document.querySelector('.card[open] .pictures use').getBBox().width"
        assert tab.evaluate(drawn) > 0  # what is drawn once is shown here


def test_words_and_status_filter_the_cards(browser: Any, address: str) -> None:
    with opened(browser, address) as tab:
        assert tab.locator(".card:visible").count() == 100
        tab.fill("#words", "TRAM cross")
        assert tab.locator(".card:visible").count() == 1
        assert tab.text_content("#shown") == "1 of 100 cards"
        tab.fill("#words", "")
        tab.select_option("#status", "confirmed")
        assert tab.locator(".card:visible").count() == 1
        tab.select_option("#status", "noise")
        assert tab.text_content("#shown") == "0 of 100 cards"


def test_an_open_card_lights_up_its_scenes_and_a_dot_opens_its_card(browser: Any, address: str) -> None:
    lit = "[...document.querySelectorAll('.map g.on')].map((g) => g.dataset.cluster).sort().join(' ')"
    with opened(browser, address) as tab:
        assert tab.evaluate(lit) == ""
        tab.locator("#c5 > summary").click()
        assert tab.evaluate(lit) == "c5"
        tab.locator("#c5 > summary").click()
        assert tab.evaluate("document.querySelector('.map').classList.contains('lit')") is False
        tab.locator('.map g[data-cluster="c9"]').dispatch_event("click")
        assert (tab.evaluate("document.getElementById('c9').open"), tab.evaluate(lit)) == (True, "c9")
    with opened(browser, f"{address}#c0") as tab:
        assert tab.evaluate(lit) == "c0 c1"  # and what lies inside
