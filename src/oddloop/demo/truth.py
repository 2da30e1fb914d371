"""What was planted in the fleet, found again in the simulation and written down: `truth.json`, for people and programs.

Only the demo's own checks read it; no stage of oddloop and no training does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.demo.demand import Stop
from oddloop.demo.networks import Network
from oddloop.demo.settings import FORMAT
from oddloop.demo.simulate import LogTracks
from oddloop.demo.surroundings import SceneTracks

SEEN_WITHIN_M = 60.0
DATA_SEGMENT = {"junction": "roundabout"}
FLOOR_SEGMENT = {"rain": "heavy", "illuminance": "night"}


def stop_scenes(tracks: LogTracks, stops: tuple[Stop, ...], network: Network, around: SceneTracks,
                seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:  # fmt: skip
    """Scenes in which a planted stop comes to its halt, seen by the sensor within `SEEN_WITHIN_M`; sorted indices."""
    halts = [halt for stop in stops for halt in _halt(tracks, stop, network)]
    near = seen & (around.distance_m <= SEEN_WITHIN_M)
    keys = tracks.frame[around.row[near]].astype(np.int64) * len(tracks.agent_ids) + tracks.agent[around.row[near]]
    wanted = [frame * len(tracks.agent_ids) + agent for frame, agent in halts]
    return np.unique(around.scene[near][np.isin(keys, wanted)])


def _halt(tracks: LogTracks, stop: Stop, network: Network) -> list[tuple[int, int]]:
    """The first frame, and the agent, at which the vehicle stands at its place; empty where it never got there."""
    lane = next(lane for lane in network.lanes if lane.lane_id == stop.lane_id)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(lane.centre_m, axis=0).T))])
    place = np.array([np.interp(stop.at_m, along, lane.centre_m[:, k]) for k in (0, 1)])
    agent = int(np.searchsorted(tracks.agent_ids, stop.vehicle_id))
    if agent == len(tracks.agent_ids) or tracks.agent_ids[agent] != stop.vehicle_id:
        return []
    rows = np.flatnonzero(tracks.agent == agent)
    rows = rows[(tracks.speed_mps[rows] < 0.3) & (np.hypot(*(tracks.xy_m[rows] - place).T) < 8.0)]
    return [(int(tracks.frame[rows[0]]), agent)] if len(rows) else []


def segment_mask(scenes: pa.Table, segment: dict[str, str]) -> npt.NDArray[np.bool_]:
    """Which scenes lie in one of the planted segments, (S,) bool."""
    mask = np.ones(scenes.num_rows, dtype=bool)
    for attribute, value in segment.items():
        mask &= _ATTRIBUTE_TESTS[attribute, value](scenes).to_numpy(zero_copy_only=False)
    return mask


_ATTRIBUTE_TESTS = {
    ("junction", "roundabout"): lambda scenes: pc.equal(scenes["junction"], "roundabout").combine_chunks(),
    ("rain", "heavy"): lambda scenes: pc.greater(scenes["rain_mm_h"], 7.6).combine_chunks(),
    ("illuminance", "night"): lambda scenes: pc.less_equal(scenes["illuminance_lux"], 1.0).combine_chunks(),
}


def planted_truth(scenes: pa.Table, labelled: set[str], behaviour: list[str]) -> dict[str, Any]:
    """The content of `truth.json`: what was planted, in words, with the scenes and shares that resulted."""
    return {
        "format": FORMAT,
        "planted": [
            _segment_truth(scenes, labelled, DATA_SEGMENT, "data_limited",
                           "Roundabouts are almost absent from the scenes labelled first; labelling more of them "
                           "lowers the error there."),
            _segment_truth(scenes, labelled, FLOOR_SEGMENT, "model_limited",
                           "In heavy rain at night the sensor is too noisy and too short-sighted; no amount of labels "
                           "brings the error down to the level of other scenes."),
            {
                "name": "sudden_stop",
                "kind": "unnamed_behaviour",
                "sentence": "A car brakes hard to a halt in its lane for no visible reason, waits and drives on; "
                            "no attribute names it.",
                "share": _share(len(behaviour), scenes.num_rows),
                "scene_ids": behaviour,
            },
        ],
    }  # fmt: skip


def _segment_truth(scenes: pa.Table, labelled: set[str], segment: dict[str, str], kind: str,
                   sentence: str) -> dict[str, Any]:  # fmt: skip
    ids = np.array(scenes["scene_id"].to_pylist())
    inside, is_eval = segment_mask(scenes, segment), np.array(scenes["split"].to_pylist()) == "eval"
    first = np.isin(ids, sorted(labelled)) & ~is_eval
    return {
        "name": " & ".join(f"{name}={value}" for name, value in segment.items()),
        "kind": kind,
        "segment": segment,
        "sentence": sentence,
        "share_of_pool": _share(int((inside & ~is_eval).sum()), int((~is_eval).sum())),
        "share_of_eval": _share(int((inside & is_eval).sum()), int(is_eval.sum())),
        "n_labelled_first": int((inside & first).sum()),
        "scene_ids": ids[inside].tolist(),
    }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
