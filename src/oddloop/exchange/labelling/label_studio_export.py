"""Label Studio's JSON export as a delivery: which tasks are done, the boxes in px, and the time that they took.

Of several annotations of a task the one marked as ground truth counts, else the one that was changed last; the time of
all of them was paid. A task whose annotations were all cancelled was skipped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oddloop.errors import LabellingError
from oddloop.exchange.labelling.batch import Box, Corners, Unit
from oddloop.exchange.labelling.delivery import (
    Answer,
    Delivery,
    Faults,
    Sent,
    box_fault,
    mapping_of,
    number_of,
    read_json,
    sum_times,
    text_of,
    time_of,
)
from oddloop.exchange.labelling.label_studio import LABELLED, TOOL, UNUSABLE

_IDS = ("round_id", "scene_id", "frame_id")
_NOT_BOXES = ("choices", "textarea", "rating", "number", "taxonomy", "datetime", "pairwise")
"""Region types that say something about the whole task."""


def read_export(content: bytes, sent: Sent, source: str = "export.json") -> Delivery:
    """Read an export of type JSON.

    Args:
        content: the file.
        sent: all units that were sent.
        source: what to call the file in messages.

    Raises:
        LabellingError: it is not such an export, or is faulty; all faults are told.
    """
    tasks = read_json(content, source)
    if not isinstance(tasks, list):
        raise LabellingError(f"{source}: not a list of tasks; export the project as JSON")
    return read_tasks(tasks, sent, source)


def read_tasks(tasks: Sequence[Any], sent: Sent, source: str) -> Delivery:
    """Read a list of exported tasks; see `read_export`."""
    faults = Faults(source)
    answers: dict[Unit, Answer] = {}
    n_foreign = 0
    for index, task in enumerate(tasks):
        place = f"task {mapping_of(task).get('id', f'number {index}')!s:.40}"
        unit = _unit_of(task, sent, faults, place)
        if unit is None:
            n_foreign += 1
        elif unit in answers:
            faults.add(place, f"a second task of {unit.frame_id or unit.scene_id!r}; remove one of them in the tool")
        else:
            answers[unit] = _answer(task, unit, faults, place)
    faults.refuse()
    if tasks and not answers:
        raise LabellingError(f"{source}: none of its {len(tasks)} tasks was sent by oddloop; is it the right project?")
    return Delivery(TOOL, tuple(answers.values()), n_foreign)


def _unit_of(task: Any, sent: Sent, faults: Faults, place: str) -> Unit | None:
    if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
        faults.add(place, "it has no `data`; export as JSON, neither JSON_MIN nor CSV")
        return None
    given = [task["data"].get(name) for name in _IDS]
    if all(value is None for value in given):
        return None
    round_id, scene_id, frame_id = map(text_of, given)
    unit = sent.by_key.get((round_id, scene_id, frame_id))
    if unit is None:
        named = ", ".join(f"{name} {value!r:.60}" for name, value in zip(_IDS, given, strict=True))
        faults.add(place, f"{named} was not sent from this workspace")
    return unit


def _answer(task: Mapping[str, Any], unit: Unit, faults: Faults, place: str) -> Answer:
    given = task.get("annotations")
    if not isinstance(given, list) or not all(isinstance(a, dict) for a in given):
        faults.add(place, "it has no list of `annotations`; export as JSON, neither JSON_MIN nor CSV")
        return Answer(unit, "open")
    if not given:
        return Answer(unit, "open")
    time_s = sum_times([time_of(a.get("lead_time"), faults, place) for a in given])
    kept = [a for a in given if a.get("was_cancelled") is not True]
    if not kept:
        return Answer(unit, "skipped", (), time_s)
    chosen = max(kept, key=lambda a: (a.get("ground_truth") is True, text_of(a.get("updated_at")), _id(a)))
    result = chosen.get("result")
    if not isinstance(result, list):
        faults.add(place, f"annotation {_id(chosen)} has no list of results")
        return Answer(unit, "open")
    if not unit.frame_id:
        return _scene_answer(result, unit, time_s, faults, place)
    return Answer(unit, "done", _boxes(result, unit, faults, place), time_s)


def _scene_answer(result: list[Any], unit: Unit, time_s: float | None, faults: Faults, place: str) -> Answer:
    regions = [mapping_of(r) for r in result if mapping_of(r).get("type") == "choices"]
    choices = [choice for r in regions for choice in _list(mapping_of(r.get("value")).get("choices"))]
    if choices not in ([LABELLED], [UNUSABLE]):
        faults.add(place, f"the scene's answer is {choices!r:.60}; it is `{LABELLED}` or `{UNUSABLE}`")
    return Answer(unit, "skipped" if choices == [UNUSABLE] else "done", (), time_s)


def _boxes(result: list[Any], unit: Unit, faults: Faults, place: str) -> tuple[Box, ...]:
    boxes: dict[str, Box] = {}
    for index, region in enumerate(result):
        kind = text_of(mapping_of(region).get("type"))
        if kind in _NOT_BOXES:
            continue
        where = f"{place}, region {mapping_of(region).get('id', index)!s:.40}"
        box = _box(region, unit, faults, where) if kind == "rectanglelabels" else None
        if kind != "rectanglelabels":
            faults.add(where, f"its type is {kind!r:.40}; only `rectanglelabels` are taken")
        elif box and box.object_id in boxes:
            faults.add(where, "its id stands twice in the task")
        elif box:
            boxes[box.object_id] = box
    return tuple(boxes.values())


def _box(region: Any, unit: Unit, faults: Faults, where: str) -> Box | None:
    value, object_id = mapping_of(region.get("value")), text_of(region.get("id"))
    labels = _list(value.get("rectanglelabels"))
    percents = [number_of(value.get(name)) for name in ("x", "y", "width", "height")]
    width, height = (number_of(region.get(name)) for name in ("original_width", "original_height"))
    problem = ""
    if not object_id:
        problem = "it has no id"
    elif len(labels) != 1 or not text_of(labels[0]):
        problem = f"it has the classes {labels!r:.60}; give it one"
    elif not width or not height or min(width, height) <= 0:
        problem = "its image size (`original_width`, `original_height`) is missing"
    elif unit.width_px and (width, height) != (unit.width_px, unit.height_px):
        problem = f"its image is {width:g} x {height:g} px, but {unit.width_px} x {unit.height_px} px were sent"
    elif number_of(value.get("rotation", 0)) != 0:
        problem = f"it is rotated by {value.get('rotation')!r:.20}; boxes are upright"
    if problem:
        faults.add(where, problem)
        return None
    return _in_px(percents, (float(width or 0), float(height or 0)), Box(labels[0], (0, 0, 0, 0), None, object_id),
                  faults, where)  # fmt: skip


def _in_px(percents: list[float | None], size: tuple[float, float], box: Box, faults: Faults, where: str) -> Box | None:
    known = [p for p in percents if p is not None]
    if len(known) != 4:
        faults.add(where, "x, y, width and height are not four finite numbers")
        return None
    x, y, w, h = known
    corners: Corners = (x * size[0] / 100, y * size[1] / 100, (x + w) * size[0] / 100, (y + h) * size[1] / 100)
    if problem := box_fault(corners, Unit("", "", "", "", int(size[0]), int(size[1]))):
        faults.add(where, f"{problem} They are percents, 0 to 100.")
        return None
    return Box(box.category, corners, None, box.object_id)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _id(annotation: Mapping[str, Any]) -> float:
    return number_of(annotation.get("id")) or 0.0
