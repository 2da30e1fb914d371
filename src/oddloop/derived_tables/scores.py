"""The tables of scores, their audit and their drift."""

from __future__ import annotations

from oddloop.derived_tables.parts import with_interval
from oddloop.tables import FLOAT, FRAME_ID, INT, MODEL_ID, SCENE_ID, STRING, Column, TableSpec

FRAME_SCORES = TableSpec(
    "frame_scores",
    "frame",
    (
        FRAME_ID,
        SCENE_ID,
        Column(
            "n_objects",
            INT,
            "boxes or agents that the model reported, a box that several members found once; null: it did not run",
            "objects",
            nullable=True,
        ),
    ),
    key=("frame_id",),
    derived=True,
)
"""Further columns: `<task>_<measure>[_<reduction>]` (float64, null where not valid) and `<column>_valid` (bool)."""

SCENE_SCORES = TableSpec(
    "scene_scores",
    "scene that has predictions",
    (
        SCENE_ID,
        Column("n_frames_scored", INT, "frames with a prediction", "frames"),
        Column("n_objects_sum", INT, "boxes or agents reported over all frames", "objects"),
    ),
    key=("scene_id",),
    derived=True,
)
"""Further columns, per frame score: those of `[score.scenes] summaries` with a `_valid` twin each; `_n`: valid frames;
`_seen_s`: time that they hold; `_rank` or `_expected_errors` of a summary, where `[score] normalise` asks for them. See
`score/scenes.py` and `score/normalise.py`."""

SCENE_THRESHOLDS = TableSpec(
    "scene_thresholds",
    "frame score whose time above a threshold is summed",
    (
        Column("score", STRING, "frame score column"),
        Column("threshold", FLOAT, "the threshold, in the score's unit; null: no frame is valid", nullable=True),
        Column("source", STRING, "`quantile`: of the model's valid frame scores; `setting`: fixed"),
        Column("quantile", FLOAT, "which quantile; null where fixed", nullable=True),
        Column("n", INT, "valid frame scores that the quantile is of", "frames"),
        Column("times", STRING, "where frame times are from: `frames` or `even`, as in `[score.scenes] times`"),
    ),
    key=("score",),
    derived=True,
)

NORMALISERS = TableSpec(
    "normalisers",
    "knot of a score's normaliser",
    (
        Column("score", STRING, "scene score column"),
        Column("method", STRING, "`rank` or `calibrated`, as in `[score] normalise`"),
        MODEL_ID,
        Column("model_digest", STRING, "digest of the training that made the model; empty: not known"),
        Column("value", FLOAT, "the score"),
        Column("result", FLOAT, "its rank among the reference scenes, or the expected errors of a scene with it"),
        Column("n", INT, "reference scenes of that score, or measured scenes behind the expected errors", "scenes"),
        Column("n_scenes", INT, "reference or measured scenes in all", "scenes"),
        Column("digest", STRING, "digest of the normaliser"),
    ),
    key=("score", "value"),
    derived=True,
)
"""Between knots, straight lines; see `score/normalise.py`."""

AUDIT = TableSpec(
    "audit",
    "score or baseline, best first",
    (
        Column("rank", INT, "1 is best: by `gain_at_10_low`, or by `gain_at_10` where there is no interval"),
        Column("score", STRING, "score column, or `random`, `object_count` or `scene_length`"),
        Column("kind", STRING, "`score` or `baseline`"),
        Column("task", STRING, "task of the score; empty for a baseline"),
        Column("n", INT, "scenes (or frames) with this score and the metric"),
        Column("n_logs", INT, "their logs; fewer than 5 give no interval", "logs"),
        Column("n_excluded", INT, "scenes (or frames) with the metric where this score is not valid"),
        *with_interval("rank_correlation", "Spearman's rho with the error level"),
        *with_interval("beyond_count", "the same, given the rank of the object count"),
        *(
            column
            for share in (5, 10, 20)
            for column in with_interval(f"found_at_{share}", f"share of all errors found at {share} % of the cost")
        ),
        *(
            column
            for share in (5, 10, 20)
            for column in with_interval(f"gain_at_{share}", f"`found_at_{share}` less that of the object count")
        ),
    ),
    key=("score",),
    derived=True,
)
AUDIT_CURVES = TableSpec(
    "audit_curves",
    "point of a curve: of the best scores and the baselines",
    (
        Column("score", STRING, "score column, or `random`, `object_count` or `scene_length`"),
        Column("kind", STRING, "`score` or `baseline`"),
        Column("cost_share", FLOAT, "share of the total cost that is spent, by falling score"),
        *with_interval("found", "share of all errors found for it"),
        *with_interval("gain", "`found` less that of the object count"),
    ),
    key=("score", "cost_share"),
    derived=True,
)
DRIFT = TableSpec(
    "drift",
    "score and pair of models or weeks, most drifted first",
    (
        Column("score", STRING, "scene score column"),
        Column("reference", STRING, "model_id, or week such as `2024-W05`, that is compared with"),
        Column("current", STRING, "model_id, or week, that is compared"),
        Column("n_reference", INT, "scenes of the reference with this score", "scenes"),
        Column("n_current", INT, "scenes of the current with this score", "scenes"),
        Column("n_logs_reference", INT, "their logs; fewer than 5 give no interval and no swaps", "logs"),
        Column("n_logs_current", INT, "their logs; likewise", "logs"),
        Column("n_bins", INT, "bins of the PSI that hold a scene", nullable=True),
        *with_interval("psi", "population stability index, in nats"),
        Column("psi_no_drift", FLOAT, "its mean where logs are swapped between the two at random", nullable=True),
        Column("psi_p", FLOAT, "share of swaps that give as large a PSI or larger", nullable=True),
        Column(
            "psi_independent", FLOAT, "what no drift would give on average if scenes were independent", nullable=True
        ),
        *with_interval("ks", "Kolmogorov and Smirnov's distance"),
        Column("ks_no_drift", FLOAT, "its mean where logs are swapped between the two at random", nullable=True),
        Column("ks_p", FLOAT, "share of swaps that give as large a KS or larger", nullable=True),
    ),
    key=("score", "reference", "current"),
    derived=True,
)
DRIFT_KEYS = TableSpec(
    "drift_keys",
    "row of `drift`",
    (
        *(column for column in DRIFT.columns if column.name in ("score", "reference", "current")),
        Column(
            "key", STRING, "digest of all that the row depends on: later drifts take it over where that is the same"
        ),
    ),
    key=("score", "reference", "current"),
    derived=True,
)
