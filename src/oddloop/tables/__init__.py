"""Every table that the team brings, declared once: columns, Arrow types, units and meaning.

Validation (`oddloop check`), the reference page and empty tables are all made from these declarations. Extra columns of
the user are always kept. Keys are strings; times are `timestamp_ns` (int64, Unix epoch).
"""

from oddloop.column_types import is_compatible, is_list
from oddloop.tables.inputs import (
    BY_ENCODER,
    FEATURES,
    FRAMES,
    FUTURES,
    HEADS,
    LABELS,
    METRICS,
    OBJECTS,
    SCENES,
    SPLITS,
    STACKS,
    TRACKS,
    is_held_out,
    refuse_unknown_splits,
)
from oddloop.tables.predictions import BOX, CLASSIFICATION, DETECTION, PLANNING, RISK, SEGMENTATION, TASKS, TRAJECTORY
from oddloop.tables.spec import (
    BOOL,
    FLOAT,
    FLOAT32,
    FRAME_ID,
    INT,
    LOG_ID,
    MODEL_ID,
    SCENE_ID,
    SEGMENT_ID,
    STRING,
    STRINGS,
    UNKNOWN,
    Column,
    TableSpec,
)

INPUTS = (SCENES, FRAMES, OBJECTS, TRACKS, *TASKS.values(), FUTURES, FEATURES, HEADS, METRICS, LABELS)
"""Tables that the user brings, in the order in which they are checked and documented."""

__all__ = [
    "BOOL",
    "BOX",
    "BY_ENCODER",
    "CLASSIFICATION",
    "DETECTION",
    "FEATURES",
    "FLOAT",
    "FLOAT32",
    "FRAMES",
    "FRAME_ID",
    "FUTURES",
    "HEADS",
    "INPUTS",
    "INT",
    "LABELS",
    "LOG_ID",
    "METRICS",
    "MODEL_ID",
    "OBJECTS",
    "PLANNING",
    "RISK",
    "SCENES",
    "SCENE_ID",
    "SEGMENTATION",
    "SEGMENT_ID",
    "SPLITS",
    "STACKS",
    "STRING",
    "STRINGS",
    "TASKS",
    "TRACKS",
    "TRAJECTORY",
    "UNKNOWN",
    "Column",
    "TableSpec",
    "is_compatible",
    "is_held_out",
    "is_list",
    "refuse_unknown_splits",
]
