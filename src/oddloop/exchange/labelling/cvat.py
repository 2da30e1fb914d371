"""A batch as a CVAT task: its requests, the data manifest, and the model's boxes as annotation XML 1.1 and as JSON.

One scene is one job, by `job_file_mapping`. Each frame carries a tag `oddloop` whose declared `al_*` attributes hold
the ids and what an annotator should know; readers of CVAT's XML drop attributes that no label declares.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from oddloop.errors import LabellingError
from oddloop.exchange.labelling.batch import Batch, Box, Frame

TOOL = "cvat"
TAG = "oddloop"
"""Label of the tag that each frame carries."""
SCORE = "al_model_score"
"""Attribute of a pre-label: the model's score."""
FRAME_ID = "al_frame_id"


def task_name(batch: Batch, digest: str) -> str:
    """Name of the task: the same picks have the same, so that it can be found again."""
    return f"oddloop {batch.name} {batch.round_id} {digest[:12]}"


def task_request(batch: Batch, digest: str, *, project_id: int | None = None, url: str = "") -> dict[str, Any]:
    """CVAT's TaskWriteRequest; in a project the labels are the project's.

    Args:
        batch: what goes out.
        digest: digest of the batch.
        project_id: the CVAT project, if any.
        url: a page about the selection, shown as the task's issue tracker; "" without.

    Raises:
        LabellingError: no classes are known, a scene has no images, or an image no size.
    """
    _check(batch)
    request: dict[str, Any] = {"name": task_name(batch, digest), "subset": ""}
    if project_id is None:
        request["labels"] = labels_of(batch)
    else:
        request["project_id"] = project_id
    return {**request, "bug_tracker": url} if url else request


def labels_of(batch: Batch) -> list[dict[str, Any]]:
    """The labels that a task or project must have: the classes as rectangles, and the tag."""
    score = [_attribute(SCORE)]
    boxes = [{"name": name, "type": "rectangle", "attributes": score} for name in batch.classes]
    return [*boxes, {"name": TAG, "type": "tag", "attributes": [_attribute(name) for name in _tag_names(batch)]}]


def data_request(batch: Batch, *, cloud_storage_id: int | None = None) -> dict[str, Any]:
    """CVAT's DataRequest: URLs are fetched, all else is taken from the server's share or from a cloud storage.

    Raises:
        LabellingError: some images are URLs and some are not.
    """
    names = [[_source(frame) for frame in scene.frames] for scene in batch.scenes]
    remote = {frame.uri.startswith(("http://", "https://")) for _, frame in batch.frames()}
    if len(remote) > 1:
        raise LabellingError("cvat: some images are URLs and some are files; CVAT takes one kind per task")
    files = [name for job in names for name in job]
    request: dict[str, Any] = {
        "image_quality": 70,
        "use_cache": True,
        "sorting_method": "predefined",
        "job_file_mapping": names,
    }
    if remote == {True}:
        return {**request, "remote_files": files}
    request["server_files"] = ["manifest.jsonl", *files]
    return request if cloud_storage_id is None else {**request, "cloud_storage_id": cloud_storage_id}


def manifest(batch: Batch) -> str:
    """The `manifest.jsonl`: version, type, then one image a line in the order in which they are sent."""
    lines: list[dict[str, Any]] = [{"version": "1.1"}, {"type": "images"}]
    for _, frame in batch.frames():
        name, extension = posixpath.splitext(frame.unit.file_name)
        size = {"width": frame.unit.width_px, "height": frame.unit.height_px}
        lines.append({"name": name, "extension": extension, **size, "meta": {"related_images": []}})
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


@dataclass(frozen=True)
class LabelIds:
    """What a server calls labels and their attributes: label id by name, attribute id by (label, attribute)."""

    labels: Mapping[str, int]
    attributes: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, labels: list[dict[str, Any]]) -> LabelIds:
        """From labels as the server lists them, or numbered from 1 in their order where they have no ids yet."""
        by_name = {str(label["name"]): int(label.get("id", i + 1)) for i, label in enumerate(labels)}
        pairs = [(str(label["name"]), a) for label in labels for a in label.get("attributes", ())]
        specs = {(name, str(a["name"])): int(a.get("id", i + 1)) for i, (name, a) in enumerate(pairs)}
        return cls(by_name, specs)


def missing_labels(labels: list[dict[str, Any]], batch: Batch) -> list[str]:
    """Classes, tag and `tag.attribute`s of a batch that the labels of a project lack, sorted.

    >>> missing_labels([{"name": "car"}], Batch("w", "r001", "", ("car", "van"), ()))[:2]
    ['oddloop', 'van']
    """
    ids = LabelIds.of(labels)
    wanted = {
        **dict.fromkeys((*batch.classes, TAG)),
    }
    missing = [name for name in wanted if name not in ids.labels]
    if TAG in ids.labels:
        missing += [f"{TAG}.{name}" for name in _tag_names(batch) if (TAG, name) not in ids.attributes]
    return sorted(missing)


def annotations_json(batch: Batch, ids: LabelIds) -> dict[str, Any]:
    """CVAT's LabeledDataRequest: the model's boxes as shapes with their score, and a tag per frame."""
    shapes: list[dict[str, Any]] = []
    tags: list[dict[str, Any]] = []
    for number, (frame, tag) in enumerate(_tagged(batch)):
        values = [
            {"spec_id": ids.attributes[TAG, name], "value": value}
            for name, value in tag.items()
            if (TAG, name) in ids.attributes
        ]
        tags.append({"frame": number, "label_id": ids.labels[TAG], "group": 0, "source": "auto", "attributes": values})
        shapes += [_shape(number, box, ids) for box in _clipped(frame)]
    return {"version": 0, "tags": tags, "shapes": shapes, "tracks": []}


def annotations_xml(batch: Batch, digest: str) -> Iterator[str]:
    """The same as "CVAT for images 1.1", a piece per image."""
    yield '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n<meta><task>'
    yield f"<name>{escape(task_name(batch, digest))}</name><mode>annotation</mode><labels>"
    for label in labels_of(batch):
        attributes = "".join(_attribute_xml(a) for a in label["attributes"])
        yield f"<label><name>{escape(label['name'])}</name><attributes>{attributes}</attributes></label>"
    yield "</labels></task></meta>\n"
    for number, (frame, tag) in enumerate(_tagged(batch)):
        yield _image_xml(number, frame, tag)
    yield "</annotations>\n"


def _check(batch: Batch) -> None:
    batch.need_images(TOOL)
    if not batch.classes:
        raise LabellingError("cvat: no classes of objects are known; set classes = [...] in [labelling]")
    if TAG in batch.classes:
        raise LabellingError(f"cvat: a class is called {TAG!r}, as the tag that carries the ids; rename the class")


def _source(frame: Frame) -> str:
    return frame.uri if frame.uri.startswith(("http://", "https://")) else frame.unit.file_name


def _tag_names(batch: Batch) -> list[str]:
    """The `al_*` attributes of the batch's scenes, those of ids first."""
    known = [name for scene in batch.scenes for name in batch.facts(scene)]
    return list(dict.fromkeys(["al_round_id", "al_scene_id", FRAME_ID, *known]))


def _tagged(batch: Batch) -> Iterator[tuple[Frame, dict[str, str]]]:
    """Each frame with the values of its tag, in the order in which they are sent."""
    names = _tag_names(batch)
    for scene in batch.scenes:
        facts = _texts(batch.facts(scene))
        shared = {name: facts.get(name, "") for name in names}
        for frame in scene.frames:
            yield frame, {**shared, FRAME_ID: frame.unit.frame_id}


def _attribute(name: str) -> dict[str, Any]:
    return {"name": name, "mutable": False, "input_type": "text", "default_value": "", "values": [""]}


def _texts(facts: Mapping[str, Any]) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in facts.items()}


def _clipped(frame: Frame) -> list[Box]:
    clipped = (box.clipped(frame.unit.width_px, frame.unit.height_px) for box in frame.boxes)
    return [box for box in clipped if box is not None]


def _shape(number: int, box: Box, ids: LabelIds) -> dict[str, Any]:
    spec = ids.attributes.get((box.category, SCORE))
    known = spec is not None and box.score is not None
    return {
        "type": "rectangle",
        "frame": number,
        "label_id": ids.labels[box.category],
        "points": list(box.corners),
        "occluded": False,
        "outside": False,
        "z_order": 0,
        "rotation": 0.0,
        "group": 0,
        "source": "auto",
        "score": 1.0 if box.score is None else box.score,
        "attributes": [{"spec_id": spec, "value": f"{box.score:.6g}"}] if known else [],
    }


def _attribute_xml(attribute: Mapping[str, Any]) -> str:
    name, kind = escape(attribute["name"]), attribute["input_type"]
    return (
        f"<attribute><name>{name}</name><mutable>False</mutable><input_type>{kind}</input_type>"
        "<default_value></default_value><values></values></attribute>"
    )


def _image_xml(number: int, frame: Frame, tag: Mapping[str, str]) -> str:
    unit = frame.unit
    size = f'width="{unit.width_px}" height="{unit.height_px}"'
    boxes = "".join(map(_box_xml, _clipped(frame)))
    values = "".join(f"<attribute name={quoteattr(name)}>{_clean(value)}</attribute>" for name, value in tag.items())
    mark = f'<tag label="{TAG}" source="auto">{values}</tag>'
    return f'<image id="{number}" name={quoteattr(unit.file_name)} {size}>{boxes}{mark}</image>\n'


def _box_xml(box: Box) -> str:
    corners = " ".join(f'{n}="{c:.6f}"' for n, c in zip(("xtl", "ytl", "xbr", "ybr"), box.corners, strict=True))
    score = "" if box.score is None else f'<attribute name="{SCORE}">{box.score:.6g}</attribute>'
    return f'<box label={quoteattr(box.category)} source="auto" occluded="0" {corners} z_order="0">{score}</box>'


def _clean(text: str) -> str:
    """Escaped, without the control characters that XML cannot hold."""
    return escape("".join(c for c in text if c >= " " or c in "\t\n\r"))
