"""The numbers that a cell can show: volumes and the metric as in the report, the gap, and how unsure the model is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.report.columns import finite
from oddloop.report.formats import number
from oddloop.report.heatmap import Measure, measures
from oddloop.report.model import LeadMetric, Segment
from oddloop.report.segments import badness
from oddloop.tables import is_list
from oddloop.web.queries.coverage.source import Source
from oddloop.web.store import View

VOLUMES = {"volume": "labelled time", "logs": "labelled logs", "pool": "unlabelled time"}
METRICS = ("performance", "gap")
NAMES = (*VOLUMES, *METRICS, "uncertainty")
_KEY = "scene_id"


def measure_of(name: str, lead: LeadMetric | None, scores: Mapping[str, float]) -> Measure | None:
    """A measure by its name in addresses; None where nothing is measured.

    Args:
        name: one of `NAMES`.
        lead: the leading metric.
        scores: mean score by segment, for `uncertainty`.
    """
    shared = {measure.name: measure for measure in measures(lead)}
    if name in VOLUMES:
        return shared[VOLUMES[name]]
    if name == "uncertainty":
        return Measure(name, lambda s: scores.get(s.segment_id), number) if scores else None
    if lead is None or (name == "gap" and lead.target is None):
        return None
    return shared[lead.name] if name == "performance" else Measure(name, lambda s: gap_of(s, lead), number, True)


def gap_of(segment: Segment, lead: LeadMetric) -> float | None:
    """How far the metric falls short of its target; below 0 the target is met; None: not measured, or no target."""
    value = segment.measured.value if segment.measured else None
    if value is None or lead.target is None:
        return None
    return badness(value, lead) - badness(lead.target, lead)


def scale_of(measure: Measure, segments: Sequence[Segment], lead: LeadMetric | None) -> tuple[float, float]:
    """(lightest, darkest) value; values that are too thin to be judged do not stretch a metric's scale."""
    is_judged = [s for s in segments if not measure.is_metric or (s.measured is not None and s.measured.valid)]
    values = [value for s in is_judged if (value := measure.value(s)) is not None]
    if not values:
        return math.nan, math.nan
    if not measure.is_metric:
        return 0.0, max(values)
    is_flipped = lead is not None and lead.better == "higher" and measure.name != "gap"
    return (max(values), min(values)) if is_flipped else (min(values), max(values))


def mean_scores(view: View, source: Source, names: Sequence[str]) -> dict[str, float]:
    """Mean of the policy's score over the pool's scenes of each segment of these attributes; larger is less sure.

    Empty where no round has scored a pool of this coverage yet.
    """
    state = next(
        (s for s in reversed(view.rounds) if s.proposal.get("stages", {}).get("coverage") == source.digest), None
    )
    if state is None:
        return {}
    digest = str(state.proposal["stages"].get("select", ""))
    if not set(names) <= set(view.config.attributes):
        return {}
    scores = view.cached(("scores", digest, source.digest), lambda: _scores(view, digest, source.digest))
    values = view.table("coverage", "scene_values.parquet", list(names), digest=source.digest) if names else None
    if scores is None or values is None:
        return {}
    key = ("mean scores", digest, source.digest, tuple(names))
    return view.cached(key, lambda: _mean_scores(values.append_column("score", scores["score"]), names))


def _scores(view: View, selected: str, covered: str) -> pa.Table | None:
    """The score of every scene that the coverage has, in its order; null where the scene is no candidate."""
    scored = view.table("select", "candidates.parquet", [_KEY, "score", "score_valid"], digest=selected)
    scenes = view.table("coverage", "scene_values.parquet", [_KEY], digest=covered)
    if scored is None or scenes is None:
        return None
    known = scored.filter(scored["score_valid"])
    places = pc.index_in(scenes[_KEY], value_set=known[_KEY].combine_chunks())
    return pa.table({"score": known["score"].take(places)})


def _mean_scores(rows: pa.Table, names: Sequence[str]) -> dict[str, float]:
    rows = rows.filter(pc.is_valid(rows["score"]))
    for name in names:
        rows = _one_per_value(rows, name)
    means = rows.group_by(list(names)).aggregate([("score", "mean")]).to_pylist()
    found = ((" & ".join(f"{name}={row[name]}" for name in names), finite(row["score_mean"])) for row in means)
    return {segment_id: mean for segment_id, mean in found if mean is not None}


def _one_per_value(rows: pa.Table, name: str) -> pa.Table:
    """A row per value of a multi-label attribute."""
    if not is_list(rows.schema.field(name).type):
        return rows
    lists = rows[name].combine_chunks()
    longer = rows.drop_columns([name]).take(pc.list_parent_indices(lists))
    return longer.append_column(name, pc.list_flatten(lists))
