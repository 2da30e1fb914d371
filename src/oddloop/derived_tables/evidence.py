"""The tables of evidence: what rounds gained, beside the control."""

from __future__ import annotations

from oddloop.tables import FLOAT, INT, SEGMENT_ID, STRING, Column, TableSpec

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
