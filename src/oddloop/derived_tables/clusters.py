"""The tables of discovery that follow clusters over time and say why they may matter."""

from __future__ import annotations

import pyarrow as pa

from oddloop.derived_tables.parts import REASON
from oddloop.tables import BOOL, FLOAT, INT, SCENE_ID, STRING, STRINGS, Column, TableSpec

CLUSTER_ID = Column("cluster_id", STRING, "names the cluster for good, such as `c0007`")
TRAIT = pa.struct(
    [
        ("attribute", STRING),
        ("value", STRING),
        ("share", FLOAT),
        ("share_elsewhere", FLOAT),
        ("lift", FLOAT),
        ("q", FLOAT),
    ]
)


def _optional(name: str, meaning: str, unit: str = "") -> Column:
    return Column(name, FLOAT, meaning, unit, nullable=True)


CLUSTER_MEMBERS = TableSpec(
    "cluster_members",
    "scene and cluster that it is in; one where it is in none",
    (SCENE_ID, Column("cluster_id", STRING, "the cluster; null: none", nullable=True)),
    derived=True,
)
"""Clusters may be nested, so a scene may be in several."""

FOUND_CLUSTERS = TableSpec(
    "found_clusters",
    "cluster of one run",
    (
        Column("cluster_id", STRING, "names the cluster within this run, such as `c007`"),
        Column("parent_id", STRING, "smallest cluster that holds it; null: none", nullable=True),
        Column("persistence", FLOAT, "share of all scales at which it is nearly itself, in (0, 1]"),
        Column("n_scenes", INT, "scenes", "scenes"),
    ),
    key=("cluster_id",),
    derived=True,
)

NEAR_DUPLICATES = TableSpec(
    "near_duplicates",
    "scene that is nearly the same as another, which stands for it",
    (
        SCENE_ID,
        Column("representative_id", STRING, "the scene that stands for it and for others like it"),
        Column("cosine", FLOAT, "of the two: 1 - d^2 / (2 L^2) at distance d, L the typical length of scene vectors"),
        Column("same_log", BOOL, "both are of one log"),
    ),
    key=("scene_id",),
    derived=True,
)

CLUSTER_CARDS = TableSpec(
    "cluster_cards",
    "cluster",
    (
        CLUSTER_ID,
        Column("parent_id", STRING, "smallest cluster that holds it; null: none", nullable=True),
        Column("n_scenes", INT, "scenes", "scenes"),
        Column("n_logs", INT, "distinct logs", "logs"),
        Column("duration_s", FLOAT, "time", "s"),
        Column("n_labelled", INT, "labelled scenes", "scenes"),
        Column("persistence", FLOAT, "share of all scales at which it is nearly itself, in (0, 1]"),
        _optional("per_hour", "its scenes per hour of driving", "1/h"),
        _optional("per_hour_low", "lower end of its 95 % interval", "1/h"),
        _optional("per_hour_high", "upper end of it", "1/h"),
        Column("log_share", FLOAT, "share of all logs that have it"),
        Column("log_share_low", FLOAT, "lower end of its 95 % interval"),
        Column("log_share_high", FLOAT, "upper end of it"),
        Column("rarity_bits", FLOAT, "-log2 of `log_share`", "bit"),
        Column("rarity_bits_low", FLOAT, "the same of `log_share_high`", "bit"),
        Column("metric", STRING, "the metric that counts as error; empty: none"),
        _optional("error", "its mean in the cluster, in the metric's own unit and direction"),
        _optional("error_elsewhere", "its mean in all other measured scenes"),
        _optional("error_lift", "how much worse, in standard deviations over scenes; larger = worse"),
        _optional("error_lift_low", "lower end of its 95 % interval; null: fewer than 2 logs"),
        _optional("error_lift_high", "upper end of it"),
        Column("n_measured", INT, "scenes with the metric", "scenes"),
        Column("n_logs_measured", INT, "their logs", "logs"),
        Column("score", STRING, "the scene score that counts as uncertainty; empty: none"),
        _optional("score_lift", "how much higher, in standard deviations over scenes"),
        _optional("score_lift_low", "lower end of its 95 % interval; null: fewer than 2 logs"),
        _optional("score_lift_high", "upper end of it"),
        _optional("novel_share", "share of its scenes that lie farther from the training scenes than 99 % of those do"),
        _optional("novel_lift_low", "lower end of the 95 % interval of that share less the one elsewhere"),
        Column("traits", pa.list_(TRAIT), "attribute values that set it apart, by falling lift"),
        Column("typical", STRINGS, "up to 3 typical scenes, most typical first; of different logs where there are any"),
        Column("extreme", STRINGS, "up to 3 scenes farthest from the most typical one, likewise"),
        Column("uncertain", STRINGS, "up to 3 scenes of highest score, likewise"),
        Column("reasons", pa.list_(REASON), "why it may matter: code, number, sentence"),
    ),
    key=("cluster_id",),
    derived=True,
)

CLUSTER_EVENTS = TableSpec(
    "cluster_events",
    "what became of a cluster between two runs",
    (
        Column("event", STRING, "`survived`, `split`, `merged`, `died`, `emerged` or `revived`"),
        CLUSTER_ID,
        Column("into", STRINGS, "ids under which its scenes go on"),
        Column("n_before", INT, "its scenes in the last run that are in this one too", "scenes"),
        Column("n_common", INT, "those of them that go on in `into`", "scenes"),
        Column("text", STRING, "the same in words"),
    ),
    derived=True,
)
LISTED_CLUSTERS = TableSpec(
    "listed_clusters",
    "cluster of a round's report",
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
CLUSTER_TABLES = (FOUND_CLUSTERS, CLUSTER_MEMBERS, NEAR_DUPLICATES, CLUSTER_CARDS, CLUSTER_EVENTS, LISTED_CLUSTERS)
