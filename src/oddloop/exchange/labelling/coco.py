"""A batch as a COCO data set with a sidecar manifest, and COCO annotations as a delivery.

COCO's readers keep an image's id and file name and drop all else that stands on it, so the ids of scene and round
are in `manifest.json`, by file name. Images are numbered from 1 in the order in which they are sent, and so are the
classes; what comes back is read by names, since tools number classes anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from oddloop.errors import LabellingError
from oddloop.exchange.labelling.batch import Batch, Box, Corners, Unit
from oddloop.exchange.labelling.cvat_xml import is_finished, refuse_unsaid
from oddloop.exchange.labelling.delivery import (
    Answer,
    Delivery,
    Faults,
    Sent,
    box_fault,
    mapping_of,
    number_of,
    read_json,
    text_of,
    time_of,
)

TOOL = "coco"


def make_dataset(batch: Batch) -> dict[str, Any]:
    """Images, classes, and the model's boxes as annotations with their score.

    Raises:
        LabellingError: a scene has no images, or an image no size.
    """
    batch.need_images(TOOL)
    frames = [frame for _, frame in batch.frames()]
    images = [
        {"id": i, "file_name": f.unit.file_name, "width": f.unit.width_px, "height": f.unit.height_px}
        for i, f in enumerate(frames, 1)
    ]
    number = {name: i for i, name in enumerate(batch.classes, 1)}
    boxes = [(i, box) for i, frame in enumerate(frames, 1) for box in frame.boxes]
    return {
        "info": {"description": f"oddloop {batch.name} {batch.round_id}", "version": "1.0"},
        "licenses": [],
        "images": images,
        "annotations": [annotation_of(i, image, box, number[box.category]) for i, (image, box) in enumerate(boxes, 1)],
        "categories": [{"id": i, "name": name, "supercategory": ""} for name, i in number.items()],
    }


def annotation_of(number: int, image_id: int, box: Box, category_id: int) -> dict[str, Any]:
    """A box as a COCO annotation: x, y, width, height in px."""
    x_min, y_min, x_max, y_max = box.corners
    width, height = x_max - x_min, y_max - y_min
    annotation = {
        "id": number,
        "image_id": image_id,
        "category_id": category_id,
        "bbox": [x_min, y_min, width, height],
        "area": width * height,
        "iscrowd": 0,
        "segmentation": [],
        "attributes": {},
    }
    return annotation if box.score is None else {**annotation, "score": box.score}


def make_sidecar(batch: Batch) -> dict[str, Any]:
    """What COCO cannot carry, by file name: ids, and what an annotator should know."""
    return {
        "round_id": batch.round_id,
        "model_id": batch.model_id,
        "files": {
            frame.unit.file_name: {**batch.facts(scene), "al_frame_id": frame.unit.frame_id}
            for scene, frame in batch.frames()
        },
    }


def read_dataset(content: bytes, sent: Sent, finished: Collection[str], source: str = "annotations.json") -> Delivery:
    """Read COCO annotations: images, annotations and categories in one file.

    An image may have `time_s`, seconds that it took.

    Args:
        content: the file.
        sent: all units that were sent.
        finished: ids of the scenes that are finished, or `all`.
        source: what to call the file in messages.

    Raises:
        LabellingError: it is not such a file, or is faulty; all faults are told.
    """
    refuse_unsaid(finished, source)
    parts = mapping_of(read_json(content, source))
    lists = {name: parts.get(name) for name in ("images", "annotations", "categories")}
    if wrong := [name for name, part in lists.items() if not isinstance(part, list)]:
        raise LabellingError(
            f"{source}: no list of {', '.join(wrong)}; deliver images, annotations and categories in one file, since a "
            "bare list of results cannot say that an image has no objects"
        )
    faults = Faults(source)
    images = _by_id(lists["images"] or [], "image", faults)
    units = _units(images, sent, faults)
    names = {key: text_of(c.get("name")) for key, c in _by_id(lists["categories"] or [], "category", faults).items()}
    boxes = _boxes(lists["annotations"] or [], units, names, faults)
    times = {key: time_of(image.get("time_s"), faults, f"image {key}") for key, image in images.items()}
    faults.refuse()
    answers = [
        Answer(unit, "done", tuple(boxes.get(key, ())), times[key])
        if is_finished(unit.scene_id, finished)
        else Answer(unit, "open")
        for key, unit in units.items()
    ]
    return Delivery(TOOL, tuple(answers))


def _by_id(items: list[Any], what: str, faults: Faults) -> dict[int, Mapping[str, Any]]:
    found: dict[int, Mapping[str, Any]] = {}
    for index, item in enumerate(items):
        key = mapping_of(item).get("id")
        if not isinstance(key, int) or isinstance(key, bool):
            faults.add(f"{what} number {index}", "its id is no integer")
        elif key in found:
            faults.add(f"{what} {key}", "its id stands twice")
        else:
            found[key] = item
    return found


def _units(images: Mapping[int, Mapping[str, Any]], sent: Sent, faults: Faults) -> dict[int, Unit]:
    found: dict[int, Unit] = {}
    seen: set[Unit] = set()
    for key, image in images.items():
        name = text_of(image.get("file_name"))
        unit = sent.named(name)
        size = number_of(image.get("width")), number_of(image.get("height"))
        if unit is None:
            faults.add(f"image {key}", f"no image {name!r:.80} was sent from this workspace")
        elif unit in seen:
            faults.add(f"image {key}", f"{name!r:.80} stands twice")
        elif unit.width_px and None not in size and size != (unit.width_px, unit.height_px):
            faults.add(
                f"image {key}",
                f"it is {size[0]} x {size[1]} px, but {unit.width_px} x {unit.height_px} px were sent",
            )
        else:
            found[key] = unit
            seen.add(unit)
    return found


def _boxes(
    items: list[Any], units: Mapping[int, Unit], names: Mapping[int, str], faults: Faults
) -> dict[int, list[Box]]:
    found: dict[int, list[Box]] = {}
    for key, item in _by_id(items, "annotation", faults).items():
        place, image = f"annotation {key}", item.get("image_id")
        box = _box(item, str(key), names, faults, place)
        unit = units.get(image) if isinstance(image, int) else None
        if unit is None:
            faults.add(place, f"its image {image!r:.40} is not among the images")
        elif box and (problem := box_fault(box.corners, unit)):
            faults.add(place, problem)
        elif box and isinstance(image, int):
            found.setdefault(image, []).append(box)
    return found


def _box(item: Mapping[str, Any], object_id: str, names: Mapping[int, str], faults: Faults, place: str) -> Box | None:
    given, category = item.get("bbox"), item.get("category_id")
    numbers = [number_of(value) for value in given] if isinstance(given, list) else []
    known = [value for value in numbers if value is not None]
    name = names.get(category, "") if isinstance(category, int) else ""
    if len(known) != 4 or len(numbers) != 4:
        faults.add(place, "its bbox is not four finite numbers")
    elif not name:
        faults.add(place, f"its category {category!r:.40} is not among the categories")
    else:
        x, y, width, height = known
        corners: Corners = (x, y, x + width, y + height)
        return Box(name, corners, None, object_id)
    return None
