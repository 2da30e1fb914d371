"""The tables that oddloop itself makes, a module per stage; same form as `tables`."""

from oddloop.derived_tables.backtest import BACKTEST
from oddloop.derived_tables.clusters import (
    CLUSTER_CARDS,
    CLUSTER_EVENTS,
    CLUSTER_MEMBERS,
    CLUSTER_TABLES,
    FOUND_CLUSTERS,
    LISTED_CLUSTERS,
    NEAR_DUPLICATES,
)
from oddloop.derived_tables.coverage import COVERAGE_HISTORY, COVERAGE_MEASURES, SEGMENT_METRICS, SEGMENTS, VOLUME_GAPS
from oddloop.derived_tables.datasets import DATASET_CHANGES, DATASET_SCENES, DATASET_SEGMENTS, DATASET_TABLES
from oddloop.derived_tables.evidence import DIFFERENCES, EVIDENCE, HALF_METRICS, LIFTS
from oddloop.derived_tables.parts import REASON, with_interval
from oddloop.derived_tables.scores import (
    AUDIT,
    AUDIT_CURVES,
    DRIFT,
    DRIFT_KEYS,
    FRAME_SCORES,
    NORMALISERS,
    SCENE_SCORES,
    SCENE_THRESHOLDS,
)
from oddloop.derived_tables.selection import CANDIDATES, PICKS
from oddloop.derived_tables.slices import SLICES
from oddloop.derived_tables.star import STAR
from oddloop.derived_tables.vectors import NEIGHBOURS, SCENE_MAP, SCENE_VECTORS
from oddloop.derived_tables.verdicts import (
    CURVE_POINTS,
    CURVES,
    GAPS,
    ROUND_HISTORY,
    SEGMENT_HINTS,
    VERDICT_TABLES,
    VERDICTS,
)

DERIVED = (
    FRAME_SCORES,
    SCENE_SCORES,
    SCENE_THRESHOLDS,
    NORMALISERS,
    AUDIT,
    AUDIT_CURVES,
    DRIFT,
    DRIFT_KEYS,
    SEGMENTS,
    VOLUME_GAPS,
    COVERAGE_MEASURES,
    COVERAGE_HISTORY,
    SEGMENT_METRICS,
    SLICES,
    BACKTEST,
    *VERDICT_TABLES,
    SCENE_VECTORS,
    SCENE_MAP,
    NEIGHBOURS,
    *CLUSTER_TABLES,
    CANDIDATES,
    PICKS,
    EVIDENCE,
    DIFFERENCES,
    *DATASET_TABLES,
    HALF_METRICS,
    LIFTS,
    *STAR,
)
"""In the order of the data flow."""

__all__ = [
    "AUDIT",
    "AUDIT_CURVES",
    "BACKTEST",
    "CANDIDATES",
    "CLUSTER_CARDS",
    "CLUSTER_EVENTS",
    "CLUSTER_MEMBERS",
    "CLUSTER_TABLES",
    "COVERAGE_HISTORY",
    "COVERAGE_MEASURES",
    "CURVES",
    "CURVE_POINTS",
    "DATASET_CHANGES",
    "DATASET_SCENES",
    "DATASET_SEGMENTS",
    "DATASET_TABLES",
    "DERIVED",
    "DIFFERENCES",
    "DRIFT",
    "DRIFT_KEYS",
    "EVIDENCE",
    "FOUND_CLUSTERS",
    "FRAME_SCORES",
    "GAPS",
    "HALF_METRICS",
    "LIFTS",
    "LISTED_CLUSTERS",
    "NEAR_DUPLICATES",
    "NEIGHBOURS",
    "NORMALISERS",
    "PICKS",
    "REASON",
    "ROUND_HISTORY",
    "SCENE_MAP",
    "SCENE_SCORES",
    "SCENE_THRESHOLDS",
    "SCENE_VECTORS",
    "SEGMENTS",
    "SEGMENT_HINTS",
    "SEGMENT_METRICS",
    "SLICES",
    "STAR",
    "VERDICTS",
    "VERDICT_TABLES",
    "VOLUME_GAPS",
    "with_interval",
]
