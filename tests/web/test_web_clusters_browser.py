"""Clusters in a real browser: named by a form, and found on the map."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from oddloop.lake import Workspace
from oddloop.rounds.discovery import fold_names
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.state import DISCOVERY
from web.browsing import SIZES, Reader, chromium, enter, picture, serving, severe_faults, system

pytestmark = system


@pytest.fixture
def reader(folder: Path) -> Iterator[Reader]:
    with serving(folder) as (base, app), chromium() as browser:
        yield enter(browser, base, app)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_pages_fit_and_keep_nobody_out(reader: Reader, size: str, scheme: str) -> None:
    with reader.opened("/clusters", size, color_scheme=scheme) as page:
        first = page.locator(".clusters h3 a").first.get_attribute("href")
    for path in ("/clusters", first, "/clusters/map", "/clusters/map?colour=status&right=0.5"):
        with reader.opened(path, size, color_scheme=scheme) as page:
            assert severe_faults(page) == []
            picture(page, path, size, scheme)


def test_a_cluster_is_named_and_found_by_its_name(reader: Reader, folder: Path) -> None:
    with reader.opened("/clusters") as page:
        page.locator(".clusters h3 a").first.click()
        page.get_by_label("Name", exact=True).fill("tram <b>crosses</b>")
        page.get_by_label("Risk", exact=True).fill("S3E4C2")
        page.get_by_label("Note", exact=True).fill("seen at night")
        page.get_by_role("button", name="Record").click()
        page.get_by_role("heading", name="tram <b>crosses</b>").wait_for()
        assert page.locator(".notes").get_by_text("seen at night").is_visible()
        assert severe_faults(page) == []
        page.get_by_role("link", name="All clusters").click()
        page.get_by_label("Words").fill("tram")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**text=tram*")
        assert page.locator(".clusters li").count() == 1
    [said] = fold_names(open_ledger(Workspace.open(folder)).events(DISCOVERY)).values()
    assert (said.name, said.risk, said.status, said.author) == ("tram <b>crosses</b>", "S3E4C2", "confirmed", "owner")


def test_a_dot_leads_to_its_cluster_and_a_drag_goes_nearer(reader: Reader) -> None:
    with reader.opened("/clusters/map") as page:
        page.wait_for_selector("#scene-map canvas")
        found = page.evaluate("fetch(document.getElementById('scene-map').dataset.api).then((a) => a.json())")
        place = next(i for i, colour in enumerate(found["colour"]) if colour >= 0)
        box = page.locator("#scene-map").bounding_box()
        x = box["x"] + found["x"][place] * box["width"]
        y = box["y"] + (1 - found["y"][place]) * box["height"]
        page.mouse.move(x, y)
        assert page.locator("#under").inner_text() in [colour["key"] for colour in found["colours"]]
        page.mouse.click(x, y)
        page.wait_for_url("**/clusters/c*")
        page.go_back()
        page.wait_for_selector("#scene-map canvas")
        page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.2 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.8 * box["height"], steps=4)
        page.mouse.up()
        page.wait_for_url("**left=0.1*")
        assert page.get_by_role("link", name="The whole map").is_visible()
        page.get_by_role("link", name="Go nearer: row 2, column 2").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**left=0.2*")


def test_scenes_are_outlined_and_kept(reader: Reader) -> None:
    with reader.opened("/clusters/map?colour=attribute:rain") as page:
        page.wait_for_selector("#scene-map canvas")
        found = page.evaluate("fetch(document.getElementById('scene-map').dataset.api).then((a) => a.json())")
        wanted = sum(0.2 < x < 0.8 and 0.1 < 1 - y < 0.9 for x, y in zip(found["x"], found["y"], strict=True))
        page.get_by_role("button", name="Outline scenes").click()
        assert page.get_by_role("button", name="Outline scenes").get_attribute("aria-pressed") == "true"
        box = page.locator("#scene-map").bounding_box()
        corners = [(box["x"] + x * box["width"], box["y"] + y * box["height"])
                   for x, y in ((0.2, 0.1), (0.8, 0.1), (0.8, 0.9), (0.2, 0.9))]  # fmt: skip
        page.mouse.move(*corners[0])
        page.mouse.down()
        for corner in corners[1:]:
            page.mouse.move(*corner, steps=5)
        page.mouse.up()
        assert page.locator("#outlined").inner_text() == f"{wanted} scenes in the outline."
        assert severe_faults(page) == []
        picture(page, "/clusters/map/outlined", "desk")
        page.keyboard.press("Escape")
        assert page.locator("#outlined").inner_text() == ""
        page.get_by_role("spinbutton", name="left").fill("20")
        page.get_by_role("spinbutton", name="right").fill("80")
        page.get_by_role("spinbutton", name="top").fill("10")
        page.get_by_role("spinbutton", name="bottom").fill("90")
        page.get_by_label("Name", exact=True).fill("the middle")
        page.keyboard.press("Enter")
        page.wait_for_url("**/scenes?set=the+middle#saved")
        assert page.get_by_role("heading", name=f"{wanted} scene").is_visible()


def test_the_map_takes_the_colours_of_anything(reader: Reader) -> None:
    with reader.opened("/clusters/map") as page:
        page.get_by_label("Colour:").select_option("attribute:rain")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**colour=attribute%3Arain*")
        page.wait_for_selector("#scene-map canvas")
        assert page.locator(".keys li").count() >= 2
        page.locator(".keys").get_by_role("link", name="light").click()
        page.wait_for_url("**/scenes?where=rain%3Dlight")
