"""Where everybody is at each instant of a scene, to be played: metres, with y pointing down as on a screen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.report.birdseye import FROM_EGO_M, MAX_AGENTS, SPEED_LIMITS_MPS, SPEEDS
from oddloop.report.cards_drawings import read_tracks_of, track_files, with_speed
from oddloop.web.queries.scenes.asked import SceneAsked
from oddloop.web.store import NothingThereError, View

MOST_FRAMES = 600
_LEAST_SPAN_M = 40.0
_MARGIN_M = 5.0
_UNKNOWN_SIZE_M = (4.5, 1.9)
_MOST_SIZE_M = 100.0
Floats = npt.NDArray[np.float64]
Place = tuple[int, float, float, float, int]
"""Agent, x and y in m, heading in degrees clockwise, class of speed: its place among `birdseye.SPEEDS`."""


@dataclass(frozen=True)
class Agent:
    """A road user; where its size is not known, that of a car is assumed."""

    length_m: float
    width_m: float
    is_ego: bool


@dataclass(frozen=True)
class Replay:
    """A scene to be played; `box` is (x, y, width, height) of all that moves, in m.

    Of many instants only every n-th is there; of many agents those nearest to the ego vehicle.
    """

    scene_id: str
    times_s: tuple[float, ...]
    agents: tuple[Agent, ...]
    frames: tuple[tuple[Place, ...], ...]
    box: tuple[float, float, float, float]


def read_replay(view: View, asked: SceneAsked) -> Replay:
    """A scene to be played.

    Raises:
        NothingThereError: there are no tracks of it.
    """
    shown = tracks_near_ego(view, asked.id)
    if shown is None:
        raise NothingThereError(f"there are no tracks of scene {asked.id!r}")
    return _replay(asked.id, shown)


def tracks_near_ego(view: View, scene_id: str) -> pa.Table | None:
    """What is played of a scene's tracks, with speeds; None where there is nothing of it.

    Kept, since the page of a scene asks for its replay and for its predictions at once.
    """

    def read() -> pa.Table | None:
        tracks = read_tracks_of(track_files(view.workspace), [scene_id]).get(scene_id)
        shown = _near_ego(with_speed(tracks)) if tracks is not None else None
        return shown if shown is not None and shown.num_rows else None

    return view.cached(("tracks near ego", view.digest, scene_id), read)


def _near_ego(tracks: pa.Table) -> pa.Table:
    """Rows with a place near the ego vehicle's last one, of the agents that come nearest to it."""
    xy_m = _places(tracks)
    is_ego = _is_ego(tracks)
    times = tracks["timestamp_ns"].to_numpy()
    own = np.flatnonzero(is_ego & np.isfinite(xy_m).all(axis=1))
    middle = xy_m[own[np.argmax(times[own])]] if len(own) else np.nan_to_num(np.nanmedian(xy_m, axis=0))
    away = np.linalg.norm(xy_m - middle, axis=1)
    keep = np.isfinite(away) & ((away <= FROM_EGO_M) if len(own) else np.isfinite(away))
    names, agent = _agents(tracks)
    least = np.full(len(names), np.inf)
    np.minimum.at(least, agent[keep], away[keep])
    return tracks.filter(pa.array(keep & np.isin(agent, np.argsort(least, kind="stable")[:MAX_AGENTS])))


def _replay(scene_id: str, tracks: pa.Table) -> Replay:
    _, agent = _agents(tracks)
    instants, place = np.unique(tracks["timestamp_ns"].to_numpy(), return_inverse=True)
    step = -(-len(instants) // MOST_FRAMES)
    x, y = _places(tracks).T
    turn = np.nan_to_num(-np.degrees(_numbers(tracks, "heading_rad")))
    rows = list(zip(agent.tolist(), _short(x, 2), _short(-y, 2), _short(turn, 1), _speeds(tracks), strict=True))
    order = np.argsort(place, kind="stable")
    bounds = np.searchsorted(place[order], np.arange(len(instants) + 1))
    frames = [tuple(rows[i] for i in order[bounds[at] : bounds[at + 1]]) for at in range(0, len(instants), step)]
    times = (instants[::step] - instants[0]) / 1e9
    return Replay(scene_id, tuple(_short(times, 3)), _sizes(tracks, agent), tuple(frames), _box(x, -y))


def _sizes(tracks: pa.Table, agent: npt.NDArray[np.int64]) -> tuple[Agent, ...]:
    first = np.unique(agent, return_index=True)[1]
    length, width, is_ego = _numbers(tracks, "length_m"), _numbers(tracks, "width_m"), _is_ego(tracks)
    known = [_known(length[row], width[row]) for row in first]
    return tuple(Agent(*size, bool(is_ego[row])) for size, row in zip(known, first, strict=True))


def _known(length: float, width: float) -> tuple[float, float]:
    is_known = 0 < length < _MOST_SIZE_M and 0 < width < _MOST_SIZE_M
    return (round(float(length), 2), round(float(width), 2)) if is_known else _UNKNOWN_SIZE_M


def _box(x: Floats, y: Floats) -> tuple[float, float, float, float]:
    low, high = np.array([x.min(), y.min()]) - _MARGIN_M, np.array([x.max(), y.max()]) + _MARGIN_M
    span = np.maximum(high - low, _LEAST_SPAN_M)
    left, top = (low + high - span) / 2
    return (round(float(left), 1), round(float(top), 1), round(float(span[0]), 1), round(float(span[1]), 1))


def _speeds(tracks: pa.Table) -> list[int]:
    speed = _numbers(tracks, "speed_mps")
    found = np.searchsorted(SPEED_LIMITS_MPS, np.abs(speed), side="right")
    return [int(place) for place in np.where(np.isfinite(speed), found, SPEEDS.index("unknown"))]


def _agents(tracks: pa.Table) -> tuple[list[str], npt.NDArray[np.int64]]:
    coded = tracks["agent_id"].combine_chunks().cast(pa.string()).fill_null("").dictionary_encode()
    return coded.dictionary.to_pylist(), coded.indices.to_numpy().astype(np.int64)


def _is_ego(tracks: pa.Table) -> npt.NDArray[np.bool_]:
    if "is_ego" not in tracks.column_names:
        return np.zeros(tracks.num_rows, dtype=bool)
    found: npt.NDArray[np.bool_] = pc.fill_null(tracks["is_ego"].cast(pa.bool_()), False).to_numpy()
    return found


def _places(tracks: pa.Table) -> Floats:
    return np.stack([_numbers(tracks, "x_m"), _numbers(tracks, "y_m")], axis=1)


def _numbers(tracks: pa.Table, name: str) -> Floats:
    if name not in tracks.column_names:
        return np.full(tracks.num_rows, np.nan)
    found: Floats = pc.fill_null(tracks[name].cast(pa.float64()), np.nan).to_numpy()
    return found


def _short(values: Floats, digits: int) -> list[float]:
    return [float(value) for value in np.round(values, digits)]
