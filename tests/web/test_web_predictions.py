"""What a model says of a scene over time is what its tables say, with how sure it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI

from oddloop.web.queries.scenes.predictions import _future
from web.said_scenes import SCENE, add_predictions
from web.web_server import PAGE, client

ASKED = "/api/v1/scenes/predictions"


def test_the_spread_is_that_of_all_members_and_modes() -> None:
    """Ends at y = 2 (a half), 0 (a quarter) and 4 (a quarter): mean 2, variance (0 + 4 + 4) / 4 = 2."""
    row = {
        "agent_id": "a",
        "mode_probs": [[1.0], [0.5, 0.5]],
        "modes": [[[[0.0, 0.0], [9.0, 2.0]]], [[[0.0, 0.0], [9.0, 0.0]], [[0.0, 0.0], [9.0, 4.0]]]],
    }
    found = _future(row)
    assert found.spread_m == pytest.approx(np.sqrt(2.0), abs=1e-3)
    assert (found.x, found.y) == (9.0, -2.0)
    assert [path.weight for path in found.paths] == [0.5, 0.25, 0.25]
    assert found.paths[0].steps == (0.0, 0.0, 9.0, -2.0)


def test_futures_and_boxes_are_told_by_frame(own: FastAPI, folder: Path) -> None:
    frames = add_predictions(folder)
    found = client(own, "viewer").get(ASKED, params={"id": SCENE}).json()
    assert (found["model_id"], found["has_other_frame"]) == ("m001", False)
    assert [one["frame_id"] for one in found["instants"]] == [frame["frame_id"] for frame in frames]
    seconds = [(frame["timestamp_ns"] - frames[0]["timestamp_ns"]) / 1e9 for frame in frames]
    assert [one["at_s"] for one in found["instants"]] == seconds
    assert [one["n_boxes"] for one in found["instants"]] == [1, 2, 2, 2]
    second = found["instants"][1]
    assert second["score"] == pytest.approx(0.7)
    assert {one["agent_id"]: one["spread_m"] for one in second["futures"]} == {"ego": 0.0, "van": 1.5}
    assert second["spread_m"] == 0.75
    assert second["boxes"][0] == {"label": "car", "score": 0.9, "member": 0, "x": 10.0, "y": 20.0, "width": 100.0,
                                  "height": 60.0}  # fmt: skip
    assert (found["width_px"], found["height_px"]) == (300.0, 80.0)


def test_futures_of_another_frame_of_reference_are_not_drawn(own: FastAPI, folder: Path) -> None:
    add_predictions(folder, shift_m=5000.0)
    found = client(own, "viewer").get(ASKED, params={"id": SCENE}).json()
    assert found["has_other_frame"]
    assert [len(one["futures"]) for one in found["instants"]] == [0] * 4
    assert [one["n_boxes"] for one in found["instants"]] == [1, 2, 2, 2], "boxes need no tracks"


def test_a_scene_of_which_nothing_is_said_has_no_instants(app: FastAPI) -> None:
    viewer = client(app, "viewer")
    assert viewer.get(ASKED, params={"id": SCENE}).json()["instants"] == []
    assert viewer.get(ASKED, params={"id": "nowhere"}).status_code == 404
    assert f'data-predictions="{ASKED}?id=log0%2Fs0"' in viewer.get(f"/scenes/scene?id={SCENE}", headers=PAGE).text
