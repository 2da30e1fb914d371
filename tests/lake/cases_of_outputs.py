"""Faults of predictions and features: probabilities, boxes, trajectories, vectors."""

from __future__ import annotations

import math

import pyarrow as pa

from lake.fault_case import Case
from lake.lake_samples import add, change, rename

NAN = math.nan
BOX = {"score": 0.5, "label": "car"}
SIDES = {"x_min_px": 1.0, "y_min_px": 1.0, "x_max_px": 9.0, "y_max_px": 9.0}
LOGITS = pa.array([[[2.0, -1.0], [0.5, 0.0]] if i != 2 else None for i in range(8)], pa.list_(pa.list_(pa.float32())))
MODE = [[0.0, 0.0], [1.0, 0.0], [2.0, 0.5]]

PROBS = [
    Case(
        "no-probs",
        "lake/predictions/classification/m/a.parquet, row 3",
        "`probs` has no members, or a member without values",
        (
            change("classification", 3, probs=[]),
            change("classification", 5, probs=[[], [0.5, 0.25, 0.25]]),
        ),
        n_rows=2,
    ),
    Case(
        "probs-not-finite",
        "lake/predictions/classification/m/a.parquet, row 3",
        "`probs` of member 1 holds nan, which is not a number",
        (change("classification", 3, probs=[[0.5, 0.25, 0.25], [0.5, NAN, 0.5]]),),
    ),
    Case(
        "probs-range",
        "lake/predictions/classification/m/a.parquet, row 6",
        "`probs` of member 0 holds -1.5, outside [0, 1]",
        (change("classification", 6, probs=[[-1.5, 2.0, 0.5], [0.5, 0.25, 0.25]]),),
    ),
    Case(
        "probs-sum",
        "lake/predictions/classification/m/a.parquet, row 6",
        "`probs` of member 1 sum to 0.9980, not 1 (tolerance 0.001)",
        (change("classification", 6, probs=[[0.5, 0.25, 0.25], [0.5, 0.25, 0.248]]),),
    ),
    Case(
        "probs-sum",
        "lake/predictions/trajectory/m/a.parquet, row 6",
        "`mode_probs` of member 1 sum to 0.5000, not 1 (tolerance 0.001)",
        (change("trajectory", 6, mode_probs=[[0.5, 0.5], [0.25, 0.25]]),),
    ),
    Case(
        "probs-sum",
        "lake/predictions/detection/m/a.parquet, row 6",
        "`boxes.probs` of box 1 sum to 0.7500, not 1 (tolerance 0.001)",
        (change("detection", 6, boxes=[BOX, {**BOX, "probs": [0.5, 0.25]}]),),
    ),
    Case(
        "null-value",
        "lake/predictions/classification/m/a.parquet, row 2",
        "`probs` is null",
        (change("classification", 2, probs=None),),
    ),
    # either column will do
    Case(
        "null-value",
        "lake/predictions/classification/m/a.parquet, row 2",
        "`probs` and `logits` are null",
        (
            change("classification", 2, probs=None),
            change("classification", 4, probs=None),
            add("classification", "logits", LOGITS),
        ),
    ),
    Case(
        "missing-column",
        "lake/predictions/classification/m/a.parquet",
        "none of the columns `probs`, `logits` is there (there is `prob`)",
        (rename("classification", "probs", "prob"),),
    ),
    Case(
        "logits-not-finite",
        "lake/predictions/classification/m/a.parquet, row 4",
        "`logits` of member 1 holds inf, which is no logit",
        (
            rename("classification", "probs", "my_probs"),
            add("classification", "logits", LOGITS),
            change("classification", 2, logits=[[1.0, -math.inf], [0.0, 0.0]]),
            change("classification", 4, logits=[[1.0, 2.0], [3.0, math.inf]]),
            change("classification", 5, logits=[[NAN, 2.0], [3.0, None]]),
        ),
        n_rows=2,
    ),
    Case(
        "ragged-members",
        "lake/predictions/classification/m/a.parquet, row 7",
        "the members of `probs` have different lengths: 3, 2",
        (change("classification", 7, probs=[[0.5, 0.25, 0.25], [0.5, 0.5]]),),
    ),
    Case(
        "ragged-classes",
        "lake/predictions/classification/m/a.parquet, row 0",
        "`probs` has 2 classes, while most rows of the table have 3",
        (change("classification", 0, probs=[[0.5, 0.5]]),),
    ),
    # two boxes of one row
    Case(
        "ragged-classes",
        "lake/predictions/detection/m/a.parquet, row 2",
        "`boxes.probs` has 3 classes, while most rows of the table have 2",
        (change("detection", 2, boxes=[{**BOX, "probs": [0.5, 0.25, 0.25]}] * 2),),
    ),
]

BOXES = [
    Case(
        "score-not-finite",
        "lake/predictions/detection/m/a.parquet, row 3",
        "`score` of box 1 is null or not a finite number",
        (
            change("detection", 3, boxes=[BOX, {**BOX, "score": NAN}]),
            change("detection", 5, boxes=[{"label": "car"}]),
        ),
        n_rows=2,
    ),
    Case(
        "score-range",
        "lake/predictions/detection/m/a.parquet, row 3",
        "`score` of box 0 is 3.7, outside [0, 1]",
        (change("detection", 3, boxes=[{**BOX, "score": 3.7}, {**BOX, "score": -2.0}]),),
    ),
    Case(
        "empty-label",
        "lake/predictions/detection/m/a.parquet, row 2",
        "`label` of box 0 is null or empty",
        (
            change("detection", 2, boxes=[{**BOX, "label": ""}]),
            change("detection", 4, boxes=[{"score": 0.5}]),
        ),
        n_rows=2,
    ),
    Case(
        "box-incomplete",
        "lake/predictions/detection/m/a.parquet, row 2",
        "box 0 has null for some of its sides, but not all",
        (change("detection", 2, boxes=[{**BOX, **SIDES, "y_min_px": None}]),),
    ),
    Case(
        "box-not-finite",
        "lake/predictions/detection/m/a.parquet, row 2",
        "box 1 has a side that is not a finite number",
        (change("detection", 2, boxes=[BOX, {**BOX, **SIDES, "x_max_px": math.inf}]),),
    ),
    Case(
        "box-reversed",
        "lake/predictions/detection/m/a.parquet, row 2",
        "box 0 has x_max_px 0.5 < x_min_px 1",
        (change("detection", 2, boxes=[{**BOX, **SIDES, "x_max_px": 0.5}]),),
    ),
    Case(
        "box-reversed",
        "lake/predictions/detection/m/a.parquet, row 2",
        "box 0 has y_max_px 0 < y_min_px 1",
        (change("detection", 2, boxes=[{**BOX, **SIDES, "y_max_px": 0.0}]),),
    ),
    Case(
        "box-member",
        "lake/predictions/detection/m/a.parquet, row 2",
        "`member` of box 1 is -1, below 0",
        (change("detection", 2, boxes=[BOX, {**BOX, "member": -1}]),),
    ),
    Case(
        "box-member",
        "lake/predictions/detection/m/a.parquet, row 2",
        "`member` of box 0 is 2, not below `n_members`",
        (change("detection", 2, boxes=[{**BOX, "member": 2}], n_members=2),),
    ),
]

MODES = [
    Case(
        "modes-shape",
        "lake/predictions/trajectory/m/a.parquet, row 9",
        "`modes` has [2, 1] modes by member, `mode_probs` has [2, 2]",
        (change("trajectory", 9, modes=[[MODE, MODE], [MODE]]),),
    ),
    Case(
        "modes-shape",
        "lake/predictions/trajectory/m/a.parquet, row 9",
        "`modes` has [2] modes by member, `mode_probs` has [2, 2]",
        (
            change("trajectory", 9, modes=[[MODE, MODE]]),
            change("trajectory", 10, modes=[]),
        ),
        n_rows=2,
    ),
    Case(
        "modes-steps",
        "lake/predictions/trajectory/m/a.parquet, row 9",
        "the modes of `modes` have different numbers of steps: 3, 3, 2, 3",
        (change("trajectory", 9, modes=[[MODE, MODE], [MODE[:2], MODE]]),),
    ),
    Case(
        "modes-not-finite",
        "lake/predictions/trajectory/m/a.parquet, row 9",
        "mode 1 of member 1 of `modes` has a point that is not finite",
        (
            change("trajectory", 9, modes=[[MODE, MODE], [MODE, [[0.0, 0.0], [NAN, 0.0], [0.0, 0.0]]]]),
            change("trajectory", 11, modes=[[MODE, MODE], [MODE, [[0.0, 0.0], None, [0.0, 0.0]]]]),
        ),
        n_rows=2,
    ),
]

VECTORS = [
    Case(
        "vector-empty",
        "lake/features/e/a.parquet, row 5",
        "`vector` is empty",
        (change("features", 5, vector=[]),),
    ),
    Case(
        "vector-not-finite",
        "lake/features/e/a.parquet, row 5",
        "`vector` holds -inf at place 2",
        (change("features", 5, vector=[1.0, 2.0, -math.inf]),),
    ),
    Case(
        "vector-length",
        "lake/features/e/a.parquet, row 5",
        "`vector` has 4 numbers, while most rows of the table have 3",
        (
            change("features", 5, vector=[1.0] * 4),
            change("features", 7, vector=[1.0] * 2),
        ),
        n_rows=2,
    ),
    Case(
        "vector-length",
        "lake/heads/e/a.parquet, row 1",
        "`weight` has 2 numbers, while most rows of the table have 3",
        (change("heads", 1, weight=[1.0, 2.0]),),
    ),
    Case(
        "not-finite",
        "lake/heads/e/a.parquet, row 2",
        "`bias` is nan",
        (change("heads", 2, bias=NAN),),
    ),
]

TENSORS = [
    Case(
        "tensor-kind",
        "lake/predictions/segmentation/m/a.parquet, row 2",
        "`kind` has `odds` (1 ×)",
        (change("segmentation", 2, kind="odds"),),
    ),
    Case(
        "tensor-shape",
        "lake/predictions/segmentation/m/a.parquet, row 1",
        "`tensor` has 24 bytes, but `shape` [2, 3, 4] of `dtype` float16 needs 48",
        (change("segmentation", 1, dtype="float16"),),
    ),
    Case(
        "tensor-shape",
        "lake/predictions/segmentation/m/a.parquet, row 1",
        "`tensor` has 24 bytes, but `shape` [24] of `dtype` uint8 is no tensor",
        (change("segmentation", 1, shape=[24]),),
    ),
    Case(
        "null-value",
        "lake/predictions/segmentation/m/a.parquet, row 3",
        "`tensor` and `tensor_uri` are null",
        (change("segmentation", 3, tensor=None),),
    ),
]
