"""How the ego vehicle moved in each scene, from its poses: distance, speed, manoeuvre.

Poses are thinned to ten a second first, so that the noise of fast localisation does not add up to a distance. The
classes of manoeuvre and their thresholds are those of the Waymo motion challenge's trajectory types (2 m/s, 5 m, 5 m to
the side, 30 degrees, 5 m backwards), applied to the way from the scene's first pose to its last. Time grows with the
poses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from oddloop.exchange.attributes.angles import ahead_and_left, wrapped

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
STEP_NS = 100_000_000
STILL_MPS, STILL_M, ASIDE_M, TURN_RAD, BACK_M = 2.0, 5.0, 5.0, np.pi / 6, -5.0
RULES = {
    "distance_m": "sum of the distances between ego poses, ten a second",
    "ego_speed_kph": "distance between the first and last ego pose along the way, per time",
    "ego_manoeuvre": (
        "way from the first to the last ego pose: stationary below 2 m/s and 5 m; with less than 30 degrees of turn: "
        "straight, straight_left/right from 5 m to the side, reverse from 5 m backwards; else left, right, and u_turn "
        "from 5 m backwards"
    ),
}


@dataclass(frozen=True, eq=False)
class Poses:
    """Places of the ego vehicle, in order of time.

    Attributes:
        time_ns: (P,) int64, rising.
        x_m, y_m: (P,) float64, in one level frame of reference.
        heading_rad: (P,) float64, anticlockwise from the x axis.
    """

    time_ns: IntArray
    x_m: FloatArray
    y_m: FloatArray
    heading_rad: FloatArray


@dataclass(frozen=True, eq=False)
class Motion:
    """How the ego vehicle moved in each of S scenes; NaN and None where a scene has less than two poses.

    Attributes:
        distance_m: (S,) float64.
        speed_mps: (S,) float64, mean.
        manoeuvre: (S,) object, a value of `dynamic.ego_manoeuvre`.
    """

    distance_m: FloatArray
    speed_mps: FloatArray
    manoeuvre: npt.NDArray[np.object_]


def summarize_motion(poses: Poses, start_ns: IntArray, end_ns: IntArray) -> Motion:
    """Distance, mean speed and manoeuvre of each scene.

    Args:
        poses: poses of the log.
        start_ns: (S,) first instants of the scenes, rising.
        end_ns: (S,) their ends; a pose at the end counts, so that the way from scene to scene is not lost.

    >>> t = np.arange(0, 10_000_000_001, 100_000_000)
    >>> ahead = Poses(t, 10.0 * t / 1e9, np.zeros(101), np.zeros(101))
    >>> motion = summarize_motion(ahead, np.array([0]), np.array([10_000_000_000]))
    >>> motion.distance_m.round(3).tolist(), motion.speed_mps.round(3).tolist(), motion.manoeuvre.tolist()
    ([100.0], [10.0], ['straight'])
    """
    poses = _thinned(poses)
    first, last = np.searchsorted(poses.time_ns, start_ns), np.searchsorted(poses.time_ns, end_ns, side="right") - 1
    has_way = last > first
    first, last = np.where(has_way, first, 0), np.where(has_way, last, 0)
    step = np.hypot(np.diff(poses.x_m), np.diff(poses.y_m))
    gap_s = np.diff(poses.time_ns) / 1e9
    way = np.concatenate([[0.0], np.cumsum(step)])
    turned = np.concatenate([[0.0], np.cumsum(wrapped(np.diff(poses.heading_rad)))])
    distance = np.where(has_way, way[last] - way[first], np.nan)
    seconds = (poses.time_ns[last] - poses.time_ns[first]) / 1e9
    speed = np.divide(distance, seconds, out=np.full(len(distance), np.nan), where=has_way & (seconds > 0))
    fastest = _fastest(np.divide(step, gap_s, out=np.zeros_like(step), where=gap_s > 0), first, last)
    ahead, aside = _displacement(poses, first, last)
    names = _classes(ahead, aside, turned[last] - turned[first], fastest)
    names[~has_way] = None
    return Motion(distance, speed, names)


def _thinned(poses: Poses) -> Poses:
    kept = np.concatenate([[True], np.diff(poses.time_ns // STEP_NS) > 0]) if len(poses.time_ns) else slice(None)
    return Poses(poses.time_ns[kept], poses.x_m[kept], poses.y_m[kept], poses.heading_rad[kept])


def _fastest(speed: FloatArray, first: IntArray, last: IntArray) -> FloatArray:
    """Largest of speed[first:last] of each scene; scenes are few, so a loop over them is cheap."""
    return np.array([speed[a:b].max(initial=0.0) for a, b in zip(first, last, strict=True)])


def _displacement(poses: Poses, first: IntArray, last: IntArray) -> tuple[FloatArray, FloatArray]:
    """From the first pose to the last, ahead and to the left, as seen at the first."""
    dx, dy = poses.x_m[last] - poses.x_m[first], poses.y_m[last] - poses.y_m[first]
    return ahead_and_left(dx, dy, poses.heading_rad[first])


def _classes(ahead: FloatArray, aside: FloatArray, turned: FloatArray, fastest: FloatArray) -> npt.NDArray[np.object_]:
    is_straight = np.abs(turned) < TURN_RAD
    cases = [
        ((fastest < STILL_MPS) & (np.hypot(ahead, aside) < STILL_M), "stationary"),
        (is_straight & (ahead < BACK_M), "reverse"),
        (is_straight & (np.abs(aside) < ASIDE_M), "straight"),
        (is_straight & (aside > 0), "straight_left"),
        (is_straight, "straight_right"),
        (ahead < BACK_M, "u_turn"),
        (turned > 0, "left"),
    ]
    return np.select([c for c, _ in cases], [n for _, n in cases], "right").astype(object)
