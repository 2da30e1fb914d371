"""Strategies of selection as plain functions on arrays.

All take a budget in the unit of the costs, and return picks in greedy order, so that any prefix is a valid selection
for a smaller budget. None holds all pairs of rows in memory.
"""

from oddloop.select.strategies.facility import FacilityLocation, facility_location, facility_location_on
from oddloop.select.strategies.graph import Graph, as_graph, similarity_graph
from oddloop.select.strategies.graph_cut import GraphCut, graph_cut_on
from oddloop.select.strategies.greedy import Objective, lazy_greedy
from oddloop.select.strategies.saturated import SaturatedCoverage, saturated_coverage_on

__all__ = [
    "FacilityLocation",
    "Graph",
    "GraphCut",
    "Objective",
    "SaturatedCoverage",
    "as_graph",
    "facility_location",
    "facility_location_on",
    "graph_cut_on",
    "lazy_greedy",
    "saturated_coverage_on",
    "similarity_graph",
]
