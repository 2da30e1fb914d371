"""Finished "CVAT for images 1.1" annotations as a delivery; CVAT writes tracks there as boxes, image by image.

The file does not say which jobs are finished, and CVAT writes untouched frames with the model's own boxes. So whoever
reads it says which scenes are finished; images of others are open. It holds no times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from oddloop.errors import LabellingError
from oddloop.exchange.labelling.batch import Box, Corners, Unit
from oddloop.exchange.labelling.cvat import FRAME_ID, TAG, TOOL
from oddloop.exchange.labelling.delivery import Answer, Delivery, Faults, Sent, box_fault, number_of
from oddloop.exchange.labelling.guarded_xml import Path, read_elements

ALL_FINISHED = "all"
_CORNERS = ("xtl", "ytl", "xbr", "ybr")
_OTHER_SHAPES = ("polygon", "polyline", "points", "mask", "cuboid", "ellipse", "skeleton")
_IDS = ("al_round_id", "al_scene_id", FRAME_ID)


def read_annotations(
    chunks: Iterable[bytes], sent: Sent, finished: Collection[str], source: str = "annotations.xml"
) -> Delivery:
    """Read annotation XML.

    Args:
        chunks: the file, in pieces.
        sent: all units that were sent.
        finished: ids of the scenes that are finished, or `all`.
        source: what to call the file in messages.

    Raises:
        LabellingError: it is not such a file, or is faulty; all faults are told.
    """
    refuse_unsaid(finished, source)
    reader = _Reader(sent, Faults(source))
    read_elements(chunks, source, on_start=reader.start, on_end=reader.end)
    if not reader.is_cvat:
        raise LabellingError(f"{source}: no <annotations> of version 1.1; export the task as `CVAT for images 1.1`")
    return Delivery(TOOL, reader.answers(finished), reader.n_foreign)


def refuse_unsaid(finished: Collection[str], source: str) -> None:
    """Refuse a file of a format that cannot say what is finished, where nobody said it.

    Raises:
        LabellingError: names the option.
    """
    if not finished:
        raise LabellingError(
            f"{source}: this format does not say which scenes are finished, and holds the model's own boxes where "
            "nobody looked yet; give --finished SCENE for each finished scene, or --finished all"
        )


def is_finished(scene_id: str, finished: Collection[str]) -> bool:
    """Whether a scene is among those that are finished."""
    return ALL_FINISHED in finished or scene_id in finished


class _Reader:
    """Gathers the images while elements go by."""

    def __init__(self, sent: Sent, faults: Faults) -> None:
        self.sent, self.faults = sent, faults
        self.is_cvat, self.n_foreign = False, 0
        self._image: dict[str, str] = {}
        self._boxes: list[Box] = []
        self._tag: dict[str, str] = {}
        self._attribute = ""
        self._found: dict[Unit, list[Box]] = {}

    def start(self, path: Path, values: dict[str, str]) -> None:
        """See an element open."""
        if path == ("annotations", "image"):
            self._image, self._boxes, self._tag = values, [], {}
        elif path == ("annotations", "track"):
            self.faults.add(
                f"track {values.get('id', '?')!s:.40}", "export the task as `CVAT for images 1.1`, not video"
            )
        elif path[:-1] == ("annotations", "image") and path[-1] == "box":
            self._boxes += self._box(values)
        elif len(path) == 3 and path[-1] in _OTHER_SHAPES:
            self.faults.add(self._place, f"a {path[-1]}; only boxes are taken")
        elif path == ("annotations", "image", "tag", "attribute"):
            self._attribute = values.get("name", "")

    def end(self, path: Path, text: str) -> None:
        """See an element close."""
        if path == ("annotations", "version"):
            self.is_cvat = text.strip() == "1.1"
        elif path == ("annotations", "image", "tag", "attribute"):
            self._tag[self._attribute] = text
        elif path == ("annotations", "image"):
            self._close_image()

    def answers(self, finished: Collection[str]) -> tuple[Answer, ...]:
        """The answers, once all elements went by."""
        self.faults.refuse()
        return tuple(
            Answer(unit, "done", tuple(boxes)) if is_finished(unit.scene_id, finished) else Answer(unit, "open")
            for unit, boxes in self._found.items()
        )

    @property
    def _place(self) -> str:
        return f"image {self._image.get('name', '?')!s:.80}"

    def _close_image(self) -> None:
        unit = self._unit()
        if unit is None:
            return
        size = number_of(self._image.get("width")), number_of(self._image.get("height"))
        if unit.width_px and size != (unit.width_px, unit.height_px):
            self.faults.add(self._place, f"it is {size[0]} x {size[1]} px, but {unit.width_px} x {unit.height_px} "
                                         "px were sent")  # fmt: skip
        for box in self._boxes:
            if problem := box_fault(box.corners, unit):
                self.faults.add(self._place, problem)
        if unit in self._found:
            self.faults.add(self._place, "it stands twice in the file")
        self._found[unit] = self._boxes

    def _unit(self) -> Unit | None:
        """The image's unit: by the ids of its tag, else by its name."""
        ids: Any = tuple(self._tag.get(name, "") for name in _IDS)
        named = self.sent.named(self._image.get("name", ""))
        unit = self.sent.by_key.get(ids) if any(ids) else named
        if unit is None and named and [i.strip() for i in ids] == [i.strip() for i in named.key]:
            unit = named  # blanks at the ends of texts do not survive every tool
        if unit is None and any(ids):
            self.faults.add(self._place, f"its tag `{TAG}` names {ids}, which was not sent from this workspace")
        elif unit is None:
            self.faults.add(self._place, "no image of that name was sent from this workspace")
        return unit

    def _box(self, values: dict[str, str]) -> list[Box]:
        known = [c for c in (number_of(values.get(name)) for name in _CORNERS) if c is not None]
        if len(known) != 4:
            self.faults.add(self._place, "a box whose xtl, ytl, xbr and ybr are not four finite numbers")
        elif not values.get("label"):
            self.faults.add(self._place, "a box without a label")
        elif number_of(values.get("rotation", "0")) != 0:
            self.faults.add(self._place, f"a box rotated by {values.get('rotation')!r:.20}; boxes are upright")
        else:
            corners: Corners = (known[0], known[1], known[2], known[3])
            return [Box(values["label"], corners, None, str(len(self._boxes)))]
        return []
