"""Cutting drives into scenes: which cars of a log are ego vehicles, and where one scene ends and the next begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.demo.settings import FleetSettings
from oddloop.demo.simulate import CATEGORIES, LogTracks


@dataclass(frozen=True)
class Scenes:
    """Scenes of one log as arrays of equal length S, ordered by ego vehicle and time.

    Attributes:
        ego: (S,) int32 agent index of the ego vehicle.
        drive: (S,) int32 number of the ego vehicle in the log, from 0.
        part: (S,) int32 number of the scene in the drive, from 0.
        first_frame: (S,) int32 frame at which the scene starts.
        n_frames: (S,) int32 frames of the scene; the next scene of the drive starts right after them.
    """

    ego: npt.NDArray[np.int32]
    drive: npt.NDArray[np.int32]
    part: npt.NDArray[np.int32]
    first_frame: npt.NDArray[np.int32]
    n_frames: npt.NDArray[np.int32]


def cut_lengths(n_frames: int, shortest: int, longest: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Cut a drive of `n_frames` into scenes of `shortest` to `longest` frames that add up to the whole drive.

    Returns (S,) int32 lengths in frames; empty where the drive is shorter than one scene. Every drive of `shortest`
    frames or more can be cut as long as `longest >= 2 * shortest`; otherwise a ValueError names the drive that cannot.

    >>> lengths = cut_lengths(100, 16, 50, np.random.default_rng(0))
    >>> int(lengths.sum()), bool((lengths >= 16).all() and (lengths <= 50).all())
    (100, True)
    """
    fewest, most = -(-n_frames // longest), n_frames // shortest
    if most == 0:
        return np.zeros(0, dtype=np.int32)
    if fewest > most:
        raise ValueError(f"{n_frames} frames cannot be cut into scenes of {shortest} to {longest} frames")
    typical = n_frames / rng.uniform(shortest * 1.5, (shortest + longest) / 2)
    n_scenes = int(np.clip(round(typical), fewest, most))
    lengths, rest = np.zeros(n_scenes, dtype=np.int32), n_frames
    for i in range(n_scenes):
        after = n_scenes - i - 1
        low, high = max(shortest, rest - after * longest), min(longest, rest - after * shortest)
        lengths[i] = rng.integers(low, high, endpoint=True)
        rest -= lengths[i]
    return rng.permutation(lengths)


def cut_log(tracks: LogTracks, never_ego: set[str], settings: FleetSettings, rng: np.random.Generator) -> Scenes:
    """Draw ego cars, in random order, until the log has `scenes_per_log` scenes, and cut their whole drives.

    A drive is never cut short, so a log may have a few scenes more; it has fewer where its cars are used up. Cars in
    `never_ego` (those with a planted behaviour) are only ever watched.
    """
    shortest, longest = round(settings.scene_min_s / settings.period_s), round(settings.scene_max_s / settings.period_s)
    n_frames = np.bincount(tracks.agent, minlength=len(tracks.agent_ids))
    first = np.full(len(tracks.agent_ids), np.iinfo(np.int32).max, dtype=np.int32)
    np.minimum.at(first, tracks.agent, tracks.frame)
    is_car = tracks.category == CATEGORIES.index("car")
    able = np.flatnonzero(is_car & (n_frames >= shortest) & ~np.isin(tracks.agent_ids, sorted(never_ego)))
    rows: list[npt.NDArray[np.int32]] = []
    n_scenes = 0
    for drive, ego in enumerate(rng.permutation(able)):
        if n_scenes >= settings.scenes_per_log:
            break
        lengths = cut_lengths(int(n_frames[ego]), shortest, longest, rng)
        starts = first[ego] + np.concatenate([[0], np.cumsum(lengths)[:-1]])
        whole = np.full(len(lengths), 1)
        rows.append(np.stack([whole * ego, whole * drive, np.arange(len(lengths)), starts, lengths]).astype(np.int32))
        n_scenes += len(lengths)
    return Scenes(*(np.concatenate(rows, axis=1) if rows else np.zeros((5, 0), dtype=np.int32)))
