"""Discovery: scenes to vectors, vectors to a map and clusters."""

from oddloop.discover.basis import Basis, fit_basis
from oddloop.discover.blocks import Material, gather_material
from oddloop.discover.cards import Known, Measured, make_cards, rank_cards
from oddloop.discover.clusters import cluster_scenes
from oddloop.discover.identity import follow_clusters
from oddloop.discover.maps import FrozenMap, fit_map, place_on_map
from oddloop.discover.placing import apply_basis
from oddloop.discover.pooling import hardest_frames
from oddloop.discover.risk import integrity_level, risk_weight
from oddloop.discover.stage import DiscoverResult, discover, discover_in
from oddloop.discover.vectors import SceneVectors, build_scene_vectors, place_scenes

__all__ = [
    "Basis",
    "DiscoverResult",
    "FrozenMap",
    "Known",
    "Material",
    "Measured",
    "SceneVectors",
    "apply_basis",
    "build_scene_vectors",
    "cluster_scenes",
    "discover",
    "discover_in",
    "fit_basis",
    "fit_map",
    "follow_clusters",
    "gather_material",
    "hardest_frames",
    "integrity_level",
    "make_cards",
    "place_on_map",
    "place_scenes",
    "rank_cards",
    "risk_weight",
]
