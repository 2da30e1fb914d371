"""The sensor model: what a camera-like sensor on the ego vehicle makes of the truth, in this rain and this light.

Two numbers describe the scene: wetness w = rain / (rain + 10 mm/h) in [0, 1), and darkness d, which falls linearly in
log10(illuminance) from 1 at 1 lux to 0 at 2,000 lux. From them

    range_m       = 65 (1 - 0.35 w) (1 - 0.30 d)          beyond it nothing is seen
    dropout       = 1 - 0.98 (1 - 0.20 w) (1 - 0.15 d)    chance that a road user in range is missed in a frame
    depth_error   = 0.01 (1 + 3 w) (1 + 2 d) + 0.4 (w d)^2
                                                          relative error of distance, one draw per road user and scene
    noise_m       = 0.05 (1 + 4 w) (1 + 2 d)              standard deviation of x and of y at 25 m, drawn per frame
    heading_noise = 0.03 (1 + 3 w) (1 + 2 d)              standard deviation in radians, drawn per frame
    lamp_reading  = 0.97 (1 - 0.7 w)                      chance that a lit indicator or brake light is noticed

Position noise grows with distance r as 0.5 + r / 50 m. The factors multiply, as attenuation does, and (w d)^2 stands
for headlights scattered by water on the lens: rain alone and night alone leave a usable sensor, heavy rain at night
does not. Distances are then wrong by a fifth and more, and because the error stays the same for as long as a road user
is in view, no model behind the sensor can average it away. Identities are never confused, and nothing hides behind
anything else. A teaching model, not a calibrated one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Quality:
    """What the sensor can do; arrays of the shape of the weather they were computed from.

    Attributes:
        range_m: distance beyond which nothing is seen, in metres.
        dropout: chance in [0, 1) that a road user in range is missed in a frame.
        depth_error: standard deviation of the relative error of distance that a road user keeps for a scene.
        noise_m: standard deviation of each coordinate at 25 m, in metres.
        heading_noise_rad: standard deviation of the heading, in radians.
        lamp_reading: chance in (0, 1) that a lit lamp is noticed in a frame.
    """

    range_m: Floats
    dropout: Floats
    depth_error: Floats
    noise_m: Floats
    heading_noise_rad: Floats
    lamp_reading: Floats


@dataclass(frozen=True)
class Observed:
    """What the sensor reported of N road users; rows that were not seen hold draws too, so use `seen`.

    Attributes:
        seen: (N,) bool.
        xy_m: (N,2) positions, in metres.
        heading_rad: (N,) headings in [-pi, pi], in radians.
        lamps: (N,L) bool, lamps noticed as lit; a lamp that is off is never reported as lit.
    """

    seen: npt.NDArray[np.bool_]
    xy_m: Floats
    heading_rad: Floats
    lamps: npt.NDArray[np.bool_]


def sensor_quality(rain_mm_h: npt.ArrayLike, illuminance_lux: npt.ArrayLike) -> Quality:
    """Compute what the sensor can do in this rain (mm/h, >= 0) and light (lux, > 0); arrays broadcast, even empty ones.

    >>> clear, worst = sensor_quality(0.0, 20_000.0), sensor_quality(30.0, 0.5)
    >>> round(float(clear.depth_error), 2), round(float(worst.depth_error), 2)
    (0.01, 0.32)
    """
    rain, lux = np.asarray(rain_mm_h, dtype=np.float64), np.asarray(illuminance_lux, dtype=np.float64)
    wet = rain / (rain + 10.0)
    dark = np.clip(1.0 - np.log10(np.maximum(lux, 1e-9)) / np.log10(2_000.0), 0.0, 1.0)
    return Quality(
        range_m=65.0 * (1.0 - 0.35 * wet) * (1.0 - 0.30 * dark),
        dropout=1.0 - 0.98 * (1.0 - 0.20 * wet) * (1.0 - 0.15 * dark),
        depth_error=0.01 * (1.0 + 3.0 * wet) * (1.0 + 2.0 * dark) + 0.4 * (wet * dark) ** 2,
        noise_m=0.05 * (1.0 + 4.0 * wet) * (1.0 + 2.0 * dark),
        heading_noise_rad=0.03 * (1.0 + 3.0 * wet) * (1.0 + 2.0 * dark),
        lamp_reading=np.asarray(0.97 * (1.0 - 0.7 * wet)),
    )


def observe(truth: Observed, sensor_xy_m: Floats, track: npt.NDArray[np.int64], quality: Quality,
            rng: np.random.Generator) -> Observed:  # fmt: skip
    """Draw what the sensor reports of N road users.

    Args:
        truth: what a perfect sensor would report; its `seen` is not used.
        sensor_xy_m: (N,2) where the sensor was at that instant, in metres.
        track: (N,) number from 0 of the road user and scene; rows of one track share their error of distance.
        quality: what the sensor can do, scalar or (N,).
        rng: source of the noise; the draws depend on the shapes only, never on what is seen.

    N = 0 gives empty arrays.

    >>> far = Observed(np.ones(1, dtype=bool), np.array([[500.0, 0.0]]), np.zeros(1), np.zeros((1, 3), dtype=bool))
    >>> one, rng = np.zeros(1, dtype=np.int64), np.random.default_rng(0)
    >>> observe(far, np.zeros((1, 2)), one, sensor_quality(0.0, 9e4), rng).seen.tolist()
    [False]
    """
    n = len(track)
    offset = truth.xy_m - sensor_xy_m
    distance_m = np.hypot(offset[:, 0], offset[:, 1])
    chance, noise, turn = rng.random(n), rng.standard_normal((n, 2)), rng.standard_normal(n)
    noticed = rng.random(truth.lamps.shape) < np.broadcast_to(quality.lamp_reading, (n,))[:, None]
    stretch = 1.0 + quality.depth_error * np.clip(rng.standard_normal(int(track.max(initial=-1)) + 1), -2.5, 2.5)[track]
    spread_m = quality.noise_m * (0.5 + distance_m / 50.0)
    heading = truth.heading_rad + turn * quality.heading_noise_rad
    return Observed(
        seen=(distance_m <= quality.range_m) & (chance >= quality.dropout),
        xy_m=sensor_xy_m + offset * stretch[:, None] + noise * spread_m[:, None],
        heading_rad=np.arctan2(np.sin(heading), np.cos(heading)),
        lamps=truth.lamps & noticed,
    )
