"""Discovery: scenes to vectors, vectors to a map and clusters."""

from oddloop.discover.cards import Known, Measured, make_cards, rank_cards
from oddloop.discover.clusters import cluster_scenes
from oddloop.discover.identity import follow_clusters
from oddloop.discover.pooling import hardest_frames
from oddloop.discover.risk import integrity_level, risk_weight
from oddloop.discover.stage import DiscoverResult, discover
from oddloop.discover.vectors import SceneVectors, build_scene_vectors

__all__ = [
    "DiscoverResult",
    "Known",
    "Measured",
    "SceneVectors",
    "build_scene_vectors",
    "cluster_scenes",
    "discover",
    "follow_clusters",
    "hardest_frames",
    "integrity_level",
    "make_cards",
    "rank_cards",
    "risk_weight",
]
