"""What models said, a table per task."""

from __future__ import annotations

import pyarrow as pa

from oddloop.tables.spec import FLOAT, FLOAT32, FRAME_ID, INT, SCENE_ID, STRING, Column, TableSpec

CLASSIFICATION = TableSpec(
    "predictions/classification",
    "frame",
    (
        FRAME_ID,
        SCENE_ID,
        Column(
            "probs",
            pa.list_(pa.list_(FLOAT32)),
            "members x classes; each member's probabilities sum to 1",
            required=False,
            nullable=True,
        ),
        Column(
            "logits",
            pa.list_(pa.list_(FLOAT32)),
            "members x classes, before the softmax; instead of `probs`, or besides them for the `ood_` scores",
            required=False,
            nullable=True,
        ),
    ),
    key=("frame_id",),
    references=(("scene_id", "scenes"),),
    one_of=("probs", "logits"),
)
BOX = pa.struct(
    [
        pa.field("score", FLOAT32, nullable=False),
        pa.field("label", STRING, nullable=False),
        pa.field("probs", pa.list_(FLOAT32)),
        pa.field("x_min_px", FLOAT32),
        pa.field("y_min_px", FLOAT32),
        pa.field("x_max_px", FLOAT32),
        pa.field("y_max_px", FLOAT32),
        pa.field("member", pa.int32()),
        pa.field("logits", pa.list_(FLOAT32)),
    ]
)
DETECTION = TableSpec(
    "predictions/detection",
    "frame",
    (
        FRAME_ID,
        SCENE_ID,
        Column(
            "n_members",
            INT,
            "members that looked at the frame, also those that found nothing; absent or null: the largest `member` of "
            "its boxes, plus 1",
            "members",
            required=False,
            nullable=True,
        ),
        Column(
            "boxes",
            pa.list_(BOX),
            "detected boxes: score in [0, 1] (a probability, not a logit), label, optional class probs that sum to 1 "
            "or class logits, optional image box, optional member (pass, or model of an ensemble; 0, 1, ...; null is "
            "0); an empty list means that the model ran and found nothing",
            nullable=True,
        ),
    ),
    key=("frame_id",),
    references=(("scene_id", "scenes"),),
)
SEGMENTATION = TableSpec(
    "predictions/segmentation",
    "frame",
    (
        FRAME_ID,
        SCENE_ID,
        Column(
            "tensor",
            pa.large_binary(),
            "members x classes x height x width, or classes x height x width, row by row (C order, little-endian)",
            required=False,
            nullable=True,
        ),
        Column("shape", pa.list_(INT), "axes of `tensor`; a file tells its own", required=False, nullable=True),
        Column(
            "dtype",
            STRING,
            "of `tensor`: `float16`, `float32`, `float64` or `uint8`; a file tells its own",
            required=False,
            nullable=True,
        ),
        Column(
            "tensor_uri",
            STRING,
            "instead of `tensor`: where it is, a .npy, .npz or .zarr; a path from the workspace, or a URL",
            required=False,
            nullable=True,
        ),
        Column("kind", STRING, "`probs` or `logits`; absent or null: `probs`", required=False, nullable=True),
        Column(
            "scale",
            FLOAT,
            "a uint8 stands for scale x (value - zero_point); absent or null: 1/255",
            required=False,
            nullable=True,
        ),
        Column("zero_point", FLOAT, "see `scale`; absent or null: 0", required=False, nullable=True),
    ),
    key=("frame_id",),
    references=(("scene_id", "scenes"),),
    one_of=("tensor", "tensor_uri"),
    batch_rows=1,
)
TRAJECTORY = TableSpec(
    "predictions/trajectory",
    "frame and agent; the rows of a frame stand together",
    (
        FRAME_ID,
        SCENE_ID,
        Column("agent_id", STRING, "the agent whose future is predicted"),
        Column("mode_probs", pa.list_(pa.list_(FLOAT32)), "members x modes; each member's probabilities sum to 1"),
        Column(
            "modes",
            pa.list_(pa.list_(pa.list_(pa.list_(FLOAT32, 2)))),
            "members x modes x steps x (x, y), in one frame of reference per row",
            "m",
        ),
    ),
    key=("frame_id", "agent_id"),
    references=(("scene_id", "scenes"),),
)
RISK = TableSpec(
    "predictions/risk",
    "frame, or frame and agent; the rows of a frame stand together",
    (
        FRAME_ID,
        SCENE_ID,
        Column("agent_id", STRING, "the agent that the risk is of; absent or null: of the frame", "", False, True),
        Column("collision_prob", FLOAT, "probability of a collision, in [0, 1]", required=False, nullable=True),
        Column("criticality", FLOAT, "larger = more critical, finite, in any unit", required=False, nullable=True),
    ),
    key=("frame_id", "agent_id"),
    references=(("scene_id", "scenes"),),
    one_of=("collision_prob", "criticality"),
)
PLANNING = TableSpec(
    "predictions/planning",
    "frame",
    (
        FRAME_ID,
        SCENE_ID,
        Column(
            "candidates",
            pa.list_(pa.list_(pa.list_(FLOAT32, 2))),
            "candidate paths of the ego vehicle x steps x (x, y), in one frame of reference per row",
            "m",
        ),
        Column(
            "weights",
            pa.list_(FLOAT32),
            "share of each candidate, which sum to 1; absent or null: all alike",
            required=False,
            nullable=True,
        ),
    ),
    key=("frame_id",),
    references=(("scene_id", "scenes"),),
)
TASKS = {
    "classification": CLASSIFICATION,
    "detection": DETECTION,
    "segmentation": SEGMENTATION,
    "trajectory": TRAJECTORY,
    "risk": RISK,
    "planning": PLANNING,
}
"""Prediction tables by task."""
