"""Drawings of the scenes that a page of cards shows: which ones, from which tracks, and within how much room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.lake.find import rows_of
from oddloop.lake.workspace import TableFiles, Workspace
from oddloop.report.birdseye import draw_scene
from oddloop.tables import TRACKS

KINDS = ("typical", "extreme", "uncertain")
SETTING = "[discover.page] tracks"
_NEEDED = ("agent_id", "timestamp_ns", "x_m", "y_m", "heading_rad")
_USED = ("speed_mps", "length_m", "width_m", "is_ego")
_WINDOW_NS = 1_000_000_000
"""Speed that is not given is measured over a second before and after: single places of a sensor jump."""


def scenes_to_draw(cards: Sequence[dict[str, Any]]) -> list[str]:
    """Scenes of the cards, each once, in the order in which they get room: the most typical of all cards first.

    >>> scenes_to_draw([{"typical": ["a", "b"], "extreme": ["c"], "uncertain": []},
    ...                 {"typical": ["d"], "extreme": ["a"], "uncertain": ["e"]}])
    ['a', 'd', 'b', 'c', 'e']
    """
    places = [(kind, place) for kind in KINDS for place in range(max((len(c[kind]) for c in cards), default=0))]
    return list(dict.fromkeys(c[kind][place] for kind, place in places for c in cards if place < len(c[kind])))


def track_files(workspace: Workspace) -> TableFiles:
    """The files that scenes are drawn from; none where the workspace has no tracks.

    Raises:
        WorkspaceError: the setting names files that are not there.
    """
    pointer = workspace.config.discover.page.tracks
    return workspace.files_at(pointer, SETTING) if pointer else workspace.table("tracks")


def read_tracks_of(files: TableFiles, scene_ids: Iterable[str]) -> dict[str, pa.Table]:
    """Tracks by scene of those scenes that have any; memory grows with their rows only.

    Raises:
        TableError: a file lacks a column that drawings need, or a column's type does not fit.
    """
    wanted = pa.array(list(scene_ids), pa.string())
    found = list(rows_of(files, TRACKS, wanted.to_pylist(), _NEEDED, _USED))
    if not found:
        return {}
    rows = pa.concat_tables(found, promote_options="permissive").combine_chunks()
    # A row without a time has no place in a path; `oddloop check` tells of it where it matters.
    rows = rows.filter(pc.is_valid(rows["timestamp_ns"]))
    code = pc.index_in(rows["scene_id"], value_set=wanted).to_numpy()
    order = np.argsort(code, kind="stable")
    bounds = np.searchsorted(code[order], np.arange(len(wanted) + 1))
    ordered, names = rows.take(pa.array(order)), wanted.to_pylist()
    return {name: ordered.slice(a, b - a) for name, a, b in zip(names, bounds[:-1], bounds[1:], strict=True) if b > a}


def draw_scenes(tracks: dict[str, pa.Table], order: Iterable[str], max_bytes: int) -> dict[str, str]:
    """Drawings by scene, in that order, for as long as there is room.

    Args:
        tracks: tracks by scene; see `read_tracks_of`.
        order: scenes, those that matter most first; those without tracks are passed over.
        max_bytes: room for all drawings.
    """
    found: dict[str, str] = {}
    room = max_bytes
    for scene_id in (name for name in order if name in tracks):
        drawing = draw_scene(with_speed(tracks[scene_id]), scene_id)
        room -= len(drawing.encode())
        if room < 0:
            break
        found[scene_id] = drawing
    return found


def with_speed(tracks: pa.Table) -> pa.Table:
    """Tracks of one scene with `speed_mps`: where there is no such column, from where the vehicle was around then.

    A vehicle that is seen at one instant only has no speed.

    >>> seen = {"agent_id": ["a", "a"], "timestamp_ns": [0, 500_000_000], "x_m": [0.0, 3.0], "y_m": [0.0, 4.0]}
    >>> with_speed(pa.table(seen))["speed_mps"].to_pylist()
    [10.0, 10.0]
    """
    if "speed_mps" in tracks.column_names:
        return tracks
    agent = pc.rank(tracks["agent_id"], tiebreaker="dense").to_numpy().astype(np.int64)
    time_ns = tracks["timestamp_ns"].to_numpy()
    since_ns = time_ns - time_ns.min(initial=2**63 - 1)
    order = np.lexsort((since_ns, agent))
    key = (agent * (since_ns.max(initial=0) + 3 * _WINDOW_NS) + since_ns)[order]
    xy_m = np.stack([tracks["x_m"].to_numpy(), tracks["y_m"].to_numpy()], axis=1)[order].astype(np.float64)
    speed_mps = np.empty(len(key))
    speed_mps[order] = _speed(key, xy_m)
    return tracks.append_column("speed_mps", pa.array(speed_mps))


def _speed(key: npt.NDArray[np.int64], xy_m: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Speed of rows whose rising `key` is time in ns, with more than the window between two vehicles."""
    before = np.searchsorted(key, key - _WINDOW_NS)
    after = np.searchsorted(key, key + _WINDOW_NS, side="right") - 1
    passed_s = (key[after] - key[before]) / 1e9
    with np.errstate(invalid="ignore"):
        speed: npt.NDArray[np.float64] = np.linalg.norm(xy_m[after] - xy_m[before], axis=1) / passed_s
    return speed
