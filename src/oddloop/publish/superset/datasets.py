"""What charts read: queries that join a fact with its dimensions, with their columns and measures.

The SQL is understood by DuckDB and by PostgreSQL alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oddloop.derived_tables.star import (
    DIM_SCENE,
    DIM_SEGMENT,
    FACT_ROUND_LIFT,
    FACT_SCENE_SCORE,
    FACT_SEGMENT_GAP,
    PUBLICATION,
)
from oddloop.publish.sql import sql_type
from oddloop.tables import FLOAT, INT, STRING, Column, TableSpec

GAPS, CELLS, TREND = "segment_gaps", "condition_pairs", "metric_by_round"
LIFTS, SCENES, PUBLISHED = "round_lifts", "scene_scores", "publication"
NEWEST = "newest"
"""Value of the column `moment` in rows of the newest round; all others have `earlier`."""
_MOMENT = f"CASE WHEN r.is_newest THEN '{NEWEST}' ELSE 'earlier' END AS moment"
_SHOWN_VALUE = Column("moment", STRING, "`newest` or `earlier`")


@dataclass(frozen=True)
class Dataset:
    """One query.

    Attributes:
        name: what it is called.
        fact: the fact whose measures it has.
        sql: the query.
        columns: name and SQL type of each column.
        about: what one row is.
    """

    name: str
    fact: str
    sql: str
    columns: tuple[tuple[str, str], ...]
    about: str


def datasets(attributes: Sequence[str]) -> tuple[Dataset, ...]:
    """All datasets; `attributes` are those that `dim_scene` has columns of."""
    odd = [Column(name, STRING, "") for name in attributes]
    link = Column("link", STRING, "to the web app")
    shown = [link, Column("value_range", STRING, "of the value")]
    name = Column("condition", STRING, "the segment's condition")
    pair = [Column(n, STRING, "") for n in ("row_attribute", "row_value", "column_attribute", "column_condition")]
    return (
        Dataset(
            GAPS,
            FACT_SEGMENT_GAP.name,
            _gaps_sql(),
            _typed(FACT_SEGMENT_GAP, DIM_SEGMENT.columns[1:], [Column("round", INT, ""), _SHOWN_VALUE, name, *shown]),
            "a segment in a round, with a metric",
        ),
        Dataset(
            CELLS,
            FACT_SEGMENT_GAP.name,
            _cells_sql(),
            _typed(FACT_SEGMENT_GAP, [_SHOWN_VALUE, *pair]),
            "a pair of conditions, both ways round, in a round, with a metric",
        ),
        Dataset(
            TREND,
            FACT_SEGMENT_GAP.name,
            "SELECT f.*, s.n_way FROM fact_segment_gap f JOIN dim_segment s ON s.segment_id = f.segment_id",
            _typed(FACT_SEGMENT_GAP, [Column("n_way", INT, "")]),
            "a segment in a round, with a metric; without a choice of the newest round",
        ),
        Dataset(
            LIFTS,
            FACT_ROUND_LIFT.name,
            "SELECT f.*, s.n_way, r.verdict, r.evidence, r.n_picks, r.predicted_cost FROM fact_round_lift f "
            "JOIN dim_segment s ON s.segment_id = f.segment_id JOIN dim_round r ON r.round_id = f.round_id",
            _typed(FACT_ROUND_LIFT, _LIFT_MORE),
            "what a round gained in a segment",
        ),
        Dataset(
            SCENES,
            FACT_SCENE_SCORE.name,
            _scenes_sql(),
            _typed(DIM_SCENE, _SCORE_MORE, odd, [Column("scenario", STRING, ""), link]),
            "a scene with a score",
        ),
        Dataset(PUBLISHED, "", "SELECT * FROM publication", _typed(PUBLICATION), "the publication"),
    )


_LIFT_MORE = (
    Column("n_way", INT, ""),
    Column("verdict", STRING, ""),
    Column("evidence", STRING, ""),
    Column("n_picks", INT, ""),
    Column("predicted_cost", FLOAT, ""),
)
_SCORE_MORE = tuple(c for c in FACT_SCENE_SCORE.columns if c.name in ("model_id", "score", "value", "share_below"))


def _gaps_sql() -> str:
    segment = ", ".join(f"s.{column.name}" for column in DIM_SEGMENT.columns[1:])
    return (
        f"SELECT f.*, {segment}, r.number AS round, {_MOMENT}, "
        "s.attribute_1 || '=' || s.value_1 AS condition, "
        "CAST(CAST(f.value_low AS DECIMAL(18, 2)) AS VARCHAR) || ' to ' || "
        "CAST(CAST(f.value_high AS DECIMAL(18, 2)) AS VARCHAR) AS value_range, "
        f"{_link('coalesce(s.scenes_url, s.segment_url)', 'f.segment_id')} AS link "
        "FROM fact_segment_gap f JOIN dim_segment s ON s.segment_id = f.segment_id "
        "JOIN dim_round r ON r.round_id = f.round_id"
    )


def _scenes_sql() -> str:
    return (
        f"SELECT f.model_id, f.score, f.value, f.share_below, s.*, c.name AS scenario, "
        f"{_link('s.scene_url', 's.scene_id')} AS link FROM fact_scene_score f "
        "JOIN dim_scene s ON s.scene_id = f.scene_id LEFT JOIN dim_cluster c ON c.cluster_id = s.cluster_id"
    )


def _cells_sql() -> str:
    """Both ways round, so that either attribute can be the rows."""
    return " UNION ALL ".join(
        f"SELECT f.*, {_MOMENT}, s.attribute_{a} AS row_attribute, s.value_{a} AS row_value, "
        f"s.attribute_{b} AS column_attribute, s.attribute_{b} || '=' || s.value_{b} AS "
        "column_condition FROM fact_segment_gap f JOIN dim_segment s ON s.segment_id = f.segment_id "
        "JOIN dim_round r ON r.round_id = f.round_id WHERE s.n_way = 2"
        for a, b in ((1, 2), (2, 1))
    )


def _link(url: str, text: str) -> str:
    """SQL of a link that Superset's tables show; the bare text where there is no address."""
    shown = text
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        shown = f"replace({shown}, '{sign}', '{entity}')"
    link = f"'<a href=\"' || replace({url}, '&', '&amp;') || '\" target=\"_blank\">' || {shown} || '</a>'"
    return f"CASE WHEN {url} IS NULL THEN {text} ELSE {link} END"


def _typed(spec: TableSpec, *more: Sequence[Column]) -> tuple[tuple[str, str], ...]:
    columns = [*spec.columns, *(column for part in more for column in part)]
    return tuple((column.name, sql_type(column.type)) for column in columns)


def is_time(kind: str) -> bool:
    """Whether a column's SQL type is one of time."""
    return kind.startswith("TIMESTAMP")
