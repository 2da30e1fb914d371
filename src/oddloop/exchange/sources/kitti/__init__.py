"""KITTI tracking: label_02 text files and PointRCNN detections."""

from oddloop.exchange.sources.kitti.ingest import ingest_kitti, make_tables
from oddloop.exchange.summary import IngestSummary

__all__ = ["IngestSummary", "ingest_kitti", "make_tables"]
