"""KITTI tracking: label_02 text files and PointRCNN detections."""

from oddloop.exchange.sources.kitti.source import Kitti

__all__ = ["Kitti"]
