"""The tables of scene vectors, the map, and neighbours."""

from __future__ import annotations

import pyarrow as pa

from oddloop.tables import FLOAT, FLOAT32, INT, SCENE_ID, STRING, Column, TableSpec

SCENE_VECTORS = TableSpec(
    "scene_vectors",
    "scene",
    (SCENE_ID, Column("vector", pa.list_(FLOAT32), "standardised, projected scene vector")),
    key=("scene_id",),
    derived=True,
)
SCENE_MAP = TableSpec(
    "scene_map",
    "scene",
    (
        SCENE_ID,
        Column("x", FLOAT, "first map coordinate"),
        Column("y", FLOAT, "second map coordinate"),
        Column("cluster_id", STRING, "cluster of the scene; null is no cluster", nullable=True),
    ),
    key=("scene_id",),
    derived=True,
)
NEIGHBOURS = TableSpec(
    "neighbours",
    "different scene vector among which neighbours were searched",
    (
        Column("mark", INT, "hash of the vector's values; rows are in the order of its bits without sign"),
        Column(
            "near", pa.list_(pa.int32()), "the nearest rows, by place in this table, itself among them, nearest first"
        ),
    ),
    key=("mark",),
    derived=True,
)
