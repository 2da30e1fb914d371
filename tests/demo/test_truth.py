"""What is planted is there, and `truth.json` says where."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.demo import Fleet
from oddloop.demo.truth import DATA_SEGMENT, FLOOR_SEGMENT, segment_mask


def planted(fleet: Fleet) -> dict[str, dict]:
    truth = json.loads((fleet.folder / "truth.json").read_text())
    return {entry["kind"]: entry for entry in truth["planted"]}


def test_segment_mask_is_a_conjunction() -> None:
    scenes = pa.table({"junction": ["roundabout", "none"], "rain_mm_h": [7.7, 7.6], "illuminance_lux": [1.0, 0.1]})
    assert segment_mask(scenes, DATA_SEGMENT).tolist() == [True, False]
    assert segment_mask(scenes, FLOOR_SEGMENT).tolist() == [True, False]


def test_shares_are_as_promised(medium: Fleet) -> None:
    entries = planted(medium)
    assert 0.05 <= entries["data_limited"]["share_of_pool"] <= 0.15
    assert 0.05 <= entries["data_limited"]["share_of_eval"] <= 0.15
    assert entries["data_limited"]["n_labelled_first"] == 2
    assert 0.05 <= entries["model_limited"]["share_of_pool"] <= 0.20
    assert entries["model_limited"]["n_labelled_first"] == 15
    assert 0.005 <= entries["unnamed_behaviour"]["share"] <= 0.03


def test_listed_scenes_are_those_of_the_segment(medium: Fleet) -> None:
    scenes = pq.read_table(medium.folder / "lake" / "scenes")
    for kind, segment in (("data_limited", DATA_SEGMENT), ("model_limited", FLOOR_SEGMENT)):
        inside = scenes["scene_id"].filter(pa.array(segment_mask(scenes, segment))).to_pylist()
        assert planted(medium)[kind]["scene_ids"] == inside


def test_somebody_brakes_hard_to_a_halt_in_each_listed_scene(medium: Fleet) -> None:
    truth = pq.read_table(medium.folder / "tracks" / "truth.parquet")
    scene_ids = planted(medium)["unnamed_behaviour"]["scene_ids"]
    assert scene_ids
    for scene_id in scene_ids:
        own = truth.filter(pc.and_(pc.equal(truth["scene_id"], scene_id), pc.equal(truth["category"], "car")))
        assert any(stands_still(track) for track in by_agent(own)), scene_id


def by_agent(table: pa.Table) -> list[np.ndarray]:
    names = np.array(table["agent_id"].to_pylist())
    xy_m = np.column_stack([table["x_m"].to_numpy(), table["y_m"].to_numpy()])
    return [xy_m[names == name] for name in np.unique(names)]


def stands_still(xy_m: np.ndarray) -> bool:
    steps = np.hypot(*np.diff(xy_m, axis=0).T)
    return bool(len(steps)) and bool((steps < 0.15).any())
