"""Faults of single numbers and names, attributes, times and splits."""

from __future__ import annotations

import math

import pyarrow as pa

from lake.fault_case import Case
from lake.lake_samples import change, rename, replace

NAN = math.nan


NUMBERS = [
    Case("not-finite", "lake/metrics/a.parquet, row 0", "`value` is nan", (change("metrics", 0, value=NAN),)),
    Case(
        "not-finite",
        "lake/scenes/a.parquet, row 1",
        "`distance_m` is inf",
        (change("scenes", 1, distance_m=math.inf),),
    ),
    Case("negative-value", "lake/scenes/a.parquet, row 3", "`n_frames` is -2", (change("scenes", 3, n_frames=-2),)),
    Case("negative-value", "lake/labels/a.parquet, row 3", "`cost` is -0.5", (change("labels", 3, cost=-0.5),)),
    Case("negative-value", "lake/metrics/a.parquet, row 2", "`support` is -1", (change("metrics", 2, support=-1),)),
    Case(
        "bad-duration",
        "lake/scenes/a.parquet, row 0",
        "`duration_s` is 0",
        (change("scenes", 0, duration_s=0.0), change("scenes", 2, duration_s=NAN)),
        n_rows=2,
    ),
    Case(
        "unknown-split",
        "lake/scenes/a.parquet, row 0",
        "`split` has `train` (1 ×)",
        (change("scenes", 0, split="train"),),
    ),
    # the most frequent first
    Case(
        "unknown-stack",
        "lake/metrics/a.parquet, row 0",
        "`stack` has `Planning` (2 ×), `percepton` (1 ×)",
        (
            change("metrics", 0, stack="percepton"),
            change("metrics", 1, stack="Planning"),
            change("metrics", 3, stack="Planning"),
        ),
        n_rows=3,
    ),
    Case(
        "undeclared-metric",
        "lake/metrics/a.parquet, row 2",
        "`metric` has `ade_m` (1 ×)",
        (change("metrics", 2, metric="ade_m"),),
    ),
]

ATTRIBUTES = [
    Case(
        "missing-attribute",
        "lake/scenes/a.parquet",
        "column `speed_mps` of attribute `speed` is missing (there is `speed`)",
        (rename("scenes", "speed_mps", "speed"),),
    ),
    Case(
        "attribute-type",
        "lake/scenes/a.parquet",
        "column `speed_mps` of attribute `speed` is string, but kind `binned` needs numbers",
        (replace("scenes", "speed_mps", pa.array(["5"] * 4)),),
    ),
    Case(
        "attribute-value",
        "lake/scenes/a.parquet, row 1",
        "attribute `weather` has `fog` (2 ×)",
        (change("scenes", 1, weather="fog"), change("scenes", 3, weather="fog")),
        n_rows=2,
    ),
    Case(
        "attribute-value",
        "lake/scenes/a.parquet, row 0",
        "attribute `agents` has `a` (1 ×), `b` (1 ×), `c` (1 ×), `d` (1 ×), `e` (1 ×) and 2 more",
        (change("scenes", 0, agents=list("abc")), change("scenes", 2, agents=list("defg"))),
        n_rows=7,
    ),
]

TIMES = [
    Case(
        "time-order",
        "lake/frames/a.parquet, row 3",
        "timestamp_ns 10000000000 is not later than 10000000000, that of the frame before it in scene `s1`",
        (change("frames", 3, timestamp_ns=10_000_000_000),),
    ),
    Case(
        "time-outside-scene",
        "lake/frames/a.parquet, row 7",
        "timestamp_ns 41000000000 lies 1 s outside its scene `s3`, which starts at 30000000000 and lasts 10 s",
        (change("frames", 7, timestamp_ns=41_000_000_000),),
    ),
    Case(
        "scenes-overlap",
        "lake/scenes/a.parquet, row 1",
        "scene `s1` begins 5 s before the end of scene `s0` of the same log `l0`",
        (change("scenes", 0, duration_s=15.0),),
    ),
    Case(
        "split-leak",
        "lake/scenes/a.parquet, row 3",
        "scene `s3` is held out for evaluation, but scene `s2` of the same log `l1` is in the pool",
        (change("scenes", 2, split="pool"),),
    ),
]
