"""Frames and scenes of a sequence: when each frame was, and which scene it belongs to.

KITTI records at 10 Hz. The tracking benchmark publishes no times, so sequence N begins at midnight UTC, N days after
2011-09-26, the first day of KITTI's recordings: fixed and never overlapping, but not when it really was.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import SourceError
from oddloop.exchange.sources.drive import numbered
from oddloop.exchange.sources.kitti.text import MAX_FRAME

FRAME_NS = 100_000_000
EPOCH_NS = 1_316_995_200_000_000_000
"""2011-09-26T00:00:00Z."""
DAY_NS = 86_400 * 1_000_000_000
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Grid:
    """All frames of a sequence in order, and the scenes that they make up.

    Attributes:
        frame_id: (F,) string array.
        timestamp_ns: (F,) int64.
        scene: (F,) int64, rising: the frame's scene as a row of the arrays below.
        scene_id: (S,) string array.
        start_ns, n_frames: (S,) int64.
    """

    frame_id: pa.Array
    timestamp_ns: IntArray
    scene: IntArray
    scene_id: pa.Array
    start_ns: IntArray
    n_frames: IntArray

    @property
    def frame_scene_id(self) -> pa.Array:
        """(F,) scene_id of each frame."""
        return self.scene_id.take(pa.array(self.scene))


def frames_per_scene(scene_s: float) -> int:
    """Frames of a scene of `scene_s` seconds, to the nearest frame.

    Raises:
        SourceError: `scene_s` is not a finite number of at least one frame, 0.1 s.

    >>> frames_per_scene(10.0)
    100
    """
    if not (math.isfinite(scene_s) and scene_s >= 0.1):
        raise SourceError(f"scene_s = {scene_s}: a scene must last at least 0.1 s, one frame at 10 Hz; the usual is 10")
    return round(min(scene_s * 10, MAX_FRAME + 1))


def cut(name: str, n_frames: int, per_scene: int) -> Grid:
    """Cut a sequence into scenes; what is left at its end is one shorter scene.

    Args:
        name: the sequence's number.
        n_frames: its frames, at least 1.
        per_scene: frames of a scene, at least 1.

    >>> grid = cut("0000", 7, 5)
    >>> grid.scene_id.to_pylist(), grid.n_frames.tolist()
    (['0000/00', '0000/01'], [5, 2])
    """
    frame = np.arange(n_frames)
    scene = frame // per_scene
    n_scenes = int(scene[-1]) + 1
    timestamp_ns = EPOCH_NS + int(name) * DAY_NS + frame * FRAME_NS
    return Grid(
        frame_id=_frame_ids(name, frame),
        timestamp_ns=timestamp_ns,
        scene=scene,
        scene_id=numbered(name, n_scenes),
        start_ns=timestamp_ns[::per_scene],
        n_frames=np.bincount(scene),
    )


def _frame_ids(name: str, frame: IntArray) -> pa.Array:
    padded = pc.utf8_lpad(pa.array(frame).cast(pa.string()), width=6, padding="0")
    return pc.binary_join_element_wise(name, padded, "/")
