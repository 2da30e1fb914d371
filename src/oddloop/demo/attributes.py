"""The attributes that the demo's scenes have, declared as `oddloop.toml` wants them; names follow ISO 34503."""

from __future__ import annotations

from typing import Any

ATTRIBUTES: dict[str, dict[str, Any]] = {
    "road_type": {"kind": "categorical", "values": ["motorway", "slip_road", "primary", "distributor", "minor_local"]},
    "junction": {"kind": "categorical", "values": ["none", "t", "crossroad", "roundabout"]},
    "signalized": {"kind": "categorical", "values": ["no", "yes"]},
    "rain": {
        "kind": "binned", "column": "rain_mm_h", "unit": "mm/h", "edges": [0.0, 2.5, 7.6],
        "values": ["no_rain", "light", "moderate", "heavy"],
    },
    "illuminance": {
        "kind": "binned", "column": "illuminance_lux", "unit": "lux", "edges": [1.0, 2000.0],
        "values": ["night", "low_ambient", "day"],
    },
    "traffic_density": {"kind": "ordered", "values": ["low", "medium", "high"]},
    "agents_present": {"kind": "multilabel", "values": ["car", "truck", "bicycle", "pedestrian"]},
}  # fmt: skip
"""Attribute name to its table in `[attributes]`; bins are closed on the right, so 0 mm/h is `no_rain`."""
