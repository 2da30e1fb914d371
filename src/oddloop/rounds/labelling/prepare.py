"""A round's picks as what goes to labelling tools: their frames, what is known of them, and the model's boxes.

Only row groups with picked scenes are read where files are sorted by scene; memory grows with the picks' frames and
boxes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from oddloop.config import Config
from oddloop.errors import LabellingError, TableError
from oddloop.exchange.labelling.batch import Batch, Box, Frame, Scene, Unit, file_name_of
from oddloop.lake.scan import READ_ERRORS, conform, partitions, read_batches
from oddloop.lake.workspace import TableFiles, Workspace
from oddloop.rounds.labelling.key_frames import only_key_frames
from oddloop.rounds.model import known_models, named_model
from oddloop.rounds.state import RoundState
from oddloop.tables import DETECTION, FRAMES, OBJECTS, SCENES, TableSpec

_BATCH_ROWS = 1 << 20
_CORNERS = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")


def prepare_batch(workspace: Workspace, state: RoundState, rounds: Sequence[RoundState]) -> Batch:
    """What a round sends out.

    Args:
        workspace: the workspace.
        state: the round, with picks.
        rounds: all rounds, to know whose boxes are the pre-labels.

    Raises:
        LabellingError: the round has no picks, or two of its frames have one file name.
    """
    if not state.picks:
        raise LabellingError(f"round {state.round_id} has no picks to send; `oddloop run` proposes some")
    boxes = _boxes(workspace, state, rounds)
    frames = _frames(workspace, state, boxes)
    batch = Batch(
        workspace.config.workspace.name,
        state.round_id,
        str(state.proposal.get("model_id") or "") if boxes is not None else "",
        _classes(workspace, boxes or {}),
        tuple(_scene(pick, frames, known) for pick, known in _known(workspace, state)),
    )
    _refuse_alike(batch)
    return batch


def known_classes(workspace: Workspace) -> set[str]:
    """Classes that labels may have: those that are set, else those of `objects`; none where neither says any."""
    if workspace.config.labelling.classes:
        return set(workspace.config.labelling.classes)
    found: set[str] = set()
    for part in partitions(workspace.table("objects"), OBJECTS):
        for batch in read_batches(part, OBJECTS, batch_rows=_BATCH_ROWS, columns=["category"]):
            found.update(batch["category"].unique().to_pylist())
    return found


def read_rows(files: TableFiles, spec: TableSpec, scene_ids: Sequence[str]) -> pa.Table:
    """Rows of a table that belong to some scenes, in its order, extra columns kept.

    Raises:
        TableError: a file is damaged, or lacks a required column.
    """
    parts = []
    for file in files.files:
        try:
            found = pq.read_table(
                files.storage.path(file),
                filesystem=files.storage.fs,
                partitioning=None,
                filters=[("scene_id", "in", list(scene_ids))],
            )
        except READ_ERRORS as error:
            raise TableError(f"{files.storage.url}/{file}: not readable; run `oddloop check`: {error}") from error
        parts.append(conform(found, spec, f"{files.name}/{file}"))
    return pa.concat_tables(parts, promote_options="permissive") if parts else spec.empty()


def _classes(workspace: Workspace, boxes: Mapping[str, Sequence[Box]]) -> tuple[str, ...]:
    found = known_classes(workspace)
    if not workspace.config.labelling.classes:
        found |= {box.category for of_frame in boxes.values() for box in of_frame}
        return tuple(sorted(found))
    return workspace.config.labelling.classes


def _boxes(workspace: Workspace, state: RoundState, rounds: Sequence[RoundState]) -> dict[str, tuple[Box, ...]] | None:
    """Boxes by frame of the model that the round was proposed with; None where it gave no boxes, or is not there."""
    name = str(state.proposal.get("model_id") or "")
    model = named_model(workspace, list(rounds), name) if name in known_models(workspace, list(rounds)) else None
    if model is None or "detection" not in model.predictions:
        return None
    labelling = workspace.config.labelling
    allowed = set(labelling.classes)
    rows = read_rows(model.predictions["detection"], DETECTION, state.pick_ids)
    found = {}
    for frame_id, boxes in zip(rows["frame_id"].to_pylist(), rows["boxes"].to_pylist(), strict=True):
        kept = [b for b in boxes or () if not b.get("member") and b["score"] >= labelling.min_score]
        found[frame_id] = tuple(
            Box(str(b["label"]), (*(float(b[name]) for name in _CORNERS),), float(b["score"]))  # type: ignore[arg-type]
            for b in kept
            if all(b.get(name) is not None for name in _CORNERS) and (not allowed or b["label"] in allowed)
        )
    return found


def _frames(
    workspace: Workspace, state: RoundState, boxes: Mapping[str, tuple[Box, ...]] | None
) -> dict[str, list[Frame]]:
    """Frames with images, by scene, in time order."""
    files = workspace.table("frames")
    rows = read_rows(files, FRAMES, state.pick_ids) if files else FRAMES.empty()
    by_scene: dict[str, list[Frame]] = defaultdict(list)
    if "media_uri" not in rows.column_names:
        return by_scene
    rows = only_key_frames(workspace, state, rows.filter(pc.is_valid(rows["media_uri"])))
    for row in rows.sort_by("timestamp_ns").to_pylist():
        uri = with_prefix(row["media_uri"], workspace.config)
        width, height = _size(row, workspace.config)
        unit = Unit(state.round_id, row["scene_id"], row["frame_id"], file_name_of(row["media_uri"]), width, height)
        by_scene[row["scene_id"]].append(Frame(unit, uri, (boxes or {}).get(row["frame_id"], ())))
    return by_scene


def with_prefix(uri: str, config: Config) -> str:
    """The URI as the labelling tool sees it."""
    return uri if "://" in uri else f"{config.labelling.uri_prefix}{uri}"


def _size(row: Mapping[str, Any], config: Config) -> tuple[int, int]:
    width, height = row.get("width_px"), row.get("height_px")
    if width and height:
        return int(width), int(height)
    return config.labelling.image_size or (0, 0)


def _known(workspace: Workspace, state: RoundState) -> list[tuple[Mapping[str, Any], dict[str, Any]]]:
    """Each pick with the score that it was chosen by, its attributes, and where to look at it."""
    scenes = {row["scene_id"]: row for row in read_rows(workspace.table("scenes"), SCENES, state.pick_ids).to_pylist()}
    scores = _scores(workspace, state)
    columns = {name: setting.column or name for name, setting in workspace.config.attributes.items()}
    known = []
    for pick in state.picks:
        row = scenes.get(pick["scene_id"], {})
        values = {name: _shown(row.get(column)) for name, column in columns.items()}
        attributes = {name: text for name, text in values.items() if text}
        known.append(
            (pick, {"attributes": attributes, "uri": row.get("media_uri") or "", "score": scores.get(pick["scene_id"])})
        )
    return known


def _scores(workspace: Workspace, state: RoundState) -> dict[str, float]:
    folder = workspace.storage.sub(f"rounds/{state.round_id}")
    if not folder.exists("pool.parquet"):
        return {}
    pool = folder.read_table("pool.parquet", ["scene_id", "score", "score_valid"])
    pool = pool.filter(pc.and_(pool["score_valid"], pc.is_in(pool["scene_id"], pa.array(state.pick_ids, pa.string()))))
    return dict(zip(pool["scene_id"].to_pylist(), pool["score"].to_pylist(), strict=True))


def _scene(pick: Mapping[str, Any], frames: Mapping[str, list[Frame]], known: Mapping[str, Any]) -> Scene:
    reasons = tuple(str(reason["text"]) for reason in pick.get("reasons") or ())
    scene_id = str(pick["scene_id"])
    mine = tuple(frames.get(scene_id, ()))
    return Scene(scene_id, str(pick.get("log_id", "")), int(pick["rank"]), known["score"], reasons,
                 known["attributes"], mine, known["uri"])  # fmt: skip


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _refuse_alike(batch: Batch) -> None:
    seen: dict[str, str] = {}
    for _, frame in batch.frames():
        name, frame_id = frame.unit.file_name, frame.unit.frame_id
        if not name or name in seen:
            what = (
                f"{seen.get(name)} and {frame_id} are both called {name!r}" if name else f"{frame_id} has no file name"
            )
            raise LabellingError(
                f"frames: {what}; tools tell images by their path, so give each a `media_uri` of its own"
            )
        seen[name] = frame_id
