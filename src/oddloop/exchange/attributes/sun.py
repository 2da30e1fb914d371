"""Where the sun stands, and so whether it is day, from UTC and position.

The solar position is that of the NOAA solar calculator (Meeus, Astronomical Algorithms, 2nd ed., ch. 25), true to about
0.01 degrees in 1950-2050, without refraction. Time grows with the rows.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.errors import TableError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
SUNRISE_DEG = -0.833
"""The upper rim at the horizon, with mean refraction."""
TWILIGHT_DEG = -6.0
"""Civil twilight ends."""
TIMES_OF_DAY = ("day", "low_ambient", "night")
RULE = (
    f"sun elevation at the scene's start and place (NOAA): day from {SUNRISE_DEG} degrees, low_ambient (civil "
    f"twilight) from {TWILIGHT_DEG:g}, else night"
)
ELEVATION_RULE = "NOAA solar position at the scene's start and place, without refraction"


def sun_elevation_deg(time_ns: IntArray, latitude_deg: FloatArray, longitude_deg: FloatArray) -> FloatArray:
    """Angle of the sun's centre above the horizon, in degrees.

    Args:
        time_ns: (N,) instants, UTC, nanoseconds since the Unix epoch.
        latitude_deg: (N,) north is positive; NaN where unknown.
        longitude_deg: (N,) east is positive; NaN where unknown.

    Returns:
        (N,) float64 in [-90, 90]; NaN where the place is unknown.

    Raises:
        TableError: a latitude is beyond 90 degrees, or a longitude beyond 360.

    >>> noon_of_equinox = np.array([1_710_936_000_000_000_000])  # 2024-03-20 12:00 UTC
    >>> float(sun_elevation_deg(noon_of_equinox, np.array([0.0]), np.array([0.0]))[0].round(1))
    88.2
    """
    latitude, longitude = np.asarray(latitude_deg, np.float64), np.asarray(longitude_deg, np.float64)
    if (np.abs(latitude) > 90.0).any() or (np.abs(longitude) > 360.0).any():
        raise TableError(
            "a latitude is beyond 90 degrees or a longitude beyond 360; are they exchanged, or in radians?"
        )
    days = np.asarray(time_ns, np.int64) / 86_400e9 - 10_957.5  # since 2000-01-01 12:00
    declination, equation_min = _sun(days / 36_525.0)
    minutes = (np.asarray(time_ns, np.int64) % 86_400_000_000_000) / 60e9
    hour_angle = np.radians((minutes + equation_min + 4.0 * longitude) / 4.0 - 180.0)
    phi = np.radians(latitude)
    sine = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    elevation: FloatArray = np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))
    return elevation


def time_of_day(elevation_deg: FloatArray) -> npt.NDArray[np.object_]:
    """`day`, `low_ambient` (civil twilight) or `night` by sun elevation, (N,); None where that is NaN.

    >>> time_of_day(np.array([10.0, -3.0, -20.0, np.nan])).tolist()
    ['day', 'low_ambient', 'night', None]
    """
    code = np.where(elevation_deg >= SUNRISE_DEG, 0, np.where(elevation_deg >= TWILIGHT_DEG, 1, 2))
    names: npt.NDArray[np.object_] = np.array([*TIMES_OF_DAY, None], object)
    return names[np.where(np.isnan(elevation_deg), 3, code)]


def sun_columns(start_ns: IntArray, latitude_deg: FloatArray, longitude_deg: FloatArray) -> dict[str, pa.Array]:
    """Columns of `scenes` on the sun.

    Args:
        start_ns: (S,) where each scene begins, UTC.
        latitude_deg, longitude_deg: (S,), or (1,) for all; NaN where unknown.

    Returns:
        `sun_elevation_deg` and `time_of_day`, null where the place is unknown.

    Raises:
        TableError: see `sun_elevation_deg`.

    >>> columns = sun_columns(np.zeros(2, np.int64), np.array([0.0, np.nan]), np.array([180.0, 0.0]))
    >>> columns["time_of_day"].to_pylist()
    ['day', None]
    """
    elevation = sun_elevation_deg(start_ns, latitude_deg, longitude_deg)
    return {
        "sun_elevation_deg": pa.array(elevation, from_pandas=True),
        "time_of_day": pa.array(time_of_day(elevation), pa.string()),
    }


def _sun(t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Declination in rad and equation of time in minutes, for Julian centuries since 2000."""
    mean_longitude = np.radians((280.46646 + t * (36_000.76983 + t * 0.0003032)) % 360.0)
    anomaly = np.radians(357.52911 + t * (35_999.05029 - 0.0001537 * t))
    eccentricity = 0.016708634 - t * (0.000042037 + 0.0000001267 * t)
    centre = np.radians(
        np.sin(anomaly) * (1.914602 - t * (0.004817 + 0.000014 * t))
        + np.sin(2 * anomaly) * (0.019993 - 0.000101 * t)
        + np.sin(3 * anomaly) * 0.000289
    )
    node = np.radians(125.04 - 1934.136 * t)
    apparent = mean_longitude + centre + np.radians(-0.00569 - 0.00478 * np.sin(node))
    obliquity = np.radians(
        23.0 + (26.0 + (21.448 - t * (46.815 + t * (0.00059 - t * 0.001813))) / 60.0) / 60.0 + 0.00256 * np.cos(node)
    )
    y = np.tan(obliquity / 2.0) ** 2
    equation = (
        y * np.sin(2 * mean_longitude)
        - 2 * eccentricity * np.sin(anomaly)
        + 4 * eccentricity * y * np.sin(anomaly) * np.cos(2 * mean_longitude)
        - 0.5 * y * y * np.sin(4 * mean_longitude)
        - 1.25 * eccentricity**2 * np.sin(2 * anomaly)
    )
    return np.arcsin(np.sin(obliquity) * np.sin(apparent)), 4.0 * np.degrees(equation)
