"""The tables of a dataset version: its scenes, their changes, and how much of each segment it holds."""

from __future__ import annotations

from oddloop.tables import FLOAT, INT, LOG_ID, SCENE_ID, STRING, Column, TableSpec

DATASET_SCENES = TableSpec(
    "dataset_scenes",
    "scene of a dataset version",
    (
        SCENE_ID,
        LOG_ID,
        Column("round_id", STRING, "the round that asked for its labels; null: labelled before oddloop", nullable=True),
        Column("cost", FLOAT, "what labelling took", "cost unit", nullable=True),
        Column("n_objects", INT, "its rows in `objects`", "objects"),
        Column("content", STRING, "hash of its labels and objects, 16 hex digits; another one: labels were corrected"),
    ),
    key=("scene_id",),
    derived=True,
)
DATASET_CHANGES = TableSpec(
    "dataset_changes",
    "scene that one dataset version has otherwise than another",
    (SCENE_ID, Column("change", STRING, "`added`, `removed`, or `corrected`: other labels or objects")),
    key=("scene_id",),
    derived=True,
)
DATASET_SEGMENTS = TableSpec(
    "dataset_segments",
    "segment of at most one attribute that a dataset version has scenes of",
    (
        Column("segment_id", STRING, "`all`, or `attribute=value`"),
        Column("n_scenes", INT, "scenes", "scenes"),
        Column("duration_s", FLOAT, "time", "s"),
        Column("n_logs", INT, "distinct logs", "logs"),
    ),
    key=("segment_id",),
    derived=True,
)
DATASET_TABLES = (DATASET_SCENES, DATASET_CHANGES, DATASET_SEGMENTS)
