"""A batch as two plain CSV sheets, and such a sheet of boxes as a delivery.

`manifest.csv` has a row per frame (or scene without images) with its ids, image and reasons; `boxes.csv` a row per box
of the model. What comes back is a sheet like `boxes.csv`, in which a row without a category says that a frame was
looked at and has no objects; `time_s` may say what a frame took, on any one of its rows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from oddloop.errors import LabellingError
from oddloop.exchange.labelling.batch import Batch, Box, Corners, Unit
from oddloop.exchange.labelling.cvat_xml import is_finished, refuse_unsaid
from oddloop.exchange.labelling.delivery import Answer, Delivery, Faults, Sent, box_fault, number_of, time_of

TOOL = "csv"
_IDS = ("round_id", "scene_id", "frame_id")
_CORNERS = ("x_min_px", "y_min_px", "x_max_px", "y_max_px")
BOX_COLUMNS = (*_IDS, "object_id", "category", "score", *_CORNERS, "time_s")


def make_manifest(batch: Batch) -> str:
    """`manifest.csv`: a row per frame, and per scene without images."""
    uris = {frame.unit: frame.uri for _, frame in batch.frames()}
    facts = {scene.scene_id: batch.facts(scene) for scene in batch.scenes}
    whole = {scene.scene_id: scene.uri for scene in batch.whole()}
    rows = [
        {
            "round_id": unit.round_id,
            "scene_id": unit.scene_id,
            "frame_id": unit.frame_id,
            "uri": uris.get(unit, whole.get(unit.scene_id, "")),
            "width_px": unit.width_px or "",
            "height_px": unit.height_px or "",
            **{k: v for k, v in facts[unit.scene_id].items() if k not in ("al_round_id", "al_scene_id")},
        }
        for unit in batch.units()
    ]
    return _written(list(dict.fromkeys(name for row in rows for name in row)), rows)


def make_boxes(batch: Batch) -> str:
    """`boxes.csv`: the model's boxes; a frame without any has one row without a category."""
    rows = [
        row
        for _, frame in batch.frames()
        for row in ([box_row(frame.unit, box, str(i)) for i, box in enumerate(frame.boxes)] or [box_row(frame.unit)])
    ]
    return _written(list(BOX_COLUMNS), rows)


def box_row(unit: Unit, box: Box | None = None, object_id: str = "") -> dict[str, Any]:
    """A row of a sheet of boxes; without a box it says that the frame has none."""
    ids = dict(zip(_IDS, unit.key, strict=True))
    if box is None:
        return ids
    corners = dict(zip(_CORNERS, map(repr, map(float, box.corners)), strict=True))
    score = {} if box.score is None else {"score": box.score}
    return {**ids, "object_id": box.object_id or object_id, "category": box.category, **score, **corners}


def read_boxes(text: str, sent: Sent, finished: Collection[str], source: str = "boxes.csv") -> Delivery:
    """Read a sheet of boxes.

    Raises:
        LabellingError: it is not such a sheet, or is faulty; all faults are told.
    """
    refuse_unsaid(finished, source)
    rows = read_rows(text, source, (*_IDS, "category", *_CORNERS))
    faults = Faults(source)
    boxes: dict[Unit, dict[str, Box]] = {}
    times: dict[Unit, float | None] = {}
    for number, row in enumerate(rows, 2):
        place = f"line {number}"
        unit = sent.by_key.get((row["round_id"] or "", row["scene_id"] or "", row.get("frame_id") or ""))
        if unit is None:
            ids = ", ".join(f"{name} {row.get(name)!r:.60}" for name in _IDS)
            faults.add(place, f"{ids} was not sent from this workspace")
            continue
        mine = boxes.setdefault(unit, {})
        time_s = time_of(row.get("time_s") or None, faults, place)
        times[unit] = time_s if time_s is not None else times.get(unit)
        if row.get("category"):
            _take(row, unit, mine, faults, place)
    faults.refuse()
    answers = [
        Answer(unit, "done", tuple(found.values()), times[unit])
        if is_finished(unit.scene_id, finished)
        else Answer(unit, "open")
        for unit, found in boxes.items()
    ]
    return Delivery(TOOL, tuple(answers))


def is_boxes_sheet(header: str) -> bool:
    """Whether the first line of a CSV file is that of a sheet of boxes."""
    return {"scene_id", "frame_id", "category"} <= set(next(csv.reader([header.lstrip("\ufeff").strip()]), []))


def _take(row: Mapping[str, Any], unit: Unit, mine: dict[str, Box], faults: Faults, place: str) -> None:
    known = [c for c in (number_of(row.get(name)) for name in _CORNERS) if c is not None]
    object_id = row.get("object_id") or str(len(mine))
    if len(known) != 4:
        faults.add(place, f"{', '.join(_CORNERS)} are not four finite numbers")
        return
    corners: Corners = (known[0], known[1], known[2], known[3])
    if problem := box_fault(corners, unit):
        faults.add(place, problem)
    elif object_id in mine:
        faults.add(place, f"the object {object_id!r:.40} stands twice in its frame")
    else:
        mine[object_id] = Box(str(row["category"]), corners, None, object_id)


def read_rows(text: str, source: str, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of a CSV sheet that must have some columns.

    Raises:
        LabellingError: it is no CSV, or lacks one of them.

    >>> read_rows("a,b\\n1,2\\n", "x.csv", ("a", "b"))
    [{'a': '1', 'b': '2'}]
    """
    try:
        reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline=""), strict=True)
        rows = list(reader)
    except csv.Error as error:
        raise LabellingError(f"{source}: not readable as CSV: {error}") from None
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise LabellingError(f"{source}: no column {', '.join(missing)}; it needs {', '.join(columns)}")
    return rows


def _written(columns: list[str], rows: list[dict[str, Any]]) -> str:
    sink = io.StringIO(newline="")
    writer = csv.DictWriter(sink, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return sink.getvalue()
