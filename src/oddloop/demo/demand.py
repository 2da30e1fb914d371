"""Traffic of one log as SUMO trips: Poisson departures, mixed drivers, pedestrians, and the planted sudden stops.

The planted behaviour: a car that brakes hard to a halt in its lane, for no reason that anyone else can see, waits some
seconds and drives on. No attribute names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement

import numpy as np

from oddloop.demo.drivers import STOPPER, STYLES, add_vehicle_types
from oddloop.demo.networks import Network
from oddloop.demo.plan import LogPlan
from oddloop.demo.settings import FleetSettings

_PER_MINUTE = {"motorway": 46.0, "urban": 34.0, "roundabout": 26.0, "rural": 19.0}
_DENSITY_FACTOR = {"low": 0.6, "medium": 1.0, "high": 1.6}
_BICYCLE_SHARE = {"motorway": 0.0, "urban": 0.14, "roundabout": 0.06, "rural": 0.012}
_TRUCK_SHARE = {"motorway": 0.18, "urban": 0.05, "roundabout": 0.08, "rural": 0.12}
_PEDESTRIANS_PER_MINUTE = 14.0
STOP_LOG_SHARE = 0.7
"""Share of the logs with stop routes that have planted stops."""
STOPS_PER_LOG = 5


@dataclass(frozen=True)
class Stop:
    """A planted stop: which vehicle, on which lane, how far along it in metres and for how long in seconds."""

    vehicle_id: str
    lane_id: str
    at_m: float
    duration_s: float


def write_demand(plan: LogPlan, network: Network, settings: FleetSettings, path: Path,
                 rng: np.random.Generator) -> tuple[Stop, ...]:  # fmt: skip
    """Write the traffic of one log to `path` and return its planted stops (possibly none)."""
    root = Element("routes")
    add_vehicle_types(root)
    depart_s = _departures_s(plan, settings, rng)
    types = _draw_types(plan, len(depart_s), rng)
    trips = _draw_trips(network, len(depart_s), rng)
    for i, (at_s, kind, (origin, goal)) in enumerate(zip(depart_s, types, trips, strict=True)):
        _add_trip(root, f"v{i}", kind, at_s, origin, goal)
    stops = _add_stops(root, len(depart_s), network, settings, rng)
    if network.world.walks:
        _add_pedestrians(root, plan, network, settings, rng)
    root[:] = sorted(root, key=lambda item: float(item.get("depart", "-1")))
    ElementTree(root).write(path)
    return stops


def _departures_s(plan: LogPlan, settings: FleetSettings, rng: np.random.Generator) -> list[float]:
    end_s = settings.warm_up_s + settings.log_duration_s
    expected = _PER_MINUTE[plan.world] * _DENSITY_FACTOR[plan.density] * end_s / 60.0
    return sorted(round(float(s), 1) for s in rng.uniform(0.0, end_s, rng.poisson(expected)))


def _draw_types(plan: LogPlan, n: int, rng: np.random.Generator) -> list[str]:
    styles = rng.choice(STYLES, size=n, p=np.array(plan.style_shares) / sum(plan.style_shares))
    bicycle, truck = _BICYCLE_SHARE[plan.world], _TRUCK_SHARE[plan.world]
    kinds = rng.choice(["bicycle", "truck", "car"], size=n, p=[bicycle, truck, 1.0 - bicycle - truck])
    return [str(kind) if kind == "bicycle" else f"{kind}_{style}" for kind, style in zip(kinds, styles, strict=True)]


def _draw_trips(network: Network, n: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Draw origin and destination of `n` trips; one that would only turn back is drawn again (no road allows it)."""
    world = network.world
    origins, goals = rng.choice(world.origins, n), rng.choice(world.destinations, n)
    trips = [(str(origin), str(goal)) for origin, goal in zip(origins, goals, strict=True)]
    while back := [i for i, (origin, goal) in enumerate(trips) if goal in (origin, _other_way(origin))]:
        for i, goal in zip(back, rng.choice(world.destinations, len(back)), strict=True):
            trips[i] = (trips[i][0], str(goal))
    return trips


def _other_way(edge_id: str) -> str:
    return "_".join(reversed(edge_id.split("_")))


def _add_trip(root: Element, vehicle_id: str, kind: str, at_s: float, origin: str, goal: str) -> Element:
    return SubElement(root, "trip", {
        "id": vehicle_id, "type": kind, "depart": f"{at_s:.1f}", "from": origin, "to": goal,
        "departLane": "best", "departSpeed": "max", "departPos": "base",
    })  # fmt: skip


def _add_stops(root: Element, first_id: int, network: Network, settings: FleetSettings,
               rng: np.random.Generator) -> tuple[Stop, ...]:  # fmt: skip
    """Add vehicles that will stop for no reason; most logs have some where the world has room for it."""
    routes = network.world.stop_routes
    if not routes or rng.random() >= STOP_LOG_SHARE:
        return ()
    stops = []
    for i in range(STOPS_PER_LOG):
        origin, goal, edge_id = routes[int(rng.integers(len(routes)))]
        at_s = settings.warm_up_s - 20.0 + float(rng.uniform(0.0, settings.log_duration_s - 20.0))
        stop = _draw_stop(f"v{first_id + i}", edge_id, network, rng)
        trip = _add_trip(root, stop.vehicle_id, STOPPER, at_s, origin, goal)
        where = {"lane": stop.lane_id, "endPos": f"{stop.at_m:.1f}"}
        SubElement(trip, "stop", where | {"duration": f"{stop.duration_s:.0f}"})
        stops.append(stop)
    return tuple(stops)


def _draw_stop(vehicle_id: str, edge_id: str, network: Network, rng: np.random.Generator) -> Stop:
    lanes = [lane for lane in network.lanes if lane.edge_id == edge_id and lane.for_cars]
    lane = lanes[int(rng.integers(len(lanes)))]
    length_m = float(np.hypot(*np.diff(lane.centre_m, axis=0).T).sum())
    return Stop(vehicle_id, lane.lane_id, round(length_m * float(rng.uniform(0.4, 0.7)), 1), float(rng.integers(4, 8)))


def _add_pedestrians(root: Element, plan: LogPlan, network: Network, settings: FleetSettings,
                     rng: np.random.Generator) -> None:  # fmt: skip
    end_s = settings.warm_up_s + settings.log_duration_s
    n = rng.poisson(_PEDESTRIANS_PER_MINUTE * _DENSITY_FACTOR[plan.density] * end_s / 60.0)
    depart_s = np.sort(rng.uniform(0.0, end_s, n))
    ends = rng.choice(network.world.walks, size=(n, 2))
    for i, (at_s, (origin, goal)) in enumerate(zip(depart_s, ends, strict=True)):
        person = SubElement(root, "person", {"id": f"p{i}", "type": "pedestrian", "depart": f"{at_s:.1f}"})
        SubElement(person, "personTrip", {"from": str(origin), "to": str(goal)})
