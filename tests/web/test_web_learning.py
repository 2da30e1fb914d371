"""The learning curve of a segment's page: what was measured and fitted, also for whoever cannot see it."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from web.learning_curves import N_LOGS, N_SEEDS, SIZES, SUPPORT, add_curves, points
from web.web_server import PAGE, client, make_app


@pytest.fixture(scope="module")
def learned(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The page, as JSON and for people, once learning curves were measured."""
    folder = Path(shutil.copytree(toy, tmp_path_factory.mktemp("curves") / "ws"))
    app = make_app(folder)
    viewer = client(app, "viewer")
    assert viewer.get("/api/v1/coverage/segment?id=rain%3Dlight").json()["curve"] is None
    before = viewer.get("/api/v1/coverage").json()
    add_curves(folder, "rain=light")
    app.state.site.store.renew()
    found = viewer.get("/api/v1/coverage/segment?id=rain%3Dlight").json()
    worst = {"before": before["worst"], "worst": viewer.get("/api/v1/coverage").json()["worst"]}
    return worst | {"json": found, "page": viewer.get("/coverage/segment?id=rain%3Dlight", headers=PAGE).text}


def test_trainings_and_their_sizes_are_what_was_measured(learned: dict[str, Any]) -> None:
    curve = learned["json"]["curve"]
    assert len(curve["trainings"]) == len(SIZES) * N_SEEDS
    assert [size["n_scenes"] for size in curve["sizes"]] == [n + 1 for n in SIZES]
    sums = points("rain=light").to_pylist()
    for k, size in enumerate(curve["sizes"]):
        mine = [row["value_sum"] / SUPPORT for row in sums if row["size"] == k]
        assert size["value"] == pytest.approx(np.mean(mine))
        assert size["ci_low"] < size["value"] < size["ci_high"]
        assert (size["n_trainings"], size["n_logs"]) == (N_SEEDS, N_LOGS)


def test_the_curve_is_in_the_unit_of_the_metric(learned: dict[str, Any]) -> None:
    curve = learned["json"]["curve"]
    assert curve["floor"] == pytest.approx(1.0 - curve["c"]), "accuracy: 1 is perfect"
    assert curve["floor"] == pytest.approx(0.95, abs=0.03)
    assert curve["floor_low"] == pytest.approx(1.0 - curve["c_high"])
    assert curve["floor_low"] < curve["floor_high"]
    near = min(curve["line"], key=lambda at: abs(at["n_scenes"] - 65))
    assert near["value"] == pytest.approx(curve["sizes"][4]["value"], abs=0.02)
    assert curve["line"][0]["value"] < curve["line"][-1]["value"]


def test_the_page_says_it_in_words_and_in_a_table(learned: dict[str, Any]) -> None:
    page, curve = learned["page"], learned["json"]["curve"]
    assert page.count('class="training"') == len(SIZES) * N_SEEDS
    assert 'class="band"' in page
    assert "With ever more labels accuracy comes to about" in page
    assert f"With about {math.ceil(curve['n_needed']):,} labelled scenes in all the target is reached (90 %:" in page
    assert page.count('<td class="n">3</td><td class="n">12</td>') == len(SIZES)


def test_curves_that_came_later_count_on_every_page(learned: dict[str, Any]) -> None:
    before, after = ({gap["segment_id"]: gap["verdict"] for gap in learned[name]} for name in ("before", "worst"))
    verdicts = {one["metric"]: one["verdict"] for one in learned["json"]["verdicts"]}
    assert after["rain=light"] == verdicts["accuracy"] != before["rain=light"]
