"""The pages in a real browser over a real data set: the KITTI tracking benchmark, brought in as its how-to says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exchange.kitti_text import REAL, WHY_SKIPPED
from oddloop.lake import Workspace
from oddloop.rounds.discovery import fold_names
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.state import DISCOVERY
from web.browsing import Reader, chromium, enter, picture, serving, severe_faults, system

pytestmark = [*system, pytest.mark.skipif(not REAL.exists(), reason=WHY_SKIPPED)]
SCENE = "/scenes/scene?id=0013%2F00"
PATHS = (
    "/",
    "/coverage?measure=performance",
    "/coverage/segment?id=traffic_density%3Dhigh",
    "/scenes?where=traffic_density%3Dlow",
    SCENE,
    "/clusters",
    "/clusters/c0001",
    "/clusters/map",
    "/review",
    "/rounds",
    "/rounds/r001",
    "/models",
)


@pytest.fixture(scope="module")
def kitti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace after one run; nobody may change it."""
    folder = tmp_path_factory.mktemp("kitti") / "ws"
    for command in (
        ["init", str(folder), "--for", "kitti"],
        ["ingest", "kitti", str(REAL), "--workspace", str(folder), "--labelled", "0000,0001"],
        ["run", "--workspace", str(folder)],
    ):
        subprocess.run([sys.executable, "-m", "oddloop", *command], check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture(scope="module")
def reader(kitti: Path) -> Iterator[Reader]:
    with serving(kitti) as (base, app), chromium() as browser:
        yield enter(browser, base, app)


@pytest.fixture
def own(reader: Reader, kitti: Path, tmp_path: Path) -> Iterator[tuple[Reader, Path]]:
    """A copy that a test may change, and somebody who looks at it."""
    folder = Path(shutil.copytree(kitti, tmp_path / "ws"))
    with serving(folder) as (base, app):
        yield enter(reader.browser, base, app), folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["phone", "desk"])
def test_pages_fit_and_keep_nobody_out(reader: Reader, size: str, scheme: str) -> None:
    lang = "ja" if (size, scheme) in (("phone", "light"), ("desk", "dark")) else "en"
    for path in PATHS:
        with reader.opened(path, size, color_scheme=scheme, locale=lang) as page:
            assert severe_faults(page) == [], path
            picture(page, path, "kitti", size, scheme, lang)


def test_from_the_overview_to_a_cell_and_its_segment(reader: Reader) -> None:
    with reader.opened("/") as page:
        assert page.get_by_text("no metric has a target").is_visible()
        page.get_by_role("link", name="Coverage", exact=True).click()
        page.locator("select[name=measure]").select_option(label="performance")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**measure=performance**")
        page.locator(".heat td.misses a").first.click()
        page.get_by_role("heading", level=1).get_by_text("traffic_density=high").wait_for()
        assert page.get_by_role("heading", name="What was seen of it").is_visible()


def test_from_a_bar_to_a_scene_and_to_what_is_like_it(reader: Reader) -> None:
    with reader.opened("/scenes") as page:
        page.locator(".bars a", has_text="medium").click()
        page.wait_for_url("**where=traffic_density%3Dmedium")
        page.locator(".scene-table th a").first.click()
        page.wait_for_url("**/scenes/scene?id=**")
        assert page.get_by_role("heading", name="Score over time").is_visible()
        page.get_by_role("link", name="Scenes like it").click()
        page.wait_for_url("**/scenes?like=**")
        assert page.locator(".scene-table tbody tr").count() > 3


def test_a_cluster_is_named(own: tuple[Reader, Path]) -> None:
    reader, folder = own
    with reader.opened("/clusters") as page:
        page.locator(".clusters h3 a").first.click()
        page.get_by_label("Name", exact=True).fill("crowded crossing")
        page.get_by_role("button", name="Record").click()
        page.get_by_role("heading", name="crowded crossing").wait_for()
    [said] = fold_names(open_ledger(Workspace.open(folder)).events(DISCOVERY)).values()
    assert said.name == "crowded crossing"


def test_picks_are_judged_and_the_review_is_finished(own: tuple[Reader, Path]) -> None:
    reader, folder = own
    with reader.opened("/") as page:
        page.get_by_role("link", name="Review them").click()
        # The script shows the button for its keys once it listens to them: a key pressed before that is lost.
        page.wait_for_selector("#help")
        page.keyboard.press("a")
        page.wait_for_selector("#pick-1.approve")
        page.keyboard.press("d")
        page.wait_for_selector("#pick-2.defer")
        page.get_by_role("link", name="Finish the review…").click()
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name=re.compile("Finish with")).click()
        page.get_by_text("The review is over").wait_for()
        page.get_by_role("link", name="The round").click()
        assert page.locator(".steps .done").first.get_by_text("Proposal").is_visible()
    state = open_ledger(Workspace.open(folder)).round("r001")
    assert (state.status, len(state.picks)) == ("reviewed", len(state.proposal["picks"]) - 1)
