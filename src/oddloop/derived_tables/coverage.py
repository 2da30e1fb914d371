"""The tables of coverage: segments, gaps in volume, measures and metrics."""

from __future__ import annotations

from oddloop.tables import BOOL, FLOAT, INT, MODEL_ID, SEGMENT_ID, STRING, STRINGS, Column, TableSpec

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
    "segment that should have some volume, largest relative shortfall first, then what must be driven for",
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
