"""The page in a real browser, from disk, wide and narrow: draws, fits, and works by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from oddloop.report import build_report, render_html
from report.report_inputs import empty_inputs, fleet_inputs

CHROMIUM = Path("/usr/bin/chromium")
WIDTHS = {"wide": (1280, 900), "narrow": (390, 844)}

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
def pages(tmp_path_factory: pytest.TempPathFactory, html: str) -> dict[str, str]:
    """Addresses of the pages of a fleet, of nothing, and of a map drawn with WebGL."""
    folder = tmp_path_factory.mktemp("pages")
    texts = {
        "fleet": html,
        "nothing": render_html(build_report(empty_inputs())),
        "large": render_html(build_report(fleet_inputs(6000, n_picks=500))),
    }
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text, "utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in texts}


@contextmanager
def opened(browser: Any, address: str, size: tuple[int, int] = WIDTHS["wide"], **options: Any) -> Iterator[Any]:
    """The page, opened and drawn; afterwards: no error was logged and nothing was asked of the network."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    page = context.new_page()
    errors: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_function(
        "document.querySelectorAll('.chart').length === document.querySelectorAll('.chart .plot-container').length"
    )
    yield page
    context.close()
    assert errors == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS.values(), ids=WIDTHS.keys())
@pytest.mark.parametrize("name", ["fleet", "nothing", "large"])
def test_page_fits_and_draws(
    browser: Any, pages: dict[str, str], name: str, size: tuple[int, int], scheme: str
) -> None:
    with opened(browser, pages[name], size, color_scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        boxes = [chart.bounding_box() for chart in page.locator(".chart .main-svg:first-of-type, .chart canvas").all()]
        assert len(boxes) >= (0 if name == "nothing" else 3)
        assert all(box["width"] > 200 and box["height"] > 200 for box in boxes)


def test_a_chart_offers_no_upload(browser: Any, pages: dict[str, str]) -> None:
    with opened(browser, pages["fleet"]) as page:
        titles = page.eval_on_selector_all(".modebar-btn", "buttons => buttons.map((b) => b.dataset.title)")
        assert set(titles) <= {"Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes"}


def ranks(page: Any) -> list[int]:
    cells = page.locator("#picks-table tbody tr:not([hidden]) td:first-child").all_inner_texts()
    return [int(text) for text in cells]


def test_picks_sort_by_keyboard_and_the_address_remembers(browser: Any, pages: dict[str, str]) -> None:
    with opened(browser, pages["fleet"]) as page:
        assert ranks(page) == list(range(1, 41))
        page.focus("#picks-table th:first-child button")
        page.keyboard.press("Enter")
        assert ranks(page) == list(range(40, 0, -1))
        assert page.get_attribute("#picks-table th:first-child", "aria-sort") == "descending"
        address = page.url
    with opened(browser, address) as page:
        assert ranks(page) == list(range(40, 0, -1))


def test_picks_filter_by_keyboard(browser: Any, pages: dict[str, str]) -> None:
    with opened(browser, pages["fleet"]) as page:
        page.focus("input[name=q]")
        page.keyboard.type("fog light=night")
        shown = ranks(page)
        assert 0 < len(shown) < 40
        assert page.inner_text("#picks-count") == f"{len(shown)} of 40 scenes"
        assert all("fog" in text for text in page.locator("#picks-table tbody tr:not([hidden])").all_inner_texts())


def test_heatmap_changes_by_its_selectors_and_walks_by_arrow_keys(browser: Any, pages: dict[str, str]) -> None:
    with opened(browser, pages["fleet"]) as page:
        page.select_option("#heat-rows", "road")
        page.select_option("#heat-columns", "weather")
        page.select_option("#heat-measure", label="min_fde_m")
        assert page.inner_text("#heatmap caption") == "min_fde_m by road and weather"
        assert page.locator("#heatmap td").count() == 4 * 5
        for kind in ("none", "few", "misses"):
            assert page.locator(f"#heatmap td.{kind}").count() > 0
        page.focus("#heatmap td[tabindex='0']")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowRight")
        assert page.inner_text("#heat-details div:first-child") == "weather=cloudy & road=urban"
        page.select_option("#heat-columns", "road")  # the same attribute twice makes no sense: the other one gives way
        assert page.input_value("#heat-rows") != "road"
        page.select_option("#heat-columns", "")
        assert page.locator("#heatmap tbody tr:first-child td").count() == 1


def test_evidence_changes_with_its_selector(browser: Any, pages: dict[str, str]) -> None:
    with opened(browser, pages["fleet"]) as page:
        before = page.locator("#evidence-table tbody").inner_text()
        page.select_option("select[name=evidence]", label="min_fde_m, weather=fog")
        assert page.inner_text("#evidence-sentence").startswith("min_fde_m, weather=fog:")
        assert page.locator("#evidence-table tbody").inner_text() != before


def test_a_scene_is_found_by_id_and_from_the_picks(browser: Any, pages: dict[str, str]) -> None:
    with opened(browser, pages["fleet"]) as page:
        first = page.inner_text("#picks-table tbody tr:first-child .link")
        page.focus("#picks-table tbody tr:first-child .link")
        page.keyboard.press("Enter")
        assert "pick 1:" in page.inner_text("#scene-details")
        page.fill("input[name=scene]", "no such scene")
        page.keyboard.press("Enter")
        assert "No such scene on the map." in page.inner_text("#scene-details")
        page.fill("input[name=scene]", first)
        page.keyboard.press("Enter")
        assert page.inner_text("#scene-details div:first-child") == first


def test_a_click_on_the_map_shows_the_scene(browser: Any, pages: dict[str, str]) -> None:
    with opened(browser, pages["fleet"]) as page:
        place = page.locator("#map-chart .points path").nth(700)
        place.scroll_into_view_if_needed()
        box = place.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_selector("#map-chart .hovertext")
        page.mouse.down()
        page.mouse.up()
        page.wait_for_selector("#scene-details div")
        assert "log: " in page.inner_text("#scene-details")


def test_the_data_downloads_as_json(browser: Any, pages: dict[str, str], tmp_path: Path) -> None:
    with opened(browser, pages["fleet"]) as page:
        with page.expect_download() as waiting:
            page.click("#download")
        assert waiting.value.suggested_filename == "r001.json"
        waiting.value.save_as(tmp_path / "data.json")
        assert (tmp_path / "data.json").read_text("utf-8") == page.inner_text("#report-data")


def test_charts_return_to_their_width_after_printing(browser: Any, pages: dict[str, str]) -> None:
    with opened(browser, pages["fleet"]) as page:
        width = "document.querySelector('#performance-chart .main-svg').clientWidth"
        before = page.evaluate(width)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate(width) == 680
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        page.wait_for_function(f"{width} === {before}")
