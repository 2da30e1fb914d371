"""A world's geometry as a SUMO network: plain XML in, `netconvert`, and the lanes back out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from oddloop.demo.sumo import run_program
from oddloop.demo.worlds import Edge, Node, World

_OPTIONS = (
    "--offset.disable-normalization", "--no-turnarounds", "--junctions.corner-detail", "5",
    "--junctions.internal-link-detail", "8", "--ramps.guess", "--tls.default-type", "static", "--tls.cycle.time", "50",
    "--xml-validation", "never", "--no-warnings",
)  # fmt: skip
_FOR_PEDESTRIANS = ("--sidewalks.guess", "--sidewalks.guess.max-speed", "15", "--crossings.guess")


@dataclass(frozen=True)
class Lane:
    """One lane for vehicles: its edge, road type ("" inside a junction), centre line (N,2) and width, in metres."""

    lane_id: str
    edge_id: str
    road_type: str
    for_cars: bool
    centre_m: npt.NDArray[np.float64]
    width_m: float


@dataclass(frozen=True)
class Network:
    """A built network: the file for SUMO and the lanes that a map shows."""

    world: World
    path: Path
    lanes: tuple[Lane, ...]


def build_network(world: World, folder: Path, stem: str) -> Network:
    """Write `world` below `folder` and build its network; raises OddloopError where SUMO refuses it."""
    nodes, edges = ElementTree.Element("nodes"), ElementTree.Element("edges")
    for node in world.nodes:
        ElementTree.SubElement(nodes, "node", _node_attributes(node))
    for edge in world.edges:
        ElementTree.SubElement(edges, "edge", _edge_attributes(edge))
    ElementTree.ElementTree(nodes).write(folder / f"{stem}.nod.xml")
    ElementTree.ElementTree(edges).write(folder / f"{stem}.edg.xml")
    files = ["-n", f"{stem}.nod.xml", "-e", f"{stem}.edg.xml", "-o", f"{stem}.net.xml"]
    run_program("netconvert", [*files, *_OPTIONS, *(_FOR_PEDESTRIANS if world.walks else ())], folder)
    path = folder / f"{stem}.net.xml"
    return Network(world, path, read_lanes(path))


def _node_attributes(node: Node) -> dict[str, str]:
    return {"id": node.node_id, "x": f"{node.at_m[0]:.2f}", "y": f"{node.at_m[1]:.2f}", "type": node.kind}


def _edge_attributes(edge: Edge) -> dict[str, str]:
    attributes = {
        "id": edge.edge_id, "from": edge.start, "to": edge.end, "type": edge.road_type, "numLanes": str(edge.n_lanes),
        "speed": f"{edge.speed_mps:.2f}", "priority": str(edge.priority),
    }  # fmt: skip
    if edge.shape_m:
        attributes["shape"] = " ".join(f"{x:.2f},{y:.2f}" for x, y in edge.shape_m)
    return attributes | ({"bikeLaneWidth": "1.60"} if edge.bike_lane else {})


def read_lanes(path: Path) -> tuple[Lane, ...]:
    """Lanes of a SUMO network that vehicles may use, in file order; sidewalks and crossings are left out."""
    lanes = []
    for edge in ElementTree.parse(path).getroot().iter("edge"):  # noqa: S314 (we had the file made)
        if edge.get("function") in ("crossing", "walkingarea"):
            continue
        for lane in edge.iter("lane"):
            if lane.get("allow") == "pedestrian":
                continue
            points = [point.split(",")[:2] for point in lane.attrib["shape"].split()]
            width_m = float(lane.get("width", "3.2"))
            cars = lane.get("allow") != "bicycle"
            centre_m = np.array(points, dtype=np.float64)
            lanes.append(Lane(lane.attrib["id"], edge.attrib["id"], edge.get("type", ""), cars, centre_m, width_m))
    return tuple(lanes)
