"""Discovery: scenes to vectors, vectors to a map and clusters."""

from oddloop.discover.clusters import cluster_scenes
from oddloop.discover.stage import DiscoverResult, discover
from oddloop.discover.vectors import SceneVectors, build_scene_vectors

__all__ = ["DiscoverResult", "SceneVectors", "build_scene_vectors", "cluster_scenes", "discover"]
