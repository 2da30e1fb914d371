"""Faults of stated risks, candidate paths and tracks."""

from __future__ import annotations

import math

from lake.fault_case import Case
from lake.lake_samples import PATH, change, drop, keep_rows

MOTION = [
    Case(
        "score-range",
        "lake/predictions/risk/m/a.parquet, row 3",
        "`collision_prob` is 1.5, outside [0, 1]",
        (change("risk", 3, collision_prob=1.5),),
    ),
    Case(
        "not-finite",
        "lake/predictions/risk/m/a.parquet, row 3",
        "`criticality` is inf",
        (change("risk", 3, criticality=math.inf),),
    ),
    Case(
        "missing-column",
        "lake/predictions/risk/m/a.parquet",
        "none of the columns `collision_prob`, `criticality` is there (there are: frame_id, scene_id, agent_id)",
        (drop("risk", "collision_prob", "criticality"),),
    ),
    # of one frame there is one row where no agent is named
    Case(
        "duplicate-key",
        "lake/predictions/risk/m/a.parquet, row 1",
        "frame_id `f0` is there already (lake/predictions/risk/m/a.parquet, row 0)",
        (change("risk", 0, agent_id=None), change("risk", 1, agent_id=None)),
    ),
    Case(
        "rows-apart",
        "lake/predictions/risk/m/a.parquet, row 0",
        "the 2 rows of frame_id `f0` do not stand together: they lie from lake/predictions/risk/m/a.parquet, row 0 "
        "to lake/predictions/risk/m/a.parquet, row 15",
        (keep_rows("risk", 0, *range(2, 16), 1),),
    ),
    Case(
        "modes-not-finite",
        "lake/predictions/planning/m/a.parquet, row 4",
        "candidate 1 of `candidates` has a point that is not finite",
        (change("planning", 4, candidates=[PATH, [[0.0, 0.0], [1.0, math.nan], [2.0, 0.0]]]),),
    ),
    Case(
        "modes-steps",
        "lake/predictions/planning/m/a.parquet, row 4",
        "the candidates of `candidates` have different numbers of steps: 3, 2",
        (change("planning", 4, candidates=[PATH, PATH[:2]]),),
    ),
    Case(
        "no-probs",
        "lake/predictions/planning/m/a.parquet, row 5",
        "`candidates` has no candidate",
        (change("planning", 5, candidates=[]),),
    ),
    Case(
        "modes-shape",
        "lake/predictions/planning/m/a.parquet, row 4",
        "`weights` has 1 numbers for 2 candidates",
        (change("planning", 4, weights=[1.0]),),
    ),
    Case(
        "probs-sum",
        "lake/predictions/planning/m/a.parquet, row 4",
        "`weights` of plan 0 sum to 0.7500, not 1 (tolerance 0.001)",
        (change("planning", 4, weights=[0.5, 0.25]),),
    ),
]
"""Each spoils one file of predictions."""
TRACKED = [
    Case(
        "not-finite",
        "lake/tracks/a.parquet, row 3",
        "`speed_mps` is nan",
        (change("tracks", 3, speed_mps=math.nan),),
    ),
    Case(
        "negative-value",
        "lake/tracks/a.parquet, row 3",
        "`width_m` is -2",
        (change("tracks", 3, width_m=-2.0),),
    ),
    # s0 has rows 0 to 3
    Case(
        "rows-apart",
        "lake/tracks/a.parquet, row 0",
        "the 4 rows of scene_id `s0` do not stand together: they lie from lake/tracks/a.parquet, row 0 "
        "to lake/tracks/a.parquet, row 15",
        (keep_rows("tracks", 0, 1, *range(4, 16), 2, 3),),
    ),
    Case(
        "scene-differs",
        "lake/futures/a.parquet, row 2",
        "frame_id `f1` is in `frames` with another scene_id than `s3`",
        (change("futures", 2, scene_id="s3"),),
    ),
]
