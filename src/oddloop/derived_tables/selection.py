"""The tables of selection: candidates and picks."""

from __future__ import annotations

import pyarrow as pa

from oddloop.derived_tables.parts import REASON
from oddloop.tables import BOOL, FLOAT, INT, LOG_ID, SCENE_ID, Column, TableSpec

CANDIDATES = TableSpec(
    "candidates",
    "unlabelled scene that may be picked",
    (
        SCENE_ID,
        LOG_ID,
        Column("n_frames", INT, "frames to label", "frames"),
        Column("n_objects", INT, "objects that the model reported, the predicted labelling work", "objects"),
        Column("cost", FLOAT, "predicted labelling cost", "cost unit"),
        Column("score", FLOAT, "the policy's score; larger = more worth labelling", nullable=True),
        Column("score_valid", BOOL, "whether the scene has that score"),
    ),
    key=("scene_id",),
    derived=True,
)

PICKS = TableSpec(
    "picks",
    "chosen scene, in greedy order",
    (
        Column("rank", INT, "1 is picked first; any prefix is a valid smaller budget"),
        SCENE_ID,
        LOG_ID,
        Column("gain", FLOAT, "what the policy gained by it when it was picked", nullable=True),
        Column("cost", FLOAT, "predicted labelling cost", "cost unit"),
        Column("cumulative_cost", FLOAT, "cost of this and all earlier picks", "cost unit"),
        Column("reasons", pa.list_(REASON), "why: code, number, sentence"),
    ),
    key=("scene_id",),
    derived=True,
)
