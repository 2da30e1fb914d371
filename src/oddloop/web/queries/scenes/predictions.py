"""What the newest model says of a scene over time: futures of road users with their spread, and boxes with scores.

Futures are drawn over the tracks only where both are in one frame of reference: where they begin beside their agents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.errors import WorkspaceError
from oddloop.lake.find import count_rows_read, rows_of
from oddloop.lake.workspace import TableFiles
from oddloop.rounds.model import named_model
from oddloop.rounds.replays import frames_of
from oddloop.tables import DETECTION, TRAJECTORY, TableSpec
from oddloop.web.queries.scenes.asked import SceneAsked
from oddloop.web.queries.scenes.index import open_index
from oddloop.web.queries.scenes.replay import tracks_near_ego
from oddloop.web.store import NothingThereError, View

MOST_INSTANTS = 300
MOST_ROWS_READ = 500_000
MOST_LINES = 12
"""Per agent and instant: of more members and modes the likeliest."""
MOST_BOXES = 200
_LEAST_PROBABILITY = 0.02
_BESIDE_M = 40.0
"""A future begins at most so far from its agent: a second at 140 km/h."""
Floats = npt.NDArray[np.float64]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Path:
    """A future: how likely it is among all members and modes, and x, y of its steps in m; y points down."""

    weight: float
    steps: tuple[float, ...]


@dataclass(frozen=True)
class Future:
    """What is predicted of an agent.

    `spread_m` is the root mean square distance of the ends of all members and modes, by weight, from their mean, which
    lies at (`x`, `y`); 0 where there is only one.
    """

    agent_id: str
    spread_m: float
    x: float
    y: float
    paths: tuple[Path, ...]


@dataclass(frozen=True)
class Box:
    """A detected box in the image, in pixels; `member` is the pass or the model of an ensemble."""

    label: str
    score: float
    member: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Instant:
    """What is said of one frame; `spread_m` is the mean over its futures, null without any."""

    frame_id: str
    at_s: float
    spread_m: float | None
    score: float | None
    n_boxes: int
    futures: tuple[Future, ...]
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Predictions:
    """What a model says of a scene.

    `has_other_frame`: it predicts futures, but not in the frame of reference of the tracks, so they are not drawn.
    `width_px` and `height_px` reach as far as boxes do.
    """

    scene_id: str
    model_id: str
    has_other_frame: bool
    width_px: float
    height_px: float
    instants: tuple[Instant, ...]


def read_predictions(view: View, asked: SceneAsked) -> Predictions:
    """What the newest model says of a scene.

    No instants where it says nothing that can be drawn, or too much would have to be read to find it.

    Raises:
        NothingThereError: there is no such scene.
    """
    index = open_index(view)
    if index is None or index.row(asked.id) is None:
        raise NothingThereError(f"there is no scene {asked.id!r}")
    model_id, tables = _newest(view)
    forecasts = _rows(tables.get("trajectory"), TRAJECTORY, asked.id, ("frame_id", "agent_id", "mode_probs", "modes"))
    detections = _rows(tables.get("detection"), DETECTION, asked.id, ("frame_id", "boxes"))
    if not forecasts and not detections:
        return Predictions(asked.id, model_id, False, 0.0, 0.0, ())
    near, frames = tracks_near_ego(view, asked.id), frames_of(view.workspace, asked.id)
    times_ns = dict(zip(frames["frame_id"].to_pylist(), frames["timestamp_ns"].to_pylist(), strict=True))
    begin_ns = int(near["timestamp_ns"].to_numpy().min()) if near is not None else None
    placed = _beside_agents(forecasts, near, times_ns) if near is not None else []
    instants = _instants(placed, detections, times_ns, begin_ns)
    boxes = [box for instant in instants for box in instant.boxes]
    right = max((box.x + box.width for box in boxes), default=0.0)
    bottom = max((box.y + box.height for box in boxes), default=0.0)
    return Predictions(asked.id, model_id, bool(forecasts) and not placed, right, bottom, instants)


def _newest(view: View) -> tuple[str, Mapping[str, TableFiles]]:
    """The model that proposed last, else the last one trained; its predictions by task."""
    told = (str(s.proposal.get("model_id") or s.training.get("model_id") or "") for s in reversed(view.rounds))
    model_id = next((name for name in told if name), "")
    try:
        return model_id, named_model(view.workspace, list(view.rounds), model_id).predictions if model_id else {}
    except WorkspaceError:  # its outputs are gone
        return model_id, {}


def _rows(files: TableFiles | None, spec: TableSpec, scene_id: str, columns: tuple[str, ...]) -> Rows:
    if files is None or count_rows_read(files, [scene_id]) > MOST_ROWS_READ:
        return []
    return [row for part in rows_of(files, spec, [scene_id], columns) for row in part.to_pylist()]


def _beside_agents(forecasts: Rows, tracks: pa.Table, times_ns: Mapping[str, int]) -> Rows:
    """The futures of agents that are drawn; none where they mostly begin far from where their agents are."""
    names = ("agent_id", "timestamp_ns", "x_m", "y_m")
    places = {(a, t): (x, y) for a, t, x, y in zip(*(tracks[name].to_pylist() for name in names), strict=True)}
    known: Rows = []
    away_m = []
    for row in forecasts:
        place = places.get((row["agent_id"], times_ns.get(row["frame_id"])))
        if place is not None and row["modes"] and row["modes"][0] and row["modes"][0][0]:
            known.append(row)
            away_m.append(float(np.linalg.norm(np.array(row["modes"][0][0][0]) - np.array(place))))
    return known if away_m and float(np.median(away_m)) <= _BESIDE_M else []


def _instants(
    forecasts: Rows, detections: Rows, times_ns: Mapping[str, int], begin_ns: int | None
) -> tuple[Instant, ...]:
    by_frame: dict[str, tuple[list[Future], list[Box]]] = {}
    for row in forecasts:
        by_frame.setdefault(row["frame_id"], ([], []))[0].append(_future(row))
    for row in detections:
        by_frame.setdefault(row["frame_id"], ([], []))[1].extend(_boxes(row))
    timed = sorted((times_ns[frame], frame) for frame in by_frame if frame in times_ns)
    if not timed:
        return ()
    first = timed[0][0] if begin_ns is None else begin_ns
    step = -(-len(timed) // MOST_INSTANTS)
    return tuple(_instant(frame, (at_ns - first) / 1e9, *by_frame[frame]) for at_ns, frame in timed[::step])


def _instant(frame_id: str, at_s: float, futures: list[Future], boxes: list[Box]) -> Instant:
    spread = round(float(np.mean([one.spread_m for one in futures])), 3) if futures else None
    score = round(float(np.mean([one.score for one in boxes])), 4) if boxes else None
    shown = sorted(boxes, key=lambda box: -box.score)[:MOST_BOXES]
    return Instant(frame_id, round(at_s, 3), spread, score, len(boxes), tuple(futures), tuple(shown))


def _future(row: Mapping[str, Any]) -> Future:
    members = [(probs, modes) for probs, modes in zip(row["mode_probs"], row["modes"], strict=True) if modes]
    paths = [
        (probability / len(members), np.array(steps, dtype=np.float64))
        for probs, modes in members
        for probability, steps in zip(probs, modes, strict=True)
        if steps
    ]
    weights = np.array([weight for weight, _ in paths])
    weights /= weights.sum() or 1.0
    ends = np.array([steps[-1] for _, steps in paths])
    middle = weights @ ends
    spread = float(np.sqrt(weights @ ((ends - middle) ** 2).sum(axis=1)))
    likely = [i for i in np.argsort(-weights, kind="stable") if weights[i] >= _LEAST_PROBABILITY][:MOST_LINES]
    drawn = tuple(Path(round(float(weights[i]), 3), _flat(paths[i][1])) for i in likely)
    return Future(row["agent_id"], round(spread, 3), round(float(middle[0]), 2), round(float(-middle[1]), 2), drawn)


def _flat(steps: Floats) -> tuple[float, ...]:
    return tuple(np.round(steps * [1, -1], 2).ravel().tolist())


def _boxes(row: Mapping[str, Any]) -> list[Box]:
    """The boxes of a frame that lie in the image."""
    sides = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")
    found = []
    for box in row["boxes"] or ():
        ends = [box[name] for name in sides]
        if all(end is not None and np.isfinite(end) for end in ends):
            x0, y0, x1, y1 = (round(float(end), 1) for end in ends)
            size = round(max(x1 - x0, 0.0), 1), round(max(y1 - y0, 0.0), 1)
            found.append(Box(box["label"], round(float(box["score"]), 4), box["member"] or 0, x0, y0, *size))
    return found
