"""Named scales: where standards cut a measured quantity, so that the raw value stays and the cut has a name.

Standards differ (heavy rain begins at 7.6 mm/h for ISO 34503, and rain is not graded below 10 mm/h by GB/T 45312), so a
column is never stored as a bucket only. A bin (a, b] ends with its upper edge; where a standard gives the edge to the
bin above, as "2,000 lux or more", the edge stored is the largest float below it.

References:
    ISO 34503:2023, Test scenarios for automated driving systems: Specification for operational design domain, as
    published in its OpenODD form. GB/T 45312-2025, operational design condition of intelligent vehicles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """Bins of one quantity by one standard.

    Attributes:
        unit: unit of the raw value.
        edges: n - 1 inner edges, rising; a bin holds its upper edge.
        values: n names of the bins, from low to high.
        quantity: what is measured.
    """

    unit: str
    edges: tuple[float, ...]
    values: tuple[str, ...]
    quantity: str


def below(edge: float) -> float:
    """The largest float below an edge: the end of a bin that does not hold the edge itself.

    >>> below(1.0) < 1.0
    True
    """
    return math.nextafter(edge, -math.inf)


def _below(*edges: float) -> tuple[float, ...]:
    return tuple(below(edge) for edge in edges)


_BEAUFORT_MPS = (0.2, 1.5, 3.3, 5.4, 7.9, 10.7, 13.8, 17.1, 20.7, 24.4, 28.4, 32.6)
_BEAUFORT = (
    *("calm", "light_air", "light_breeze", "gentle_breeze", "moderate_breeze", "fresh_breeze", "strong_breeze"),
    *("near_gale", "gale", "strong_gale", "storm", "violent_storm", "hurricane"),
)
_SPEEDS = (0.0, *_below(5, 15, 25, 35, 45, 55, 65, 75, 85, 95, 105, 115, 125))

SCALES: dict[str, Scale] = {
    "iso34503:rain": Scale(
        "mm/h",
        (0.0, 2.5, 7.6, 50.0, 100.0),
        ("no_rain", "light", "moderate", "heavy", "violent", "cloudburst"),
        "rainfall",
    ),
    "iso34503:snow": Scale("m", (*_below(500.0), 1000.0), ("heavy", "moderate", "light"), "visibility in snowfall"),
    "iso34503:illuminance": Scale("lux", (1.0, below(2000.0)), ("night", "low_ambient", "day"), "illuminance"),
    "iso34503:cloudiness": Scale(
        "okta", (1.0, 2.0, 4.0, 7.0), ("clear", "few", "scattered", "broken", "overcast"), "cloud cover"
    ),
    "iso34503:wind": Scale("m/s", _BEAUFORT_MPS, _BEAUFORT, "wind speed, in bands of the Beaufort scale"),
    "iso34503:roundabout": Scale(
        "m", (below(28.0), 36.0, 100.0), ("mini", "compact", "normal", "large"), "diameter of a roundabout"
    ),
    "gbt45312:rain": Scale(
        "mm/h",
        _below(10.0, 15.0, 30.0, 50.0),
        ("below_level_1", "level_1", "level_2", "level_3", "level_4"),
        "rainfall",
    ),
    "gbt45312:visibility": Scale(
        "m",
        (50.0, 100.0, 200.0, 500.0),
        ("level_4", "level_3", "level_2", "level_1", "unimpaired"),
        "visibility in fog, haze, dust or smoke",
    ),
    "gbt45312:illuminance": Scale(
        "lux", _below(5.0, 50.0, 1000.0), ("night_unlit", "night_lit", "weak", "strong"), "illuminance"
    ),
    "gbt45312:snow_depth": Scale(
        "cm", _below(1.0, 3.0, 5.0), ("level_1", "level_2", "level_3", "level_4"), "depth of lying snow"
    ),
    "oddloop:ego_speed": Scale(
        "km/h",
        _SPEEDS,
        ("standing", "0-5", *(f"{low}-{low + 10}" for low in range(5, 125, 10)), "above_125"),
        "speed of the ego vehicle; bins centred on speed limits, as the default domain of openodd has them",
    ),
    "oddloop:speed_limit": Scale(
        "km/h",
        (30.0, 40.0, 50.0, 60.0, 80.0, 100.0, 130.0),
        ("up_to_30", "40", "50", "60", "80", "100", "130", "above_130"),
        "speed limit",
    ),
}
"""Scales by `<standard>:<quantity>`."""
