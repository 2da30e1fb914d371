"""The toy with tracks of a scene, and with futures and boxes that its newest model predicts there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.lake import Workspace
from oddloop.lake.scan import read_table
from oddloop.rounds.ledger import open_ledger
from oddloop.tables import DETECTION, FRAMES, TRAJECTORY

SCENE, AGENTS, STEP_M = "log0/s0", ("ego", "van"), 2.0


def add_predictions(folder: Path, *, shift_m: float = 0.0) -> list[dict[str, Any]]:
    """The frames of the scene; agent `van` is predicted by two members that part by 3 m, in frames moved by `shift_m`.

    The futures of `van` end at (x + 6, 1.5) and (x + 6, -1.5), that of `ego` at one place.
    """
    workspace = Workspace.open(folder)
    frames = [row for row in read_table(workspace.table("frames"), FRAMES).to_pylist() if row["scene_id"] == SCENE]
    frames.sort(key=lambda row: row["timestamp_ns"])
    tracks, futures, boxes = [], [], []
    for i, frame in enumerate(frames):
        for place, agent in enumerate(AGENTS):
            x, y = STEP_M * i, 4.0 * place
            tracks.append({"scene_id": SCENE, "agent_id": agent, "timestamp_ns": frame["timestamp_ns"], "x_m": x,
                           "y_m": y, "heading_rad": 0.0, "is_ego": agent == "ego"})  # fmt: skip
            side = 1.5 if agent == "van" else 0.0
            members = [[[[x + shift_m, y], [x + 6 + shift_m, y + sign * side]]] for sign in (1, -1)]
            futures.append({"frame_id": frame["frame_id"], "scene_id": SCENE, "agent_id": agent,
                            "mode_probs": [[1.0], [1.0]], "modes": members})  # fmt: skip
        found = [_box("car", 0.9, 10.0), _box("<b>bus</b>", 0.5, 200.0)][: i + 1]
        boxes.append({"frame_id": frame["frame_id"], "scene_id": SCENE, "boxes": found})
    (folder / "lake/tracks").mkdir()
    pq.write_table(pa.Table.from_pylist(tracks), folder / "lake/tracks/part-0.parquet")
    training = open_ledger(workspace).round("r001").training["digest"]
    for spec, rows in ((TRAJECTORY, futures), (DETECTION, boxes)):
        place = folder / f"derived/train/{training}/output/{spec.name}"
        place.mkdir()
        names = [name for name in spec.schema().names if name in rows[0]]
        schema = pa.schema([spec.schema().field(name) for name in names])
        pq.write_table(pa.Table.from_pylist(rows, schema), place / "part-0.parquet")
    return frames


def _box(label: str, score: float, left: float) -> dict[str, Any]:
    ends = {"x_min_px": left, "y_min_px": 20.0, "x_max_px": left + 100, "y_max_px": 80.0}
    return {"label": label, "score": score, **ends}
