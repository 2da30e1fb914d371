"""What goes out to a labelling tool: a round's scenes, their frames, and the model's boxes as pre-labels.

Time and memory grow with frames + boxes of one round; each becomes an item of somebody's JSON, so there is no array
form that would be shorter.
"""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote, urlsplit

from oddloop.errors import LabellingError

Corners = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max in px."""
Key = tuple[str, str, str]
"""Round, scene and frame id; "" for the frame where a scene is answered as a whole."""


@dataclass(frozen=True)
class Box:
    """An image box of a class: predicted where it has a score, else drawn by an annotator.

    Attributes:
        category: its class.
        corners: x_min, y_min, x_max, y_max in px, from the image's upper left corner.
        score: the model's score in [0, 1]; None where nobody scored it.
        object_id: names the object within its frame.
    """

    category: str
    corners: Corners
    score: float | None = None
    object_id: str = ""

    def clipped(self, width_px: int, height_px: int) -> Box | None:
        """The part inside the image; None where there is none.

        >>> Box("car", (-5.0, 0.0, 5.0, 9.0)).clipped(10, 8)
        Box(category='car', corners=(0.0, 0.0, 5.0, 8.0), score=None, object_id='')
        """
        x_min, y_min, x_max, y_max = self.corners
        inside = (max(x_min, 0.0), max(y_min, 0.0), min(x_max, float(width_px)), min(y_max, float(height_px)))
        return replace(self, corners=inside) if inside[0] < inside[2] and inside[1] < inside[3] else None


@dataclass(frozen=True)
class Unit:
    """One thing that is answered at a time: a frame, or a scene without images.

    Attributes:
        round_id, scene_id: what it belongs to.
        frame_id: the frame; "" where the scene is answered as a whole.
        file_name: how tools name its image, unique within a round; "" without an image.
        width_px, height_px: size of the image; 0 where not known.
    """

    round_id: str
    scene_id: str
    frame_id: str = ""
    file_name: str = ""
    width_px: int = 0
    height_px: int = 0

    @property
    def key(self) -> Key:
        """Round, scene and frame: names the unit."""
        return self.round_id, self.scene_id, self.frame_id


@dataclass(frozen=True)
class Frame:
    """A frame to label: its unit, where its image is, the model's boxes in it."""

    unit: Unit
    uri: str
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Scene:
    """A picked scene.

    Attributes:
        scene_id, log_id: the scene.
        rank: 1 was picked first.
        score: the policy's score, larger = more worth labelling; None without.
        reasons: why it was picked, a sentence each.
        attributes: what is known of it, by attribute.
        frames: its frames in time order; none where there are no images.
        uri: where to look at the scene; "" where not known.
    """

    scene_id: str
    log_id: str
    rank: int
    score: float | None
    reasons: tuple[str, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)
    frames: tuple[Frame, ...] = ()
    uri: str = ""

    def facts(self, round_id: str, n_scenes: int) -> dict[str, str | float | int | None]:
        """What an annotator sees of the scene, by names that begin with `al_`.

        `al_priority` is in (0, 1], 1 for the first pick: it orders by what the policy chose, whatever its scores are.
        """
        return {
            "al_round_id": round_id,
            "al_scene_id": self.scene_id,
            "al_log_id": self.log_id,
            "al_rank": self.rank,
            "al_priority": (n_scenes - self.rank + 1) / n_scenes,
            "al_score": self.score,
            "al_reasons": "; ".join(self.reasons),
            **{f"al_{name}": value for name, value in self.attributes.items()},
        }


@dataclass(frozen=True)
class Batch:
    """What a round sends out.

    Attributes:
        name: the workspace's name.
        round_id: the round.
        model_id: whose boxes are the pre-labels; "" without.
        classes: classes of objects that annotators may give.
        scenes: the picked scenes, first pick first.
    """

    name: str
    round_id: str
    model_id: str
    classes: tuple[str, ...]
    scenes: tuple[Scene, ...]

    def frames(self) -> Iterator[tuple[Scene, Frame]]:
        """Each frame with its scene, in the order in which they are sent."""
        return ((scene, frame) for scene in self.scenes for frame in scene.frames)

    def whole(self) -> list[Scene]:
        """Scenes without images."""
        return [scene for scene in self.scenes if not scene.frames]

    def units(self) -> list[Unit]:
        """All that must be answered: each frame, and each scene without images."""
        return [
            unit
            for scene in self.scenes
            for unit in ([f.unit for f in scene.frames] or [Unit(self.round_id, scene.scene_id)])
        ]

    def facts(self, scene: Scene) -> dict[str, str | float | int | None]:
        """What an annotator sees of a scene of this batch."""
        return scene.facts(self.round_id, self._last_rank)

    @functools.cached_property
    def _last_rank(self) -> int:
        return max(scene.rank for scene in self.scenes)

    def need_images(self, tool: str) -> None:
        """Refuse a batch that a tool of images alone cannot show.

        Raises:
            LabellingError: a scene has no images, or a frame no size, or two frames have one file name.
        """
        if without := [scene.scene_id for scene in self.whole()]:
            raise LabellingError(
                f"{tool}: {len(without)} scenes have no images ({_some(without)}); give `media_uri` in `frames`, or "
                "send with --tool label-studio or csv, which take whole scenes"
            )
        self.need_sizes(tool, everywhere=True)

    def need_sizes(self, tool: str, *, everywhere: bool) -> None:
        """Refuse frames of unknown size: `everywhere`, or only those with boxes.

        Raises:
            LabellingError: names the first of them.
        """
        missing = [
            frame.unit.frame_id
            for _, frame in self.frames()
            if not (frame.unit.width_px and frame.unit.height_px) and (everywhere or frame.boxes)
        ]
        if missing:
            raise LabellingError(
                f"{tool}: the image size of {len(missing)} frames is not known ({_some(missing)}); give `width_px` and "
                "`height_px` in `frames`, or set image_size = [width, height] in [labelling]"
            )


def file_name_of(uri: str) -> str:
    """How a tool names the image at a URI: its path, without scheme, host or bucket, and without a leading slash.

    >>> file_name_of("s3://bucket/cam/000001.png"), file_name_of("/data/a b.png"), file_name_of("cam%20a/1.png")
    ('cam/000001.png', 'data/a b.png', 'cam%20a/1.png')
    """
    parts = urlsplit(uri)
    path = unquote(parts.path) if len(parts.scheme) > 1 else uri
    return posixpath.normpath(path).lstrip("/") if path.strip("/") else ""


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
