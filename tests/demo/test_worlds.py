"""The road worlds: SUMO accepts each, and every trip that traffic or a planted stop may take can be driven."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from oddloop.demo.networks import build_network
from oddloop.demo.roadmap import draw_map, is_road
from oddloop.demo.worlds import N_VARIANTS, WORLDS, build_world

ALL = [(name, variant) for name in WORLDS for variant in range(N_VARIANTS)]


@pytest.mark.parametrize(("name", "variant"), ALL)
def test_a_world_names_only_its_own_edges_and_nodes(name: str, variant: int) -> None:
    world = build_world(name, variant)
    nodes, edges = {node.node_id for node in world.nodes}, {edge.edge_id for edge in world.edges}
    assert {end for edge in world.edges for end in (edge.start, edge.end)} <= nodes
    assert set(world.origins) | set(world.destinations) | set(world.walks) <= edges
    assert {edge_id for route in world.stop_routes for edge_id in route} <= edges


@pytest.mark.parametrize("name", WORLDS)
def test_a_network_is_built_and_drawn(name: str, tmp_path: Path) -> None:
    world = build_world(name, 1)
    network = build_network(world, tmp_path, name)
    assert {edge.edge_id for edge in world.edges} <= {lane.edge_id for lane in network.lanes}
    road_map = draw_map(network.lanes)
    middles = np.array([lane.centre_m[len(lane.centre_m) // 2] for lane in network.lanes if lane.for_cars])
    assert is_road(road_map, middles).all()
    assert not is_road(road_map, middles + 10_000.0).any()


def test_variants_differ() -> None:
    for name in WORLDS:
        assert len({build_world(name, variant) for variant in range(N_VARIANTS)}) == N_VARIANTS


def test_kinds_of_junctions() -> None:
    kinds = {name: {junction.kind for junction in build_world(name, 0).junctions} for name in WORLDS}
    assert kinds == {
        "motorway": set(),
        "urban": {"t", "crossroad"},
        "roundabout": {"roundabout"},
        "rural": {"t", "crossroad"},
    }
    signalized = {name for name in WORLDS if any(j.signalized for j in build_world(name, 0).junctions)}
    assert signalized == {"urban"}
