"""What is around the ego vehicle: the true tracks of a log, gathered scene by scene and frame by frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.demo.cut import Scenes
from oddloop.demo.simulate import CATEGORIES, LogTracks

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SceneTracks:
    """Tracks of the road users near the ego vehicle, the ego vehicle included: M rows ordered by scene, frame, agent.

    Attributes:
        row: (M,) index into the rows of the log's tracks.
        scene: (M,) index into the log's scenes.
        frame: (M,) frame number within the scene, from 0.
        is_ego: (M,) whether the row is the ego vehicle's own.
        track: (M,) number of the road user and scene, from 0.
        distance_m: (M,) distance from the ego vehicle at that instant, in metres.
        own_ego_row: (M,) the row of the log's tracks that is the ego vehicle at that instant.
        ego_row: (F,) rows of the log's tracks that are the ego vehicle, one per scene and frame, in order.
    """

    row: Ints
    scene: Ints
    frame: Ints
    is_ego: npt.NDArray[np.bool_]
    track: Ints
    distance_m: npt.NDArray[np.float64]
    own_ego_row: Ints
    ego_row: Ints


def expand(counts: npt.ArrayLike) -> tuple[Ints, Ints]:
    """Number the members of consecutive groups: counts (G,) give group and position in it, each (sum,) int64.

    >>> [part.tolist() for part in expand([2, 0, 1])]
    [[0, 0, 2], [0, 1, 0]]
    """
    sizes = np.asarray(counts, dtype=np.int64)
    group = np.repeat(np.arange(len(sizes)), sizes)
    return group, np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)


def gather(tracks: LogTracks, scenes: Scenes, range_m: float) -> SceneTracks:
    """Gather, for each scene, every road user that ever comes within `range_m` of the ego vehicle, all the time."""
    n_frames = int(tracks.frame.max(initial=-1)) + 1
    starts = np.searchsorted(tracks.frame, np.arange(n_frames + 1))
    scene, frame = expand(scenes.n_frames)
    at = scenes.first_frame[scene] + frame
    group, nth = expand(np.diff(starts)[at])
    row = starts[at][group] + nth
    is_ego = tracks.agent[row] == scenes.ego[scene[group]]
    ego_row = row[is_ego]
    offset = tracks.xy_m[row] - tracks.xy_m[ego_row][group]
    distance_m = np.hypot(offset[:, 0], offset[:, 1])
    track = scene[group] * len(tracks.agent_ids) + tracks.agent[row]
    near = np.zeros(len(scenes.ego) * len(tracks.agent_ids), dtype=bool)
    near[track[distance_m <= range_m]] = True
    kept = near[track]
    number = np.unique(track[kept], return_inverse=True)[1]
    return SceneTracks(
        row=row[kept],
        scene=scene[group][kept],
        frame=frame[group][kept],
        is_ego=is_ego[kept],
        track=number,
        distance_m=distance_m[kept],
        own_ego_row=ego_row[group][kept],
        ego_row=ego_row,
    )


def categories(tracks: LogTracks, around: SceneTracks) -> npt.NDArray[np.int8]:
    """Category of each row of `around`, (M,) int8 index into `CATEGORIES`; the ego vehicle is `ego`, not `car`."""
    own = np.int8(CATEGORIES.index("ego"))
    return np.where(around.is_ego, own, tracks.category[tracks.agent[around.row]]).astype(np.int8)
