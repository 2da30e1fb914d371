"""Other people's formats: driving logs and model outputs in, labelling tools both ways, replays and events out."""

from oddloop.exchange.frame_errors import MatchingRule, frame_errors
from oddloop.exchange.generic import ingest_tables
from oddloop.exchange.ignored import read_ignore_regions
from oddloop.exchange.matching import match_boxes
from oddloop.exchange.scene_metrics import scene_metrics
from oddloop.exchange.summary import IngestSummary

__all__ = [
    "IngestSummary",
    "MatchingRule",
    "frame_errors",
    "ingest_tables",
    "match_boxes",
    "read_ignore_regions",
    "scene_metrics",
]
