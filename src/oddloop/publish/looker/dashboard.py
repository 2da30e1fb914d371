"""The dashboard as Looker's YAML: the same charts as in Superset, as far as LookML has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oddloop.publish.look import Look
from oddloop.rounds.evidence import ALL_SCENES

MODEL = "oddloop"
GAPS, SCENES, LIFTS = "segment_gaps", "scene_scores", "round_lifts"
_LISTEN = {"Metric": "fact_segment_gap.metric"}
_NEWEST = {"dim_round.is_newest": "yes"}


def dashboard(title: str, look: Look) -> Mapping[str, Any]:
    """Content of the dashboard's file, which is a list of this one."""
    return {
        "dashboard": "coverage_and_gaps",
        "title": title,
        "layout": "newspaper",
        "preferred_viewer": "dashboards-next",
        "crossfilter_enabled": True,
        "filters": [
            {
                "name": "Metric",
                "title": "Metric",
                "type": "field_filter",
                "default_value": look.metric,
                "allow_multiple_values": False,
                "required": True,
                "model": MODEL,
                "explore": GAPS,
                "field": "fact_segment_gap.metric",
            }
        ],
        "elements": [*_numbers(), *_grids(look), *_lists(), *_rounds()],
    }


def _element(name: str, kind: str, explore: str, place: tuple[int, int, int, int], **more: Any) -> dict[str, Any]:
    row, col, width, height = place
    return {
        "name": name,
        "title": name,
        "type": kind,
        "model": MODEL,
        "explore": explore,
        **more,
        "row": row,
        "col": col,
        "width": width,
        "height": height,
    }


def _numbers() -> list[dict[str, Any]]:
    whole = {**_NEWEST, "dim_segment.segment_id": ALL_SCENES}
    parts = {**_NEWEST, "dim_segment.n_way": ">0"}
    asked = (
        ("Model now", "metric_value", whole),
        ("Gap now", "gap_to_target", whole),
        ("Segments surely short", "segments_short", parts),
        ("Labelled hours", "labelled_hours", whole),
    )
    return [
        _element(
            name,
            "single_value",
            GAPS,
            (0, 6 * i, 6, 3),
            fields=[f"fact_segment_gap.{measure}"],
            filters=filters,
            listen=_LISTEN,
        )
        for i, (name, measure, filters) in enumerate(asked)
    ]


def _grids(look: Look) -> list[dict[str, Any]]:
    """Each pair of conditions once: rows are the attribute that comes first in the taxonomy."""
    axes = ["dim_segment.condition_1", "dim_segment.condition_2"]
    filters = {**_NEWEST, "dim_segment.n_way": "2"}
    filters |= {"dim_segment.attribute_2": look.rows} if look.rows == "scenario" else {}
    more: dict[str, Any] = {"pivots": axes[1:], "filters": filters, "limit": 500, "listen": _LISTEN}
    asked = (("The model by condition × condition", "metric_value"), ("Labelled scenes", "labelled_scenes"))
    return [
        _element(
            name,
            "looker_grid",
            GAPS,
            (3, 12 * i, 12, 9),
            fields=[*axes, f"fact_segment_gap.{measure}"],
            sorts=[axes[0], axes[1]],
            **more,
        )
        for i, (name, measure) in enumerate(asked)
    ]


def _lists() -> list[dict[str, Any]]:
    said = ["verdict", "value", "value_low", "value_high", "gap", "n_logs_measured", "n_to_label", "because"]
    fields = ["dim_segment.segment_id", *(f"fact_segment_gap.{name}" for name in said)]
    scene = ["dim_scene.scene_id", "dim_cluster.name", "fact_scene_score.score", "fact_scene_score.value"]
    single = ["dim_segment.condition_1", "fact_segment_gap.labelled_hours", "fact_segment_gap.metric_value"]
    return [
        _element(
            "Volume beside performance",
            "looker_column",
            GAPS,
            (12, 0, 24, 8),
            fields=single,
            filters={**_NEWEST, "dim_segment.n_way": "1"},
            sorts=single[:1],
            limit=100,
            listen=_LISTEN,
        ),
        _element(
            "Why each gap exists",
            "looker_grid",
            GAPS,
            (20, 0, 24, 9),
            fields=fields,
            filters={**_NEWEST, "fact_segment_gap.verdict": "-NULL"},
            sorts=["fact_segment_gap.gap desc"],
            limit=500,
            listen=_LISTEN,
        ),
        _element(
            "Scenes that are most worth labelling",
            "looker_grid",
            SCENES,
            (29, 0, 24, 8),
            fields=scene,
            filters={"dim_scene.status": "unlabelled"},
            sorts=["fact_scene_score.value desc"],
            limit=100,
        ),
    ]


def _rounds() -> list[dict[str, Any]]:
    whole = {"dim_segment.segment_id": ALL_SCENES}
    lift = [f"fact_round_lift.{name}" for name in ("round_lift", "round_lift_low", "round_lift_high")]
    return [
        _element(
            "The model after each round",
            "looker_line",
            GAPS,
            (37, 0, 12, 7),
            fields=["dim_round.number", "fact_segment_gap.metric_value"],
            filters=whole,
            sorts=["dim_round.number"],
            limit=500,
            listen=_LISTEN,
        ),
        _element(
            "What each round gained",
            "looker_line",
            LIFTS,
            (37, 12, 12, 7),
            fields=["dim_round.number", *lift],
            filters=whole,
            sorts=["dim_round.number"],
            limit=500,
            listen={"Metric": "fact_round_lift.metric"},
        ),
    ]
