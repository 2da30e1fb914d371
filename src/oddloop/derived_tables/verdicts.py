"""The tables of the diagnosis: curves, gaps and verdicts."""

from __future__ import annotations

from oddloop.tables import BOOL, FLOAT, INT, LOG_ID, MODEL_ID, SEGMENT_ID, STRING, Column, TableSpec

METRIC = Column("metric", STRING, "metric name")

CURVE_POINTS = TableSpec(
    "curve_points",
    "segment, metric, size, seed and held-out log",
    (
        SEGMENT_ID,
        METRIC,
        Column("size", INT, "number of the share of the labelled scenes, 0 is the smallest"),
        Column("seed", INT, "number of the seed and of its order of scenes"),
        Column("n_scenes", INT, "labelled scenes of the segment in the training", "scenes"),
        LOG_ID,
        Column("support", INT, "sum of the supports of the log's held-out scenes", "things"),
        Column("value_sum", FLOAT, "sum of value x support: adds up over logs"),
    ),
    key=("segment_id", "metric", "size", "seed", "log_id"),
    derived=True,
)
CURVES = TableSpec(
    "curves",
    "segment and metric with a learning curve",
    (
        SEGMENT_ID,
        METRIC,
        Column("n_sizes", INT, "different sizes behind the curve"),
        Column("n_seeds", INT, "seeds behind it"),
        Column("n_logs", INT, "held-out logs that it was measured on", "logs"),
        Column("n_scenes", INT, "labelled scenes of the segment in the largest training", "scenes"),
        Column("a", FLOAT, "exponent of error = c + b n^-a, all segments growing alike"),
        Column("b", FLOAT, "what is learnable at n = 1, in the unit of the error"),
        Column("c", FLOAT, "floor, in the unit of the error"),
        Column("c_low", FLOAT, "lower end of the floor's 90 % interval"),
        Column("c_high", FLOAT, "upper end of it"),
        Column("target", FLOAT, "target in the unit of the error"),
        Column("chance", FLOAT, "weighed share of the resamples that reach the target within `reach` times the scenes"),
        Column("label_chance", FLOAT, "the same, of those in which wrong labels explain what is left", nullable=True),
        Column("fall_chance", FLOAT, "share of the resamples whose floor is at most 80 % of the error now"),
        Column("n_needed", FLOAT, "labelled scenes that reach the target; null: never", "scenes", nullable=True),
        Column("n_needed_low", FLOAT, "lower end of its 90 % interval; null: never", "scenes", nullable=True),
        Column("n_needed_high", FLOAT, "upper end of it; null: no end", "scenes", nullable=True),
    ),
    key=("segment_id", "metric"),
    derived=True,
)
ROUND_HISTORY = TableSpec(
    "round_history",
    "round, segment and metric",
    (
        Column("round", INT, "round whose model was measured"),
        SEGMENT_ID,
        METRIC,
        Column("n_scenes", INT, "labelled scenes of the segment that the model was trained on", "scenes"),
        Column("value", FLOAT, "measured value", nullable=True),
        Column("ci_low", FLOAT, "lower end of its 95 % interval", nullable=True),
        Column("ci_high", FLOAT, "upper end of it", nullable=True),
    ),
    key=("round", "segment_id", "metric"),
    derived=True,
)
SEGMENT_HINTS = TableSpec(
    "segment_hints",
    "segment and metric; what is not known is null",
    (
        SEGMENT_ID,
        METRIC,
        Column("train_value", FLOAT, "the metric on scenes that the model was trained on", nullable=True),
        Column("distance_ratio", FLOAT, "held-out to nearest training scene, over training to training", nullable=True),
        Column("epistemic_share", FLOAT, "mutual information / entropy, of the predictions", nullable=True),
        Column("disagreement", FLOAT, "error of the labels against a careful second labelling", nullable=True),
        Column("n_relabelled", INT, "things that were labelled a second time", "things", nullable=True),
    ),
    key=("segment_id", "metric"),
    derived=True,
)
GAPS = TableSpec(
    "gaps",
    "segment, model and metric that has a target",
    (
        SEGMENT_ID,
        MODEL_ID,
        METRIC,
        Column("value", FLOAT, "measured value; null: not measured", nullable=True),
        Column("target", FLOAT, "level to reach"),
        Column("gap", FLOAT, "how far the value falls short; below 0: the target is met", nullable=True),
        Column(
            "half_width",
            FLOAT,
            "half width of its interval, towards the target; null: too few logs",
            nullable=True,
        ),
        Column("support", INT, "things that the value is a mean of", "things"),
        Column("n_logs", INT, "held-out logs with a value", "logs"),
        Column("n_labelled", INT, "labelled scenes", "scenes"),
        Column("n_unlabelled", INT, "unlabelled scenes of the pool", "scenes"),
    ),
    key=("segment_id", "model_id", "metric"),
    derived=True,
)
VERDICTS = TableSpec(
    "verdicts",
    "segment, model and metric that has a target",
    (
        SEGMENT_ID,
        MODEL_ID,
        METRIC,
        Column(
            "verdict",
            STRING,
            "`ok`, `eval_limited`, `coverage_gap`, `data_limited`, `model_limited`, `label_noise_limited`, `undecided`",
        ),
        Column("tier", STRING, "`strong` (learning curves), `middle` (rounds), `weak` (hints), `none` (counts only)"),
        Column("hedged", BOOL, "whether the evidence is too thin to act on it alone"),
        Column("chance", FLOAT, "probability that 20 times the scenes reach the target", nullable=True),
        Column("n_needed", FLOAT, "more labelled scenes that reach the target", "scenes", nullable=True),
        Column("n_needed_low", FLOAT, "lower end of its 90 % interval", "scenes", nullable=True),
        Column("n_needed_high", FLOAT, "upper end of it; null: no end", "scenes", nullable=True),
        Column("n_to_label", INT, "of these, scenes that lie unlabelled in the pool", "scenes", nullable=True),
        Column("n_to_drive", INT, "of these, scenes that do not exist yet", "scenes", nullable=True),
        Column("because", STRING, "the evidence in words, with support and interval"),
        Column("would_change", STRING, "what would change the verdict"),
    ),
    key=("segment_id", "model_id", "metric"),
    derived=True,
)
VERDICT_TABLES = (CURVE_POINTS, CURVES, ROUND_HISTORY, SEGMENT_HINTS, GAPS, VERDICTS)
