"""The tables that oddloop itself makes, in the order of the data flow; same form as `tables.py`."""

from __future__ import annotations

import pyarrow as pa

from oddloop.backtest_tables import BACKTEST
from oddloop.slice_tables import SLICES
from oddloop.tables import (
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
    Column,
    TableSpec,
)
from oddloop.verdict_tables import VERDICT_TABLES


def with_interval(name: str, meaning: str) -> tuple[Column, Column, Column]:
    """A statistic and the ends of its interval; null where it is not defined, or has no interval.

    >>> [column.name for column in with_interval("rho", "a correlation")]
    ['rho', 'rho_low', 'rho_high']
    """
    return (
        Column(name, FLOAT, meaning, nullable=True),
        Column(f"{name}_low", FLOAT, "lower end of its 95 % interval", nullable=True),
        Column(f"{name}_high", FLOAT, "upper end of its 95 % interval", nullable=True),
    )


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
SEGMENTS = TableSpec(
    "segments",
    "segment and status",
    (
        SEGMENT_ID,
        Column("n_way", INT, "attributes in the conjunction; 0 is all scenes", "attributes"),
        Column("attributes", STRINGS, "attribute names"),
        Column("values", STRINGS, "their values"),
        Column("status", STRING, "`labelled`, `unlabelled` or `eval`"),
        Column("n_scenes", INT, "scenes", "scenes"),
        Column("n_logs", INT, "distinct logs", "logs"),
        Column("n_frames", INT, "frames; scenes without a count add 0", "frames"),
        Column("duration_s", FLOAT, "time", "s"),
        Column("distance_m", FLOAT, "distance; scenes without a distance add 0", "m"),
        Column("odd", STRING, "`inside`, `outside` or `unknown`; null: no taxonomy was at hand", nullable=True),
    ),
    key=("segment_id", "status"),
    derived=True,
)
VOLUME_GAPS = TableSpec(
    "volume_gaps",
    "segment that should have some volume, largest relative shortfall first",
    (
        SEGMENT_ID,
        Column("n_way", INT, "attributes in the conjunction", "attributes"),
        Column("attributes", STRINGS, "attribute names"),
        Column("values", STRINGS, "their values"),
        Column("odd", STRING, "`inside`, `outside` or `unknown`"),
        Column("exposure", STRING, "what is counted: `n_scenes`, `n_logs`, `duration_s` or `distance_m`"),
        Column("labelled", FLOAT, "labelled volume", "the exposure's"),
        Column("target", FLOAT, "what it should be", "the exposure's"),
        Column("shortfall", FLOAT, "target - labelled, 0 at least", "the exposure's"),
        Column("unlabelled", FLOAT, "volume that lies unlabelled in the pool", "the exposure's"),
        Column("to_label", FLOAT, "part of the shortfall that the pool can close", "the exposure's"),
        Column("to_drive", FLOAT, "part of it that does not exist yet", "the exposure's"),
        Column("n_logs", INT, "distinct logs behind the labelled volume", "logs"),
        Column("rate_at_most", FLOAT, "never seen: 95 % upper bound of the share of logs with it", nullable=True),
    ),
    key=("segment_id",),
    derived=True,
)
COVERAGE_MEASURES = TableSpec(
    "coverage_measures",
    "measure, scope and set of attributes",
    (
        Column("measure", STRING, "`t_way_simple`, `t_way_total`, `unseen_mass`, `n_kinds_seen`, ..."),
        Column("scope", STRING, "`labelled` or `all` scenes"),
        Column("n_way", INT, "attributes in a combination", "attributes"),
        Column("attributes", STRINGS, "the attributes, where it is of some only"),
        Column("value", FLOAT, "the measure; null where it is not defined", nullable=True),
        Column("valid", BOOL, "whether it is defined"),
        Column("support", INT, "sets, combinations, logs or scenes that it rests on"),
    ),
    derived=True,
)
COVERAGE_HISTORY = TableSpec(
    "coverage_history",
    "time, segment and status; of all scenes and single values",
    (
        Column("at_ns", INT, "when this result was first there", "ns since the Unix epoch"),
        Column("digest", STRING, "digest of the coverage result"),
        *(c for c in SEGMENTS.columns if c.name not in ("n_way", "attributes", "values", "odd")),
    ),
    key=("at_ns", "segment_id", "status"),
    derived=True,
)
SEGMENT_METRICS = TableSpec(
    "segment_metrics",
    "segment, model and metric",
    (
        SEGMENT_ID,
        MODEL_ID,
        Column("stack", STRING, "`perception`, `prediction` or `planning`"),
        Column("metric", STRING, "metric name"),
        Column("n_scenes", INT, "scenes with a value", "scenes"),
        Column("n_logs", INT, "distinct logs with a value", "logs"),
        Column("support", INT, "sum of the supports", "things"),
        Column("value_sum", FLOAT, "sum of value x support: adds up over shards"),
        Column("value", FLOAT, "value_sum / support", nullable=True),
        Column("ci_low", FLOAT, "lower end of the interval", nullable=True),
        Column("ci_high", FLOAT, "upper end of the interval", nullable=True),
        Column("interval", STRING, "how the interval was made: `bootstrap_by_log`, `wilson`, `exact` or `none`"),
        Column("valid", BOOL, "whether there is enough support for the interval"),
        Column(
            "shrunk_value",
            FLOAT,
            "value drawn towards the parent's by as much as it is noise",
            nullable=True,
        ),
        Column("shrunk_towards", STRING, "the parent: a segment of one attribute less, that holds it", nullable=True),
    ),
    key=("segment_id", "model_id", "metric"),
    derived=True,
)
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
CLUSTERS = TableSpec(
    "clusters",
    "cluster",
    (
        Column("cluster_id", STRING, "names the cluster for good"),
        Column("name", STRING, "the scenario's name; empty: nobody has named it"),
        Column("rank", INT, "its place among the cards; 1 is first"),
        Column("why", STRING, "why it stands there"),
        Column("n_scenes", INT, "scenes", "scenes"),
        Column("n_logs", INT, "distinct logs", "logs"),
        Column("duration_s", FLOAT, "time", "s"),
        Column("n_labelled", INT, "labelled scenes", "scenes"),
        Column("medoids", STRINGS, "up to 3 most typical scenes, most typical first"),
    ),
    key=("cluster_id",),
    derived=True,
)
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
REASON = pa.struct([("code", STRING), ("value", FLOAT), ("text", STRING)])
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
EVIDENCE = TableSpec(
    "evidence",
    "arm, round, metric and segment",
    (
        Column("arm", STRING, "policy that picked, or `random` for the control"),
        Column("round", INT, "rounds of labels that the arm's model was trained on; 0: none of oddloop's"),
        Column("cost", FLOAT, "cost of all labels the arm's model was trained on", "cost unit"),
        Column("metric", STRING, "metric name"),
        SEGMENT_ID,
        Column("value", FLOAT, "measured value on the held-out scenes", nullable=True),
        Column("ci_low", FLOAT, "lower end of the interval", nullable=True),
        Column("ci_high", FLOAT, "upper end of the interval", nullable=True),
        Column("n_logs", INT, "distinct logs with a value", "logs"),
    ),
    key=("arm", "round", "metric", "segment_id"),
    derived=True,
)

DIFFERENCES = TableSpec(
    "differences",
    "segment",
    (
        Column("metric", STRING, "metric name"),
        SEGMENT_ID,
        Column("round", INT, "last round that both arms have measured"),
        Column("policy_value", FLOAT, "the policy's model, on the scenes that both arms measured"),
        Column("control_value", FLOAT, "the control's model, on the same scenes"),
        Column("difference", FLOAT, "policy_value - control_value"),
        Column("ci_low", FLOAT, "lower end of its 95 % interval", nullable=True),
        Column("ci_high", FLOAT, "upper end of its 95 % interval", nullable=True),
        Column("n_scenes", INT, "scenes that both arms measured", "scenes"),
        Column("n_logs", INT, "their logs; fewer than 5 give no interval", "logs"),
    ),
    key=("metric", "segment_id"),
    derived=True,
)

DERIVED = (
    FRAME_SCORES,
    SCENE_SCORES,
    SCENE_THRESHOLDS,
    NORMALISERS,
    AUDIT,
    AUDIT_CURVES,
    DRIFT,
    SEGMENTS,
    VOLUME_GAPS,
    COVERAGE_MEASURES,
    COVERAGE_HISTORY,
    SEGMENT_METRICS,
    SLICES,
    BACKTEST,
    *VERDICT_TABLES,
    SCENE_VECTORS,
    SCENE_MAP,
    CLUSTERS,
    CANDIDATES,
    PICKS,
    EVIDENCE,
    DIFFERENCES,
)
