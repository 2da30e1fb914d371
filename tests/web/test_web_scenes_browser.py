"""Scenes in a real browser: from a bar to a scene and on to what is like it, and a scene that is played by keys."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oddloop.lake import Workspace
from oddloop.lake.scan import read_table
from oddloop.tables import SCENES
from web.browsing import SIZES, Reader, chromium, enter, picture, serving, severe_faults, system

pytestmark = system


@pytest.fixture(scope="module")
def moving(wild: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wild scenes with tracks of every scene."""
    folder = tmp_path_factory.mktemp("moving") / "ws"
    shutil.copytree(wild, folder)
    rows = [
        {"scene_id": name, "agent_id": agent, "timestamp_ns": i * 200_000_000, "x_m": 2.0 * i, "y_m": 4.0 * place,
         "heading_rad": 0.0, "is_ego": place == 0}
        for name in read_table(Workspace.open(folder).table("scenes"), SCENES)["scene_id"].to_pylist()
        for place, agent in enumerate(("ego", "truck")) for i in range(8)
    ]  # fmt: skip
    (folder / "lake/tracks").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "lake/tracks/part-0.parquet")
    return folder


@pytest.fixture(scope="module")
def reader(moving: Path) -> Iterator[Reader]:
    with serving(moving) as (base, app), chromium() as browser:
        yield enter(browser, base, app)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_pages_fit_and_keep_nobody_out(reader: Reader, size: str, scheme: str) -> None:
    with reader.opened("/scenes?where=rain%3Dlight&all=many", size, color_scheme=scheme) as page:
        assert severe_faults(page) == []
        picture(page, "/scenes", size, scheme)
        page.locator(".scene-table th a").first.click()
        page.locator("figure.replay button").wait_for()
        assert severe_faults(page) == []
        picture(page, "/scenes/scene", size, scheme)


def test_from_a_bar_to_a_scene_and_to_what_is_like_it(reader: Reader) -> None:
    with reader.opened("/scenes") as page:
        total = page.get_by_role("heading", level=2).first.inner_text()
        page.locator(".bars a", has_text="light").click()
        page.wait_for_url("**where=rain%3Dlight")
        assert page.get_by_role("heading", level=2).first.inner_text() != total
        page.get_by_label("Words").fill("log1")
        page.get_by_role("button", name="Find").click()
        page.wait_for_url("**text=log1**")
        assert "where=rain%3Dlight" in page.url
        page.locator(".chip", has_text="rain=light").click()
        page.wait_for_url(re.compile(r"\?(?!.*where)"))
        page.locator(".scene-table th a").first.click()
        page.wait_for_url("**/scenes/scene?id=**")
        page.get_by_role("link", name="Scenes like it").click()
        page.wait_for_url("**/scenes?like=**")
        assert page.locator(".scene-table tbody tr").count() > 3


def test_a_scene_is_played_by_keys(reader: Reader, moving: Path) -> None:
    name = read_table(Workspace.open(moving).table("scenes"), SCENES)["scene_id"][0].as_py()
    with reader.opened(f"/scenes/scene?id={name}") as page:
        slider, told = page.get_by_role("slider"), page.locator("figure.replay output")
        slider.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert told.inner_text() == "0.4 s / 1.4 s"
        assert "translate(4 " in page.locator(".replayed .ego.b").get_attribute("transform")
        assert "#at=0.4" in page.url
        page.keyboard.press("Space")
        page.get_by_role("button", name="Pause").wait_for()
        page.get_by_role("button", name="Play").wait_for(timeout=5000)  # it stops at the end
        assert told.inner_text() == "1.4 s / 1.4 s"
        page.reload()
        page.get_by_role("button", name="Play").wait_for()
        assert told.inner_text() == "1.4 s / 1.4 s"
