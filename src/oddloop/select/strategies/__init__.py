"""Strategies of selection as plain functions on arrays.

All take a budget in the unit of the costs, and return picks in greedy order, so that any prefix is a valid selection
for a smaller budget. None holds all pairs of rows in memory.
"""

from oddloop.select.strategies.badge import badge
from oddloop.select.strategies.bait import bait
from oddloop.select.strategies.batchbald import batchbald
from oddloop.select.strategies.committee import committee
from oddloop.select.strategies.dcom import competence, dcom
from oddloop.select.strategies.drawn import draw_by_score
from oddloop.select.strategies.facility import FacilityLocation, facility_location, facility_location_on
from oddloop.select.strategies.graph import Graph, as_graph, similarity_graph
from oddloop.select.strategies.graph_cut import GraphCut, graph_cut_on
from oddloop.select.strategies.greedy import Objective, lazy_greedy
from oddloop.select.strategies.kmeans import Groups, kmeans_groups, kmeans_picks
from oddloop.select.strategies.logdet import logdet
from oddloop.select.strategies.maxherding import maxherding
from oddloop.select.strategies.plus_plus import kmeans_plus_plus
from oddloop.select.strategies.probcover import probcover, purity_radius
from oddloop.select.strategies.ranked_batch import ranked_batch
from oddloop.select.strategies.robust_kcenter import robust_kcenter
from oddloop.select.strategies.saturated import SaturatedCoverage, saturated_coverage_on
from oddloop.select.strategies.stratified import stratified
from oddloop.select.strategies.targeted import targeted
from oddloop.select.strategies.typiclust import typiclust

__all__ = [
    "FacilityLocation",
    "Graph",
    "GraphCut",
    "Groups",
    "Objective",
    "SaturatedCoverage",
    "as_graph",
    "badge",
    "bait",
    "batchbald",
    "committee",
    "competence",
    "dcom",
    "draw_by_score",
    "facility_location",
    "facility_location_on",
    "graph_cut_on",
    "kmeans_groups",
    "kmeans_picks",
    "kmeans_plus_plus",
    "lazy_greedy",
    "logdet",
    "maxherding",
    "probcover",
    "purity_radius",
    "ranked_batch",
    "robust_kcenter",
    "saturated_coverage_on",
    "similarity_graph",
    "stratified",
    "targeted",
    "typiclust",
]
