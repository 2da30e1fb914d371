"""A batch as Label Studio tasks with the model's boxes as predictions, and its label configuration.

Ids stand in each task's `data`, which every export gives back; a box is in percent of its image. Label Studio orders
"uncertainty sampling" by the predictions' score from below, so that score is 1 - priority, and the model's own scores
stand on the boxes. Its validator refuses boxes that reach over the edge: they are clipped.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import quoteattr

from oddloop.errors import LabellingError
from oddloop.exchange.labelling.batch import Batch, Box, Frame, Scene, Unit
from oddloop.exchange.labelling.guarded_xml import read_elements

TOOL = "label-studio"
LABELLED, UNUSABLE = "labelled", "unusable"
"""What an annotator may say of a scene without images."""
_FACTS = '<Text name="facts" value="$al_text"/>'


def label_config(batch: Batch) -> str:
    """The labelling interface for a batch: boxes of the batch's classes on images, a choice for scenes without.

    Raises:
        LabellingError: there are images, but no classes are known.
    """
    parts = [_FACTS]
    has_images = any(scene.frames for scene in batch.scenes)
    if has_images and not batch.classes:
        raise LabellingError(
            "label-studio: no classes of objects are known; set classes = [...] in [labelling], as neither `objects` "
            "nor the model's boxes name any"
        )
    if has_images:
        labels = "".join(f"<Label value={quoteattr(name)}/>" for name in batch.classes)
        parts.append('<Image name="image" value="$image" zoom="true"/>')
        parts.append(f'<RectangleLabels name="label" toName="image" canRotate="false">{labels}</RectangleLabels>')
    if batch.whole():
        choices = f'<Choice value="{LABELLED}"/><Choice value="{UNUSABLE}"/>'
        parts.append(f'<Choices name="scene" toName="facts" choice="single">{choices}</Choices>')
    return f"<View>{''.join(parts)}</View>"


def missing_classes(config: str, batch: Batch) -> list[str]:
    """Classes of the batch that a project's label configuration does not offer for boxes, sorted.

    Raises:
        LabellingError: the configuration is not readable as XML.

    >>> batch = Batch("w", "r001", "", ("car", "van"), ())
    >>> missing_classes('<View><RectangleLabels><Label value="car"/></RectangleLabels></View>', batch)
    ['van']
    """
    offered: set[str] = set()

    def look(path: tuple[str, ...], values: dict[str, str]) -> None:
        if path[-1] == "Label" and "RectangleLabels" in path:
            offered.add(values.get("value", ""))

    read_elements([config.encode()], "the project's label configuration", on_start=look)
    return sorted(set(batch.classes) - offered)


def make_tasks(batch: Batch) -> list[dict[str, Any]]:
    """One task per frame, and one per scene without images, in the order of the picks.

    Raises:
        LabellingError: a frame with boxes has no image size, which percents need.
    """
    batch.need_sizes(TOOL, everywhere=False)
    tasks = []
    for scene in batch.scenes:
        facts = batch.facts(scene)
        shared = {**facts, "al_text": _text(facts)}
        tasks += [_task(batch, shared, frame.unit, frame) for frame in scene.frames] or [
            _task(batch, {**shared, "scene_uri": scene.uri}, Unit(batch.round_id, scene.scene_id), None)
        ]
    return tasks


def _task(batch: Batch, facts: dict[str, Any], unit: Unit, frame: Frame | None) -> dict[str, Any]:
    ids = {"round_id": unit.round_id, "scene_id": unit.scene_id, "frame_id": unit.frame_id}
    size = {"width_px": unit.width_px, "height_px": unit.height_px} if frame else {}
    data = {**facts, **ids, **size, "image": frame.uri if frame else ""}
    task: dict[str, Any] = {"data": data, "meta": ids, "annotations": [], "predictions": []}
    if frame and batch.model_id:
        task["predictions"].append(
            {
                "model_version": batch.model_id,
                "score": 1.0 - float(facts["al_priority"]),
                "result": [_region(i, box, unit) for i, box in enumerate(_clipped(frame))],
            }
        )
    return task


def _clipped(frame: Frame) -> list[Box]:
    clipped = (box.clipped(frame.unit.width_px, frame.unit.height_px) for box in frame.boxes)
    return [box for box in clipped if box is not None]


def _region(index: int, box: Box, unit: Unit) -> dict[str, Any]:
    region = region_of(box, unit, object_id=box.object_id or f"p{index}")
    return region if box.score is None else {**region, "score": box.score}


def region_of(box: Box, unit: Unit, *, object_id: str) -> dict[str, Any]:
    """A box as Label Studio's rectangle region, in percent of its image."""
    x_min, y_min, x_max, y_max = box.corners
    width, height = unit.width_px, unit.height_px
    return {
        "id": object_id,
        "from_name": "label",
        "to_name": "image",
        "type": "rectanglelabels",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {
            "x": 100.0 * x_min / width,
            "y": 100.0 * y_min / height,
            "width": 100.0 * (x_max - x_min) / width,
            "height": 100.0 * (y_max - y_min) / height,
            "rotation": 0,
            "rectanglelabels": [box.category],
        },
    }


def _text(facts: dict[str, Any]) -> str:
    """What an annotator reads above the image."""
    return "\n".join(f"{name.removeprefix('al_')}: {value}" for name, value in facts.items() if value not in (None, ""))


def scene_choice(scene: Scene | str, choice: str = LABELLED) -> dict[str, Any]:
    """The region with which an annotator answers for a scene without images."""
    name = scene if isinstance(scene, str) else scene.scene_id
    return {
        "id": f"scene-{name}",
        "from_name": "scene",
        "to_name": "facts",
        "type": "choices",
        "value": {"choices": [choice]},
    }
