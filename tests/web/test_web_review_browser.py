"""The review in a real browser: by keyboard, by two people at once, and by forms alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oddloop.lake import Workspace
from oddloop.rounds.ledger import Author, open_ledger
from oddloop.rounds.review import decide
from web.browsing import SIZES, Reader, chromium, enter, picture, serving, severe_faults, system

pytestmark = system


@pytest.fixture
def reader(folder: Path) -> Iterator[Reader]:
    with serving(folder) as (base, app), chromium() as browser:
        yield enter(browser, base, app)


def words(page: Any) -> list[str]:
    return page.locator("#picks .word").all_inner_texts()


def test_picks_are_decided_by_keyboard(reader: Reader, folder: Path) -> None:
    with reader.opened("/review") as page:
        for size in SIZES:
            page.set_viewport_size(dict(zip(("width", "height"), SIZES[size], strict=True)))
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            picture(page, "/review", size)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.keyboard.press("?")
        assert page.get_by_role("dialog").is_visible()
        assert severe_faults(page) == []
        page.keyboard.press("Escape")
        page.keyboard.press("j")
        page.keyboard.press("a")
        page.wait_for_selector("#pick-1.approve")
        assert page.evaluate("document.activeElement.id") == "pick-2", "it goes on to the next"
        page.keyboard.press("r")
        page.keyboard.type("blurred jars")
        page.keyboard.press("Enter")
        page.wait_for_selector("#pick-2.reject")
        assert page.evaluate("document.activeElement.id") == "pick-3"
        page.keyboard.press("s")
        page.keyboard.type("too like the first")
        page.keyboard.press("Enter")
        page.wait_for_selector("#pick-4")
        assert words(page) == ["approved", "rejected", "swapped", "undecided"]
        page.keyboard.press("k")
        page.keyboard.press("k")
        page.keyboard.press("u")
        page.wait_for_selector("#pick-2.open")
        assert severe_faults(page) == []
    kinds = [e.payload["decision"] for e in open_ledger(Workspace.open(folder)).events("r002") if e.kind == "decided"]
    assert kinds == ["approve", "reject", "swap", "undo"]


def test_the_cut_is_moved_and_the_review_is_finished(reader: Reader, folder: Path) -> None:
    with reader.opened("/rounds/r002/review") as page:
        page.locator("#keep").fill("2")
        page.keyboard.press("Tab")
        page.wait_for_selector("#pick-3.is-cut")
        assert page.url.endswith("?keep=2")
        page.goto(page.url)
        assert page.locator(".is-cut").count() == 1
        page.get_by_role("link", name="Finish the review…").click()
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Finish with 2 picks").click()
        page.get_by_text("The review is over").wait_for()
        assert page.get_by_role("button", name="Approve").count() == 0
        assert severe_faults(page) == []
    assert len(open_ledger(Workspace.open(folder)).round("r002").picks) == 2


def test_who_comes_second_sees_it_on_the_page(reader: Reader, folder: Path) -> None:
    workspace = Workspace.open(folder)
    context = reader.browser.new_context()
    context.add_cookies(reader.cookies)
    page = context.new_page()
    page.goto(f"{reader.base}/review")
    scene = page.locator("#pick-1").get_attribute("data-scene")
    decide(workspace, open_ledger(workspace), "r002", scene, "reject", "wipers", Author("bob", 1))
    page.locator("#pick-1").get_by_role("button", name="Approve").click()
    page.get_by_role("alert").get_by_text("bob rejected it").wait_for()
    assert page.locator("#pick-1 .word").inner_text() == "rejected"
    assert severe_faults(page) == []
    page.locator("#pick-1").get_by_role("button", name="Approve").click()
    page.wait_for_selector("#pick-1.approve")
    context.close()


def test_it_works_without_a_script(reader: Reader, folder: Path) -> None:
    with reader.opened("/review?keep=2", java_script_enabled=False) as page:
        page.locator("#pick-2").get_by_role("button", name="Approve").click()
        page.wait_for_load_state()
        assert page.url.endswith("/rounds/r002/review?keep=2#pick-2")
        assert words(page)[1] == "approved"
        page.locator("#pick-1 summary", has_text="Reject or swap").click()
        page.locator("#pick-1").get_by_label("Why?").fill("not needed")
        page.locator("#pick-1").get_by_role("button", name="Reject").click()
        page.wait_for_load_state()
        assert words(page)[:2] == ["rejected", "approved"]
