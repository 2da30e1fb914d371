"""What a round's page cannot show, and what to do about it: one sentence or two per part of the page."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow.compute as pc

from oddloop.report.formats import cost
from oddloop.report.gaps import gaps_of, gaps_sentence, with_cause
from oddloop.report.model import ReportInputs, Segment, Weak


def what_is_missing(inputs: ReportInputs, segments: Sequence[Segment], weak: Sequence[Weak]) -> dict[str, str]:
    """Sentences by part: `picks`, `weakest`, `gaps`, `evidence`, `heatmap`, `performance`, `map`, `clusters`."""
    found = {
        "picks": _picks(inputs),
        "weakest": _metric(inputs, segments) or _weakest(inputs, segments, weak),
        "gaps": _metric(inputs, segments) or _gaps(inputs),
        "evidence": _evidence(inputs),
        "heatmap": _heatmap(inputs, segments),
        "performance": _metric(inputs, segments) or _performance(inputs, segments),
        "map": _map(inputs),
        "clusters": _clusters(inputs),
    }
    return {part: sentence for part, sentence in found.items() if sentence}


def _picks(inputs: ReportInputs) -> str:
    if inputs.picks.num_rows:
        return ""
    if not inputs.candidates.num_rows:
        return (
            "No scene was picked: there is no candidate, that is, no unlabelled scene in the pool. "
            "Ingest new logs, or see with `oddloop select --json` what was left out."
        )
    cheapest = pc.min(inputs.candidates["cost"]).as_py()
    if cheapest is not None and cheapest > inputs.budget:
        unit = inputs.cost_unit
        return (
            f"No scene was picked: the cheapest candidate costs {cost(cheapest)} {unit} and the budget is "
            f"{cost(inputs.budget)} {unit}. Raise select.budget, or cut scenes shorter."
        )
    return "No scene was picked, though there are candidates within the budget. See why with `oddloop select --json`."


def _metric(inputs: ReportInputs, segments: Sequence[Segment]) -> str:
    if inputs.lead is None:
        return (
            "No metric is known, so nothing says where the model is weak. Fill the `metrics` table and declare "
            "[metrics.NAME] better in oddloop.toml."
        )
    if any(s.measured and s.measured.value is not None for s in segments):
        return ""
    rows = inputs.segment_metrics
    others = sorted(set(rows.filter(pc.equal(rows["model_id"], inputs.model_id))["metric"].to_pylist()))
    has = f"It has {', '.join(others[:5])}: lead with one of them" if others else "It has none: add some to `metrics`"
    setting = " (coverage.metric in oddloop.toml)." if others else ", then run `oddloop coverage`."
    return f"Model {inputs.model_id} has no value of {inputs.lead.name}. {has}{setting}"


def _weakest(inputs: ReportInputs, segments: Sequence[Segment], weak: Sequence[Weak]) -> str:
    if weak or not any(s.n_way for s in segments):
        return _heatmap(inputs, segments)
    return "No segment has enough support to be judged. Measure more logs; coverage.min_logs says how many it takes."


def _gaps(inputs: ReportInputs) -> str:
    lead = inputs.lead
    if lead is None or lead.target is None:
        name = lead.name if lead else "NAME"
        return f"{name} has no target, so nothing is a gap. Set `target` in [metrics.{name}] of oddloop.toml."
    found = gaps_of(inputs)
    if not found:
        return "Every segment with a value meets its target, by more than the value may be off."
    if with_cause(found):
        return ""
    return (
        f"{gaps_sentence(found)} No cause is known: train learning curves (`oddloop coverage curves`), and hold out "
        "more logs."
    )


def _evidence(inputs: ReportInputs) -> str:
    if inputs.evidence is not None and inputs.evidence.num_rows:
        return ""
    return (
        "No evidence yet whether the picks help. It comes with the labels: train on them and on a random control of "
        "equal cost, then evaluate both on the held-out scenes."
    )


def _heatmap(inputs: ReportInputs, segments: Sequence[Segment]) -> str:
    if any(s.n_way for s in segments):
        return ""
    if inputs.attributes:
        return "The attributes have no segments yet. Run `oddloop coverage`."
    return "No attribute is declared, so there are no segments. Declare [attributes.NAME] in oddloop.toml."


def _performance(inputs: ReportInputs, segments: Sequence[Segment]) -> str:
    if any(s.n_way and s.measured and s.measured.value is not None for s in segments):
        return ""
    return _heatmap(inputs, segments) or "No segment has a value of the metric yet. Run `oddloop coverage`."


def _map(inputs: ReportInputs) -> str:
    table = inputs.scene_map
    if pc.any(pc.and_(pc.is_finite(table["x"]), pc.is_finite(table["y"]))).as_py():
        return ""
    return "No scene has a place on the map. Bring features of the scenes (`features`), then run `oddloop discover`."


def _clusters(inputs: ReportInputs) -> str:
    if inputs.clusters.num_rows:
        return ""
    return (
        "No cluster was found. More scenes, or a smaller discover.clusters.min_scenes or min_logs, may let "
        "`oddloop discover` find one."
    )
