"""The star schema that `oddloop publish` writes for dashboards: facts, and the dimensions that they are of."""

from __future__ import annotations

import pyarrow as pa

from oddloop.tables import BOOL, FLOAT, INT, LOG_ID, SCENE_ID, SEGMENT_ID, STRING, Column, TableSpec

TIME = pa.timestamp("us", tz="UTC")
ROUND_ID = Column("round_id", STRING, "the round; `r000` is what was there before the first")
MODEL_ID = Column("model_id", STRING, "the model; empty: nothing is measured")
METRIC = Column("metric", STRING, "metric name; empty: nothing is measured")


def _opt(name: str, type_: pa.DataType, meaning: str, unit: str = "") -> Column:
    return Column(name, type_, meaning, unit, nullable=True)


def _exposure(status: str, scenes: str) -> tuple[Column, ...]:
    return (
        Column(f"n_scenes_{status}", INT, f"{scenes} scenes of the segment", "scenes"),
        Column(f"n_logs_{status}", INT, "their distinct logs", "logs"),
        Column(f"hours_{status}", FLOAT, "their time", "h"),
        Column(f"km_{status}", FLOAT, "their distance; scenes without a distance add 0", "km"),
    )


FACT_SEGMENT_GAP = TableSpec(
    "fact_segment_gap",
    "round, segment, model and metric: what was seen of the segment after the round, and how far the model falls short "
    "in it; the exposure is the segment's, so it stands in the row of each metric: choose a metric before adding up",
    (
        ROUND_ID,
        SEGMENT_ID,
        MODEL_ID,
        METRIC,
        *_exposure("labelled", "labelled"),
        *_exposure("unlabelled", "unlabelled"),
        *_exposure("held_out", "held-out"),
        _opt("volume_unit", STRING, "what a target of volume counts: `n_scenes`, `n_logs`, `duration_s`, `distance_m`"),
        _opt("volume_target", FLOAT, "labelled volume that there should be; null: no target", "the volume's"),
        _opt("volume_shortfall", FLOAT, "target less labelled volume, 0 at least", "the volume's"),
        _opt("volume_to_label", FLOAT, "part of the shortfall that lies unlabelled in the pool", "the volume's"),
        _opt("volume_to_drive", FLOAT, "part of it that does not exist yet", "the volume's"),
        Column("n_scenes_measured", INT, "held-out scenes with a value", "scenes"),
        Column("n_logs_measured", INT, "their distinct logs", "logs"),
        Column("support", INT, "things that the value is a mean of", "things"),
        _opt("value_sum", FLOAT, "sum of value x support: adds up over segments that share no scene"),
        _opt("value", FLOAT, "measured value, value_sum / support", "the metric's"),
        _opt("value_low", FLOAT, "lower end of its interval", "the metric's"),
        _opt("value_high", FLOAT, "upper end of it", "the metric's"),
        Column("is_judged", BOOL, "whether there is enough support for the interval"),
        _opt("better", STRING, "`lower` or `higher`"),
        _opt("target", FLOAT, "level to reach, as set when this was published; null: none", "the metric's"),
        _opt("gap", FLOAT, "how far the value falls short of it; below 0: it is met", "the metric's"),
        _opt(
            "gap_half_width",
            FLOAT,
            "half width of its interval, towards the target; newest rows only",
            "the metric's",
        ),
        _opt("verdict", STRING, "why the gap exists (VERDICTS); in the newest rows only"),
        _opt("tier", STRING, "the strongest evidence behind the verdict"),
        _opt("is_hedged", BOOL, "whether the evidence is too thin to act on it alone"),
        _opt("n_needed", FLOAT, "more labelled scenes that reach the target", "scenes"),
        _opt("n_needed_low", FLOAT, "lower end of its 90 % interval", "scenes"),
        _opt("n_needed_high", FLOAT, "upper end of it; null: no end", "scenes"),
        _opt("n_to_label", INT, "of these, scenes that lie unlabelled in the pool", "scenes"),
        _opt("n_to_drive", INT, "of these, scenes that do not exist yet", "scenes"),
        _opt("because", STRING, "the evidence in words, with support and interval"),
        _opt("would_change", STRING, "what would change the verdict"),
    ),
    key=("round_id", "segment_id", "model_id", "metric"),
    references=(("round_id", "dim_round"), ("segment_id", "dim_segment"), ("model_id", "dim_model")),
    derived=True,
)
FACT_SCENE_SCORE = TableSpec(
    "fact_scene_score",
    "scene and score, of the newest model: the score that the policy ranks by, and those of `[publish] scores`; scenes "
    "where a score is not valid have no row",
    (
        SCENE_ID,
        MODEL_ID,
        Column("score", STRING, "scene score column"),
        Column("value", FLOAT, "the score; larger = more worth labelling"),
        Column("share_below", FLOAT, "share of the other scored scenes with less, 0 to 1"),
        Column("n_frames_scored", INT, "frames with a prediction", "frames"),
        Column("n_objects", INT, "boxes or agents that the model reported over all frames", "objects"),
    ),
    key=("scene_id", "model_id", "score"),
    references=(("scene_id", "dim_scene"), ("model_id", "dim_model")),
    derived=True,
)
FACT_ROUND_LIFT = TableSpec(
    "fact_round_lift",
    "round, comparison, metric and segment: what the round gained (LIFTS)",
    (
        ROUND_ID,
        Column("comparison", STRING, "`previous` model, `control` arm, or `within`: the control share of the rounds"),
        METRIC,
        SEGMENT_ID,
        Column("value", FLOAT, "of the round's model", "the metric's"),
        Column("other_value", FLOAT, "of what it is compared with", "the metric's"),
        Column("lift", FLOAT, "how much better value is than other_value; above 0: better", "the metric's"),
        _opt("lift_low", FLOAT, "lower end of its 95 % interval", "the metric's"),
        _opt("lift_high", FLOAT, "upper end of it", "the metric's"),
        _opt("p_value", FLOAT, "of no lift, two-sided"),
        _opt("q_value", FLOAT, "p_value adjusted for the number of segments"),
        Column("n_scenes", INT, "scenes that all of these models have measured", "scenes"),
        Column("n_logs", INT, "their logs", "logs"),
    ),
    key=("round_id", "comparison", "metric", "segment_id"),
    references=(("round_id", "dim_round"), ("segment_id", "dim_segment")),
    derived=True,
)
DIM_SEGMENT = TableSpec(
    "dim_segment",
    "segment of any round",
    (
        SEGMENT_ID,
        Column("n_way", INT, "attributes in the conjunction; 0 is all scenes", "attributes"),
        *(
            _opt(f"{what}_{i}", STRING, f"{'name' if what == 'attribute' else 'value'} of attribute {i}; null: none")
            for i in (1, 2, 3)
            for what in ("attribute", "value")
        ),
        _opt("odd", STRING, "`inside`, `outside` or `unknown`; null: no taxonomy was at hand"),
        _opt("segment_url", STRING, "its page in the web app; null: `[publish] web_url` is not set"),
        _opt("scenes_url", STRING, "its scenes in the web app"),
    ),
    key=("segment_id",),
    derived=True,
)
DIM_SCENE = TableSpec(
    "dim_scene",
    "scene",
    (
        SCENE_ID,
        LOG_ID,
        Column("started_at", TIME, "first instant of the scene"),
        Column("duration_s", FLOAT, "length of the scene", "s"),
        _opt("distance_m", FLOAT, "distance driven by the ego vehicle", "m"),
        _opt("n_frames", INT, "frames that would be labelled", "frames"),
        Column("status", STRING, "`labelled`, `unlabelled` or `held_out`, as coverage counts it"),
        _opt("labelled_at", TIME, "when its labels came"),
        _opt("picked_in", STRING, "the last round that picked it"),
        _opt("pick_rank", INT, "its place among that round's picks; 1 is first"),
        _opt("predicted_cost", FLOAT, "predicted labelling cost; null: no candidate now", "cost unit"),
        _opt("cluster_id", STRING, "the innermost cluster that it is in; null: none"),
        _opt("media_uri", STRING, "where to look at it"),
        _opt("scene_url", STRING, "its page in the web app; null: `[publish] web_url` is not set"),
    ),
    key=("scene_id",),
    references=(("cluster_id", "dim_cluster"),),
    derived=True,
)
"""Further columns: `odd_<attribute>`, the scene's value of each attribute; several values are parted by `, `."""
DIM_ROUND = TableSpec(
    "dim_round",
    "round",
    (
        ROUND_ID,
        Column("number", INT, "the round's number, 0 for what was there before"),
        Column("status", STRING, "how far the round has come"),
        Column("is_newest", BOOL, "whether the newest segments and verdicts stand under this round"),
        _opt("policy", STRING, "policy that picked"),
        _opt("score", STRING, "score that it ranked by"),
        _opt("budget", FLOAT, "what could be spent", "cost unit"),
        Column("n_picks", INT, "picks, after review", "scenes"),
        Column("predicted_cost", FLOAT, "their predicted cost", "cost unit"),
        Column("cost_unit", STRING, "unit of costs"),
        _opt("model_id", STRING, "model that was trained on its labels"),
        _opt("proposed_at", TIME, "when its picks were proposed"),
        _opt("labelled_at", TIME, "when its labels were in"),
        _opt("evaluated_at", TIME, "when its model was measured"),
        _opt("verdict", STRING, "whether the picks helped: `helped`, `did_not` or `cannot_tell`"),
        _opt("evidence", STRING, "that in words, with numbers and intervals"),
    ),
    key=("round_id",),
    derived=True,
)
DIM_MODEL = TableSpec(
    "dim_model",
    "model",
    (
        MODEL_ID,
        _opt("trained_in", STRING, "round that trained it; null: it was there before"),
        _opt("trained_at", TIME, "when"),
        _opt("n_scenes_trained", INT, "scenes that it was trained on", "scenes"),
        Column("is_newest", BOOL, "whether the newest segments are measured of it"),
    ),
    key=("model_id",),
    derived=True,
)
DIM_CLUSTER = TableSpec(
    "dim_cluster",
    "cluster that the newest discovery found",
    (
        Column("cluster_id", STRING, "names the cluster for good, such as `c0007`"),
        Column("rank", INT, "its place among the cards; 1 is first"),
        _opt("name", STRING, "the scenario's name; null: nobody has named it"),
        _opt("risk", STRING, "risk level that people gave it"),
        _opt("priority", INT, "1 is first; null: none"),
        Column("status", STRING, "`new`, `confirmed`, `noise` or `covered`"),
        Column("n_scenes", INT, "scenes", "scenes"),
        Column("n_logs", INT, "distinct logs", "logs"),
        Column("n_labelled", INT, "labelled scenes", "scenes"),
        Column("hours", FLOAT, "time", "h"),
        _opt("per_hour", FLOAT, "its scenes per hour of driving", "1/h"),
        _opt("per_hour_low", FLOAT, "lower end of its 95 % interval", "1/h"),
        _opt("per_hour_high", FLOAT, "upper end of it", "1/h"),
        _opt("error_lift", FLOAT, "how much worse the model does in it, in standard deviations over scenes"),
        _opt("error_lift_low", FLOAT, "lower end of its 95 % interval"),
        _opt("error_lift_high", FLOAT, "upper end of it"),
        Column("why", STRING, "why it stands there"),
        _opt("cluster_url", STRING, "its card in the web app; null: `[publish] web_url` is not set"),
    ),
    key=("cluster_id",),
    derived=True,
)
PUBLICATION = TableSpec(
    "publication",
    "publication; there is one",
    (
        Column("workspace", STRING, "name of the workspace"),
        Column("published_at", TIME, "when"),
        Column("digest", STRING, "digest of all that the tables were made of"),
        Column("oddloop_version", STRING, "version that made them"),
        Column("n_segment_gaps", INT, "rows of fact_segment_gap"),
        Column("n_scene_scores", INT, "rows of fact_scene_score"),
        Column("n_round_lifts", INT, "rows of fact_round_lift"),
    ),
    key=("workspace",),
    derived=True,
)
DIMENSIONS = (DIM_ROUND, DIM_MODEL, DIM_SEGMENT, DIM_CLUSTER, DIM_SCENE)
FACTS = (FACT_SEGMENT_GAP, FACT_SCENE_SCORE, FACT_ROUND_LIFT)
STAR = (*DIMENSIONS, *FACTS, PUBLICATION)
"""In an order in which every table comes after those that it refers to."""
ODD_PREFIX = "odd_"
"""Begins the name of an attribute's column in `dim_scene`."""
