"""Measures of dashboards: each declared once as SQL, from which Superset and Looker get theirs.

Means of a metric add sums up before they divide, so that they are right over any rows of segments that share no scene;
a round's lift is right for one segment only, and says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One measure of a fact.

    Attributes:
        name: its name in every tool.
        label: what people read.
        table: the fact that it is of.
        sql: an aggregate over columns of the fact, which stand as `{column}`; DuckDB and PostgreSQL understand it.
        meaning: what it is, in words.
        decimals: digits after the point that are shown.
    """

    name: str
    label: str
    table: str
    sql: str
    meaning: str
    decimals: int = 2

    def on(self, prefix: str = "") -> str:
        """The SQL with a prefix before each column.

        >>> Measure("n", "n", "t", "sum({x})", "").on("${TABLE}.")
        'sum(${TABLE}.x)'
        """
        return re.sub(r"\{(\w+)\}", lambda found: prefix + found[1], self.sql)


_GAPS, _SCORES, _LIFTS = "fact_segment_gap", "fact_scene_score", "fact_round_lift"


def _weighed(column: str) -> str:
    known = f"CASE WHEN {{{column}}} IS NOT NULL THEN {{support}} END"
    return f"sum({{{column}}} * {{support}}) / nullif(sum({known}), 0)"


MEASURES = (
    Measure("metric_value", "Value", _GAPS, "sum({value_sum}) / nullif(sum({support}), 0)", "the metric's mean", 3),
    Measure("gap_to_target", "Gap to target", _GAPS, _weighed("gap"), "how far it falls short; below 0: it is met", 3),
    Measure("labelled_hours", "Labelled hours", _GAPS, "sum({hours_labelled})", "time of labelled scenes, in h"),
    Measure(
        "unlabelled_hours", "Unlabelled hours", _GAPS, "sum({hours_unlabelled})", "time that lies unlabelled, in h"
    ),
    Measure("held_out_hours", "Held-out hours", _GAPS, "sum({hours_held_out})", "time of held-out scenes, in h"),
    Measure("labelled_scenes", "Labelled scenes", _GAPS, "sum({n_scenes_labelled})", "labelled scenes", 0),
    Measure("unlabelled_scenes", "Unlabelled scenes", _GAPS, "sum({n_scenes_unlabelled})", "unlabelled scenes", 0),
    Measure("scenes_to_label", "Scenes to label", _GAPS, "sum({n_to_label})", "scenes in the pool that would help", 0),
    Measure("scenes_to_drive", "Scenes to drive", _GAPS, "sum({n_to_drive})", "scenes that do not exist yet", 0),
    Measure("segments", "Segments", _GAPS, "count(*)", "rows: segments, where one metric and round is chosen", 0),
    Measure(
        "segments_short",
        "Segments surely short",
        _GAPS,
        "coalesce(sum(CASE WHEN {gap} - {gap_half_width} > 0 THEN 1 ELSE 0 END), 0)",
        "segments that miss the target even at the favourable end of the value's interval",
        0,
    ),
    Measure("scene_score", "Score", _SCORES, "avg({value})", "mean score; larger = more worth labelling", 3),
    Measure("scored_scenes", "Scored scenes", _SCORES, "count(*)", "scenes with a valid score", 0),
    Measure("round_lift", "Lift", _LIFTS, "avg({lift})", "how much better the round's model is; choose one segment", 3),
    Measure("round_lift_low", "Lift, low", _LIFTS, "min({lift_low})", "lower end of its 95 % interval", 3),
    Measure("round_lift_high", "Lift, high", _LIFTS, "max({lift_high})", "upper end of it", 3),
)


def measures_of(table: str) -> tuple[Measure, ...]:
    """Measures of a fact.

    >>> [measure.name for measure in measures_of("fact_scene_score")]
    ['scene_score', 'scored_scenes']
    """
    return tuple(measure for measure in MEASURES if measure.table == table)
