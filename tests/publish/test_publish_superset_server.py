"""A real Superset imports the bundle, again and again, answers every chart, and shows a new round by itself."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

import toy
from oddloop.cli.run import publish_if_asked
from oddloop.lake import Workspace
from publishing import change_settings, publish_at
from superset_server import Superset
from web.browsing import PICTURES, chromium

pytestmark = pytest.mark.system
SLUG = "oddloop-toy"
KINDS = ("database", "dataset", "chart", "dashboard")


@pytest.fixture(scope="module")
def imported(ready: Path, superset_server: Superset) -> Path:
    """A workspace whose bundle was imported three times."""
    folder = ready.parent / "superset-workspace"
    shutil.copytree(ready, folder)
    change_settings(folder, 'formats = ["duckdb"]', 'formats = ["duckdb", "superset"]\nafter_run = true')
    publish_at(folder)
    superset_server.import_assets(folder / "publish/superset.zip")
    before = {kind: [(one["id"], one.get("uuid")) for one in superset_server.list_all(kind)] for kind in KINDS}
    for _ in range(2):
        superset_server.import_assets(folder / "publish/superset.zip")
    after = {kind: [(one["id"], one.get("uuid")) for one in superset_server.list_all(kind)] for kind in KINDS}
    assert {kind: sorted(map(str, found)) for kind, found in after.items()} == {
        kind: sorted(map(str, found)) for kind, found in before.items()
    }
    return folder


def rows_of(server: Superset) -> dict[str, list[dict[str, Any]]]:
    charts = server.ask(f"dashboard/{SLUG}/charts")["result"]
    return {chart["slice_name"]: server.chart_data(chart["id"]) for chart in charts}


def test_every_chart_answers_with_what_the_tables_say(imported: Path, superset_server: Superset) -> None:
    rows = rows_of(superset_server)
    assert len(rows) == 14
    assert [name for name, found in rows.items() if not found] == []
    with duckdb.connect(str(imported / "publish/oddloop.duckdb"), read_only=True) as database:
        asked = "SELECT value, gap, hours_labelled FROM fact_segment_gap JOIN dim_round USING (round_id) "
        ((value, gap, hours),) = database.execute(f"{asked} WHERE is_newest AND segment_id = 'all'").fetchall()
    assert rows["Model now"] == [{"metric_value": pytest.approx(value, rel=1e-12)}]
    assert rows["Gap now"] == [{"gap_to_target": pytest.approx(gap, rel=1e-12)}]
    assert rows["Labelled h"] == [{"labelled_hours": pytest.approx(hours, rel=1e-12)}]


@pytest.mark.slow
def test_a_browser_shows_every_chart(imported: Path, superset_server: Superset) -> None:
    """No chart says that something went wrong, and each has drawn what it asked for."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1600, "height": 3400})
        page.goto(f"{superset_server.url}/login/")
        page.wait_for_selector("input[type=password]", timeout=120_000)
        page.fill("input[type=text]", superset_server.user)
        page.fill("input[type=password]", superset_server.password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda address: "login" not in address, timeout=120_000)
        page.goto(f"{superset_server.url}/superset/dashboard/{SLUG}/")
        page.wait_for_function("document.querySelectorAll('.dashboard-chart').length == 14", timeout=120_000)
        drawn = "filter(c => c.querySelector('canvas, table, .header-line'))"
        all_drawn = f"[...document.querySelectorAll('.dashboard-chart')].{drawn}.length == 14"
        page.wait_for_function(all_drawn, timeout=120_000)
        assert page.locator("[role=alert], .ant-alert-error").count() == 0
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=PICTURES / "superset.png", full_page=True)


def test_a_new_round_shows_without_anybody_doing_anything(imported: Path, superset_server: Superset) -> None:
    """The loop runs on, publishes by itself, and the same charts say the new round."""
    name = "What each round gained (above 0: better)"
    assert {row["round_id"] for row in rows_of(superset_server)[name]} == {"r001"}
    before = rows_of(superset_server)["Model now"]
    toy.label_all_picks(imported, "r002")
    toy.run_at(imported)
    published = publish_if_asked(Workspace.open(imported), toy.shell())
    assert published is not None
    assert published.written
    after = rows_of(superset_server)
    assert {row["round_id"] for row in after[name]} == {"r001", "r002"}
    assert after["Model now"] != before
