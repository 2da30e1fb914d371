"""What the pages of clusters say."""

from oddloop.web.queries.clusters.cluster import Cluster, read_cluster
from oddloop.web.queries.clusters.drawings import draw_from_above
from oddloop.web.queries.clusters.lines import Clusters, ClustersAsked, read_clusters
from oddloop.web.queries.clusters.places import LOOPS, MapAsked, SceneMap, Sight, read_map, read_sight

__all__ = [
    "LOOPS",
    "Cluster",
    "Clusters",
    "ClustersAsked",
    "MapAsked",
    "SceneMap",
    "Sight",
    "draw_from_above",
    "read_cluster",
    "read_clusters",
    "read_map",
    "read_sight",
]
