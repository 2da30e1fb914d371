"""Who drives: SUMO vehicle types for careful, normal and aggressive drivers, trucks, bicycles and the planted stopper.

The style is never a column of the lake: a fleet cannot see who sits in another car, it sees only what the car does.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement

STYLES = ("careful", "normal", "aggressive")
STOPPER = "stopper"
"""Vehicle type of the planted behaviour: an ordinary car that can brake harder than others."""

_CAR = {"vClass": "passenger", "length": "4.6", "minGap": "2.2"}
_TRUCK = {"vClass": "truck", "length": "10.5", "width": "2.5", "minGap": "3.0", "maxSpeed": "23.6"}
_BICYCLE = {"vClass": "bicycle", "length": "1.8", "width": "0.6", "maxSpeed": "5.8", "speedDev": "0.2"}
_STYLES: dict[str, dict[str, str]] = {
    "careful": {
        "accel": "1.6", "decel": "3.2", "tau": "1.9", "sigma": "0.2", "speedFactor": "normc(0.88,0.05,0.7,1.0)",
    },
    "normal": {
        "accel": "2.4", "decel": "4.5", "tau": "1.3", "sigma": "0.4", "speedFactor": "normc(1.0,0.07,0.8,1.2)",
    },
    "aggressive": {
        "accel": "3.4", "decel": "5.5", "tau": "0.8", "sigma": "0.5", "speedFactor": "normc(1.18,0.08,1.0,1.4)",
        "lcAssertive": "1.8", "lcSpeedGain": "3.0", "impatience": "0.6",
    },
}  # fmt: skip
_HARD_BRAKES = {"accel": "2.4", "decel": "7.5", "emergencyDecel": "9.0", "tau": "1.3", "sigma": "0.2"}


def add_vehicle_types(parent: Element) -> None:
    """Append every `vType` to `parent`, named `<category>_<style>`, `bicycle`, `pedestrian` or `stopper`."""
    for style, traits in _STYLES.items():
        SubElement(parent, "vType", {"id": f"car_{style}", **_CAR, **traits})
        SubElement(parent, "vType", {"id": f"truck_{style}", **_TRUCK, **traits, "accel": "1.1"})
    SubElement(parent, "vType", {"id": "bicycle", **_BICYCLE})
    SubElement(parent, "vType", {"id": "pedestrian", "vClass": "pedestrian", "speedDev": "0.15"})
    SubElement(parent, "vType", {"id": STOPPER, **_CAR, **_HARD_BRAKES})


def category_of(type_id: str) -> str:
    """What a sensor calls a vehicle of this type: `car`, `truck`, `bicycle` or `pedestrian`.

    >>> category_of("truck_careful"), category_of("stopper")
    ('truck', 'car')
    """
    return "car" if type_id == STOPPER else type_id.split("_")[0]
