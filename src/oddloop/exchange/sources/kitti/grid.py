"""Frames and scenes of the sequences: when each frame was, and which scene it belongs to.

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
from oddloop.exchange.sources.kitti.records import Sequences
from oddloop.exchange.sources.kitti.text import MAX_FRAME

FRAME_NS = 100_000_000
EPOCH_NS = 1_316_995_200_000_000_000
"""2011-09-26T00:00:00Z."""
DAY_NS = 86_400 * 1_000_000_000
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Grid:
    """All frames in order, and the scenes that they make up.

    Attributes:
        frame_id: (F,) string array.
        timestamp_ns: (F,) int64.
        scene: (F,) int64, rising: the frame's scene as a row of the arrays below.
        scene_id, scene_log_id: (S,) string arrays.
        start_ns, n_frames: (S,) int64.
    """

    frame_id: pa.Array
    timestamp_ns: IntArray
    scene: IntArray
    scene_id: pa.Array
    scene_log_id: pa.Array
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


def cut(sequences: Sequences, scene_s: float) -> Grid:
    """Cut each sequence into scenes of `scene_s` seconds; what is left at its end is one shorter scene.

    Args:
        sequences: one or more, of one or more frames each.
        scene_s: length in seconds; see `frames_per_scene`.

    >>> grid = cut(Sequences(("0000",), np.array([7])), 0.5)
    >>> grid.scene_id.to_pylist(), grid.n_frames.tolist()
    (['0000/00', '0000/01'], [5, 2])
    """
    per_scene = frames_per_scene(scene_s)
    frames, scenes = sequences.n_frames, -(-sequences.n_frames // per_scene)
    frame_log, frame = _counted(frames)
    scene_log, number = _counted(scenes)
    names = pa.array(sequences.names, pa.string())
    first_ns = EPOCH_NS + np.array([int(name) for name in sequences.names], np.int64) * DAY_NS
    scene = (np.cumsum(scenes) - scenes)[frame_log] + frame // per_scene
    return Grid(
        frame_id=_numbered(names.take(pa.array(frame_log)), frame, 6),
        timestamp_ns=first_ns[frame_log] + frame * FRAME_NS,
        scene=scene,
        scene_id=_numbered(names.take(pa.array(scene_log)), number, max(2, len(str(scenes.max() - 1)))),
        scene_log_id=names.take(pa.array(scene_log)),
        start_ns=first_ns[scene_log] + number * per_scene * FRAME_NS,
        n_frames=np.bincount(scene, minlength=len(number)),
    )


def _counted(counts: IntArray) -> tuple[IntArray, IntArray]:
    """For counts (3, 2): owners 0 0 0 1 1 and numbers 0 1 2 0 1."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)


def _numbered(names: pa.Array, number: IntArray, digits: int) -> pa.Array:
    padded = pc.utf8_lpad(pa.array(number).cast(pa.string()), width=digits, padding="0")
    return pc.binary_join_element_wise(names, padded, "/")
