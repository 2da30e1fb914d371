"""An annotator for the demo and for tests: answers Label Studio tasks as a person would, with the time that it took.

Who knows the truth draws the true boxes; who knows none accepts what the model proposed. A scene without images is
said to be labelled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from oddloop.exchange.labelling.batch import Box, Unit
from oddloop.exchange.labelling.label_studio import region_of, scene_choice


def annotate(
    tasks: Sequence[Mapping[str, Any]],
    *,
    truth: Mapping[str, Sequence[Box]] | None = None,
    seconds_by_scene: Mapping[str, float] | None = None,
    seconds_per_box: float = 3.0,
    seconds_per_task: float = 5.0,
) -> list[dict[str, Any]]:
    """Answer tasks, and give them back as Label Studio exports them.

    Args:
        tasks: what `label_studio.make_tasks` made.
        truth: true boxes by frame_id; None accepts the model's.
        seconds_by_scene: what a scene takes in all, in s, spread evenly over its tasks; others go by the next two.
        seconds_per_box: seconds for each box that is drawn.
        seconds_per_task: seconds for each task besides.

    >>> task = {"data": {"scene_id": "s1", "frame_id": ""}, "predictions": []}
    >>> annotate([task], seconds_by_scene={"s1": 60.0})[0]["annotations"][0]["lead_time"]
    60.0
    """
    per_scene: dict[str, int] = {}
    for task in tasks:
        per_scene[task["data"]["scene_id"]] = per_scene.get(task["data"]["scene_id"], 0) + 1
    answered = []
    for number, task in enumerate(tasks, 1):
        scene_id = str(task["data"]["scene_id"])
        result = _result(task, truth)
        seconds = seconds_per_task + seconds_per_box * len(result)
        if seconds_by_scene and scene_id in seconds_by_scene:
            seconds = seconds_by_scene[scene_id] / per_scene[scene_id]
        answer = {"annotations": [_annotation(number, result, seconds)], "predictions": []}
        answered.append({"id": number, **task, **answer})
    return answered


def _annotation(number: int, result: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
    return {
        "id": number,
        "completed_by": 1,
        "result": result,
        "was_cancelled": False,
        "ground_truth": False,
        "lead_time": seconds,
    }


def _result(task: Mapping[str, Any], truth: Mapping[str, Sequence[Box]] | None) -> list[dict[str, Any]]:
    data, predictions = task["data"], task.get("predictions") or []
    if not data["frame_id"]:
        return [scene_choice(str(data["scene_id"]))]
    if truth is None:
        return [{k: v for k, v in region.items() if k != "score"} for p in predictions[:1] for region in p["result"]]
    unit = Unit(data["round_id"], data["scene_id"], data["frame_id"], "", data["width_px"], data["height_px"])
    boxes = truth.get(unit.frame_id, ())
    return [region_of(box, unit, object_id=box.object_id or f"a{i}") for i, box in enumerate(boxes)]
