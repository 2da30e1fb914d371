"""The audit's page in a real browser, from disk, wide and narrow: it draws, fits, and asks the network for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oddloop.report import AuditPage, render_audit
from report.test_report_audit_page import page  # noqa: F401 - a fixture

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


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_draws_and_fits(
    browser: Any,
    page: AuditPage,  # noqa: F811
    tmp_path: Path,
    width: int,
    scheme: str,
) -> None:
    file = tmp_path / "audit.html"
    file.write_text(render_audit(page), "utf-8")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    errors: list[str] = []
    asked: list[str] = []
    tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(file.as_uri())
    tab.wait_for_function("document.querySelectorAll('.chart .plot-container').length === 2")
    assert tab.locator(".chart[data-figure=found] .scatterlayer .trace").count() >= 5
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    names = tab.locator(".chart[data-figure=found] .legendtext").all_text_contents()
    assert {"object count", "scene length", "random"} <= set(names)
    context.close()
    assert errors == []
    assert asked == [file.as_uri()]
