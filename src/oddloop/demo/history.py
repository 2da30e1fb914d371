"""Observed tracks as arrays that a forecaster can index: who was where at each frame, and the last two seconds of each.

Nothing in this module can see the future or the truth; `futures.py` reads the truth, and only of scenes it is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.demo.surroundings import expand

N_HISTORY = 5
"""Frames of a history, the present one included: 2 s at 2 Hz."""
MIN_HISTORY = 3
"""Fewer sightings than this in a history: no forecast."""
N_LAMP_FRAMES = 3
"""Frames over which lamps are averaged, because indicators are overlooked now and then."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Tracks:
    """Track rows by number: N rows, T tracks (one road user in one scene), ordered by scene, frame, agent.

    Attributes:
        scene: (N,) index of the scene.
        frame: (N,) frame number in the scene.
        track: (N,) index of the track.
        xy_m: (N,2) position in the map frame, in metres.
        heading_rad: (N,) heading, in radians.
        category: (N,) index into `simulate.CATEGORIES`.
        lamps: (N,L) bool, lamps seen lit.
        slot: (T * L,) row of each track at each frame; -1 where it was not seen.
        n_slots: L, frames of the longest scene.
    """

    scene: Ints
    frame: Ints
    track: Ints
    xy_m: Floats
    heading_rad: Floats
    category: Ints
    lamps: npt.NDArray[np.bool_]
    slot: Ints
    n_slots: int

    def rows_at(self, track: Ints, frame: Ints) -> Ints:
        """Rows of tracks at frames, arrays of one shape; -1 where not seen or out of the scene."""
        inside = (frame >= 0) & (frame < self.n_slots)
        return np.where(inside, self.slot[track * self.n_slots + np.clip(frame, 0, self.n_slots - 1)], -1)


def index_tracks(scene: Ints, frame: Ints, track: Ints, xy_m: Floats, heading_rad: Floats, category: Ints,
                 lamps: npt.NDArray[np.bool_]) -> Tracks:  # fmt: skip
    """Index track rows so that any track can be looked up at any frame; N = 0 is allowed."""
    n_slots = int(frame.max(initial=0)) + 1
    slot = np.full((int(track.max(initial=-1)) + 1) * n_slots, -1, dtype=np.int64)
    slot[track * n_slots + frame] = np.arange(len(track))
    return Tracks(scene, frame, track, xy_m, heading_rad, category, lamps, slot, n_slots)


@dataclass(frozen=True)
class Motion:
    """The last two seconds of N road users, in the map frame.

    Attributes:
        offset_m: (N,H,2) past positions minus the present one, oldest first, in metres; gaps lie on the fitted line.
        seen: (N,H) whether each was seen.
        turn_rad: (N,H) past heading minus the present one, in radians; 0 where not seen.
        velocity_mps: (N,2) least-squares velocity over what was seen, in metres per second; 0 with one sighting.
        lit: (N,L) share of the last `N_LAMP_FRAMES` frames in which each lamp was seen lit.
    """

    offset_m: Floats
    seen: npt.NDArray[np.bool_]
    turn_rad: Floats
    velocity_mps: Floats
    lit: Floats


def past_motion(tracks: Tracks, period_s: float) -> Motion:
    """Compute the motion of every row of `tracks` up to its own frame."""
    back = np.arange(-(N_HISTORY - 1), 1)
    row = tracks.rows_at(tracks.track[:, None], tracks.frame[:, None] + back)
    seen = row >= 0
    offset = np.where(seen[..., None], tracks.xy_m[row] - tracks.xy_m[:, None], 0.0)
    turn = tracks.heading_rad[row] - tracks.heading_rad[:, None]
    turn = np.where(seen, np.arctan2(np.sin(turn), np.cos(turn)), 0.0)
    time_s = (back * period_s).astype(np.float64)
    intercept, velocity = _fit_lines(time_s, offset, seen)
    line = intercept[:, None] + velocity[:, None] * time_s[None, :, None]
    lit = (tracks.lamps[row] & seen[..., None])[:, -N_LAMP_FRAMES:].mean(axis=1)
    return Motion(np.where(seen[..., None], offset, line), seen, turn, velocity, lit)


def _fit_lines(time_s: Floats, value: Floats, seen: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Least-squares lines through the seen points of (N,H,2) values: (N,2) values at time 0 and (N,2) slopes."""
    weight = seen.astype(np.float64)
    n = weight.sum(axis=1)
    mean_time = weight @ time_s / n
    mean_value = (weight[..., None] * value).sum(axis=1) / n[:, None]
    apart = (time_s - mean_time[:, None]) * weight
    spread = (apart * (time_s - mean_time[:, None])).sum(axis=1)
    slope = (apart[..., None] * value).sum(axis=1) / np.where(spread > 0, spread, 1.0)[:, None]
    return mean_value - slope * mean_time[:, None], slope


def padded_frames(tracks: Tracks, order: Floats, width: int) -> tuple[Ints, Ints]:
    """Rows of each (scene, frame) side by side, nearest first.

    Args:
        tracks: N rows, ordered by scene and frame.
        order: (N,) what to sort a frame's rows by, such as the distance from the ego vehicle.
        width: rows kept per frame.

    Returns:
        (F, width) rows, -1 where there are fewer; (N,) number of each row's frame.
    """
    change = np.flatnonzero(np.diff(tracks.scene * tracks.n_slots + tracks.frame, prepend=-1))
    sizes = np.diff(np.append(change, len(tracks.frame)))
    group, nth = expand(sizes)
    ranked = np.lexsort((order, group))
    table = np.full((len(sizes), width), -1, dtype=np.int64)
    kept = nth < width
    table[group[kept], nth[kept]] = ranked[kept]
    return table, group
