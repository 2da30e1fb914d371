"""nuScenes: the tables of a version, detection results and prediction results."""

from oddloop.exchange.sources.nuscenes.source import NuScenes

__all__ = ["NuScenes"]
