"""The four road worlds of the demo as plain geometry: motorway, urban grid, roundabout, rural road.

A world is nodes, edges and the junctions that a scene can be at; `networks.py` turns it into a SUMO network. Positions
are metres in a local map frame (x east, y north). Each world has `N_VARIANTS` variants of other sizes, so that a model
cannot learn one place by heart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, pi, sin

Point = tuple[float, float]
WORLDS = ("motorway", "urban", "roundabout", "rural")
N_VARIANTS = 3


@dataclass(frozen=True)
class Node:
    """Where edges meet; `kind` is SUMO's node type (`priority` or `traffic_light`)."""

    node_id: str
    at_m: Point
    kind: str = "priority"


@dataclass(frozen=True)
class Edge:
    """A one-way road; `road_type` in the words of ISO 34503, `shape_m` its inner points."""

    edge_id: str
    start: str
    end: str
    road_type: str
    n_lanes: int
    speed_mps: float
    priority: int
    shape_m: tuple[Point, ...] = ()
    bike_lane: bool = False


@dataclass(frozen=True)
class Junction:
    """What a scene within `reach_m` of the centre is at: `kind` in the words of ISO 34503."""

    centre_m: Point
    reach_m: float
    kind: str
    signalized: bool = False


@dataclass(frozen=True)
class World:
    """A road network and what traffic may do on it.

    Attributes:
        name: one of `WORLDS`.
        origins: edges on which trips start.
        destinations: edges on which trips end.
        stop_routes: (origin, destination, edge to stop on) for the planted behaviour; empty where there is none.
        walks: edges between which people walk; empty where there are no pedestrians.
    """

    name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    junctions: tuple[Junction, ...]
    origins: tuple[str, ...]
    destinations: tuple[str, ...]
    stop_routes: tuple[tuple[str, str, str], ...] = ()
    walks: tuple[str, ...] = ()


def build_world(name: str, variant: int) -> World:
    """Build one world; raises KeyError for a name that is not in `WORLDS`.

    >>> build_world("roundabout", 0).junctions[0].kind
    'roundabout'
    """
    return _BUILDERS[name](variant % N_VARIANTS)


def _motorway(variant: int) -> World:
    n_lanes, bend_m = (2, 3, 2)[variant], (0.0, 60.0, -90.0)[variant]
    xs = (0.0, 700.0, 1500.0, 2400.0)
    nodes = [Node(f"m{i}", (x, bend_m * sin(pi * x / 2400.0))) for i, x in enumerate(xs)]
    nodes += [Node("on", (350.0, -120.0 + nodes[1].at_m[1])), Node("off", (1850.0, -130.0 + nodes[2].at_m[1]))]
    edges = [
        Edge(f"main{i}", f"m{i}", f"m{i + 1}", "motorway", n_lanes, 33.3, 10, _arc(xs[i], xs[i + 1], bend_m))
        for i in range(3)
    ]
    edges += [
        Edge("ramp_on", "on", "m1", "slip_road", 1, 22.2, 5),
        Edge("ramp_off", "m2", "off", "slip_road", 1, 22.2, 5),
    ]
    return World("motorway", tuple(nodes), tuple(edges), (), ("main0", "main0", "main0", "ramp_on"),
                 ("main2", "main2", "main2", "ramp_off"), (("main0", "main2", "main1"),))  # fmt: skip


def _arc(start_m: float, end_m: float, bend_m: float) -> tuple[Point, ...]:
    inner = (start_m + (end_m - start_m) * i / 12 for i in range(1, 12))
    return tuple((x, bend_m * sin(pi * x / 2400.0)) for x in inner)


def _urban(variant: int) -> World:
    block_m, avenues = (110.0, 130.0, 95.0)[variant], ((1,), (2,), (1, 2))[variant]
    size = 4
    cells = [(i, j) for i in range(size) for j in range(size)]
    nodes = [_grid_node(i, j, block_m, avenues) for i, j in cells]
    edges = [edge for pair in _grid_pairs(size) for edge in _street(*pair, avenues)]
    stubs = [(f"{side}{k}", near, far) for k in avenues for side, near, far in _stub_cells(k, size)]
    nodes += [Node(name, (far[0] * block_m, far[1] * block_m)) for name, _, far in stubs]
    edges += [edge for name, near, _ in stubs for edge in _both_ways(name, _cell(*near), "distributor", 2, 13.9)]
    degree = {node.node_id: sum(edge.start == node.node_id for edge in edges) for node in nodes}
    kinds = {3: "t", 4: "crossroad"}
    junctions = [
        Junction(node.at_m, 30.0, kinds[degree[node.node_id]], node.kind == "traffic_light")
        for node in nodes
        if degree[node.node_id] in kinds
    ]
    outside = {name for name, _, _ in stubs}
    origins = tuple(edge.edge_id for edge in edges if edge.end not in outside)
    goals = tuple(edge.edge_id for edge in edges if edge.start not in outside)
    walks = tuple(edge.edge_id for edge in edges if edge.road_type == "distributor")
    stops = tuple(route for k in avenues for route in _avenue_routes(k, size))
    return World("urban", tuple(nodes), tuple(edges), tuple(junctions), origins, goals, stops, walks)


def _avenue_routes(k: int, size: int) -> Iterator[tuple[str, str, str]]:
    """Straight through along both avenues numbered k, both ways, with a stop on the middle block."""
    across = [f"w{k}", *(_cell(i, k) for i in range(size)), f"e{k}"]
    along = [f"s{k}", *(_cell(k, i) for i in range(size)), f"n{k}"]
    for way in (across, across[::-1], along, along[::-1]):
        yield f"{way[0]}_{way[1]}", f"{way[-2]}_{way[-1]}", f"{way[2]}_{way[3]}"


def _cell(i: int, j: int) -> str:
    return f"c{i}{j}"


def _grid_node(i: int, j: int, block_m: float, avenues: tuple[int, ...]) -> Node:
    signalized = i in avenues or j in avenues
    return Node(_cell(i, j), (i * block_m, j * block_m), "traffic_light" if signalized else "priority")


def _grid_pairs(size: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    for i in range(size):
        for j in range(size - 1):
            yield (i, j), (i, j + 1)
            yield (j, i), (j + 1, i)


def _street(a: tuple[int, int], b: tuple[int, int], avenues: tuple[int, ...]) -> tuple[Edge, Edge]:
    lies_on = a[0] if a[0] == b[0] else a[1]
    if lies_on in avenues:
        return _both_ways(_cell(*a), _cell(*b), "distributor", 2, 13.9)
    return _both_ways(_cell(*a), _cell(*b), "minor_local", 1, 8.3)


def _stub_cells(k: int, size: int) -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    yield "w", (0, k), (-1, k)
    yield "e", (size - 1, k), (size, k)
    yield "s", (k, 0), (k, -1)
    yield "n", (k, size - 1), (k, size)


def _both_ways(a: str, b: str, road_type: str, n_lanes: int, speed_mps: float,
               shape_m: tuple[Point, ...] = ()) -> tuple[Edge, Edge]:  # fmt: skip
    priority = {"primary": 8, "distributor": 6}.get(road_type, 3)
    bikes = road_type == "distributor" and n_lanes == 1
    return (
        Edge(f"{a}_{b}", a, b, road_type, n_lanes, speed_mps, priority, shape_m, bikes),
        Edge(f"{b}_{a}", b, a, road_type, n_lanes, speed_mps, priority, shape_m[::-1], bikes),
    )


def _roundabout(variant: int) -> World:
    radius_m, n_arms = (13.0, 18.0, 26.0)[variant], (3, 4, 5)[variant]
    arm_m = 190.0
    angles = [2 * pi * k / n_arms + 0.3 * variant for k in range(n_arms)]
    nodes = [Node(f"ring{k}", _polar(radius_m, a)) for k, a in enumerate(angles)]
    nodes += [Node(f"arm{k}", _polar(radius_m + arm_m, a + 0.12)) for k, a in enumerate(angles)]
    edges = [_ring_edge(k, n_arms, radius_m, angles[k]) for k in range(n_arms)]
    for k in range(n_arms):
        edges += _both_ways(f"arm{k}", f"ring{k}", "distributor", 1, 13.9)
    junction = Junction((0.0, 0.0), radius_m + 20.0, "roundabout")
    arms = range(n_arms)
    return World("roundabout", tuple(nodes), tuple(edges), (junction,), tuple(f"arm{k}_ring{k}" for k in arms),
                 tuple(f"ring{k}_arm{k}" for k in arms))  # fmt: skip


def _polar(radius_m: float, angle_rad: float) -> Point:
    return radius_m * cos(angle_rad), radius_m * sin(angle_rad)


def _ring_edge(k: int, n_arms: int, radius_m: float, angle_rad: float) -> Edge:
    step = 2 * pi / n_arms
    shape = tuple(_polar(radius_m, angle_rad + step * i / 10) for i in range(1, 10))
    return Edge(f"ring{k}", f"ring{k}", f"ring{(k + 1) % n_arms}", "distributor", 1, 8.3, 9, shape)


def _rural(variant: int) -> World:
    amplitude_m, crossing_at = (40.0, 70.0, 110.0)[variant], (1, 2, 3)[variant]
    main = [(x, amplitude_m * sin(x / 300.0)) for x in (0.0, 450.0, 900.0, 1350.0, 1800.0)]
    nodes = [Node(f"p{i}", at) for i, at in enumerate(main)]
    edges: list[Edge] = []
    for i in range(4):
        shape = tuple((x, amplitude_m * sin(x / 300.0)) for x in (450.0 * i + 45.0 * s for s in range(1, 10)))
        edges += _both_ways(f"p{i}", f"p{i + 1}", "primary", 1, 22.2, shape)
    junctions = []
    for i in (1, 2, 3):
        sides = (1, -1) if i == crossing_at else ((1,) if i % 2 else (-1,))
        for side in sides:
            name = f"side{i}{'n' if side > 0 else 's'}"
            nodes.append(Node(name, (main[i][0] + 40.0, main[i][1] + side * 260.0)))
            edges += _both_ways(name, f"p{i}", "minor_local", 1, 13.9)
        junctions.append(Junction(main[i], 40.0, "crossroad" if len(sides) == 2 else "t"))
    ends = {"p0", "p4"} | {node.node_id for node in nodes if node.node_id.startswith("side")}
    origins = tuple(e.edge_id for e in edges for _ in range(6 if e.start in ("p0", "p4") else 1) if e.start in ends)
    goals = tuple(e.edge_id for e in edges for _ in range(6 if e.end in ("p0", "p4") else 1) if e.end in ends)
    stops = tuple(
        (origin, goal, stop)
        for origin, goal, places in (("p0_p1", "p3_p4", ("p1_p2", "p2_p3")), ("p4_p3", "p1_p0", ("p3_p2", "p2_p1")))
        for stop in places
    )
    return World("rural", tuple(nodes), tuple(edges), tuple(junctions), origins, goals, stops)


_BUILDERS = {"motorway": _motorway, "urban": _urban, "roundabout": _roundabout, "rural": _rural}
