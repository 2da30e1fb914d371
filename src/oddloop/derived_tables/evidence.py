"""The tables of evidence: what rounds gained, beside the control."""

from __future__ import annotations

from oddloop.tables import FLOAT, INT, SCENE_ID, SEGMENT_ID, STRING, Column, TableSpec

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

HALF_METRICS = TableSpec(
    "half_metrics",
    "split, half, held-out scene and metric",
    (
        Column("split", INT, "number of the split of the picks into halves"),
        Column("half", INT, "half that the model was trained on, 0 or 1, beside what was labelled before"),
        SCENE_ID,
        Column("metric", STRING, "metric name"),
        Column("value", FLOAT, "measured value", nullable=True),
        Column("support", INT, "how many things it is a mean of", "things"),
    ),
    key=("split", "half", "scene_id", "metric"),
    derived=True,
)

LIFTS = TableSpec(
    "lifts",
    "comparison, metric and segment",
    (
        Column(
            "comparison",
            STRING,
            "`previous`: the model before; `control`: a control arm; `within`: the control share of the rounds",
        ),
        Column("metric", STRING, "metric name"),
        SEGMENT_ID,
        Column("value", FLOAT, "of the round's model; in `control` and `within` the mean of models on halves of picks"),
        Column("other_value", FLOAT, "of what it is compared with"),
        Column("lift", FLOAT, "how much better value is than other_value; above 0: better"),
        Column("ci_low", FLOAT, "lower end of its 95 % interval", nullable=True),
        Column("ci_high", FLOAT, "upper end of it", nullable=True),
        Column("luck", FLOAT, "variance of the lift by which scenes were picked and how trainings went", nullable=True),
        Column("held_out", FLOAT, "variance of it by which logs were held out, beyond that", nullable=True),
        Column("freedom", FLOAT, "degrees of freedom of both together", nullable=True),
        Column("p_value", FLOAT, "of no lift, two-sided", nullable=True),
        Column("q_value", FLOAT, "p_value adjusted for the number of segments", nullable=True),
        Column("n_scenes", INT, "scenes that all of these models have measured", "scenes"),
        Column("n_logs", INT, "their logs", "logs"),
    ),
    key=("comparison", "metric", "segment_id"),
    derived=True,
)
