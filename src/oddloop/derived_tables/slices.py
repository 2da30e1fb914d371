"""The table of the slice search."""

from __future__ import annotations

from oddloop.tables import FLOAT, INT, MODEL_ID, SEGMENT_ID, STRING, Column, TableSpec

SLICES = TableSpec(
    "slices",
    "model, metric and segment that the model does worse in than elsewhere",
    (
        MODEL_ID,
        Column("metric", STRING, "metric name"),
        Column("rank", INT, "1 is the strongest"),
        SEGMENT_ID,
        Column("n_way", INT, "attributes of the segment"),
        Column("n_scenes", INT, "measured scenes", "scenes"),
        Column("n_logs", INT, "their logs", "logs"),
        Column("trials", INT, "things that can be wrong", "things"),
        Column("errors", INT, "things that are wrong, parts of one cut off", "things"),
        Column("error_rate", FLOAT, "errors / trials"),
        Column("ci_low", FLOAT, "lower end of its interval (Wilson, of as many trials as tell something of their own)"),
        Column("ci_high", FLOAT, "upper end of it"),
        Column("rest_rate", FLOAT, "error rate of all other scenes"),
        Column("parent_id", SEGMENT_ID.type, "the segment of one attribute less whose rest does worst"),
        Column("parent_rest_rate", FLOAT, "error rate of the parent's other scenes"),
        Column("discovery_rate", FLOAT, "error rate in one half of the logs"),
        Column("confirmation_rate", FLOAT, "error rate in the other half"),
        Column("design_effect", FLOAT, "variance of the errors over that of independent ones, 1 or more"),
        Column("p_value", FLOAT, "probability that chance alone gives so many errors"),
        Column("adjusted_p", FLOAT, "false discovery rate at which it is just listed"),
        Column("because", STRING, "why it is listed, in words"),
    ),
    key=("model_id", "metric", "segment_id"),
    derived=True,
)
