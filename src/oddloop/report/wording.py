"""The sentences of the page, each with its numbers."""

from __future__ import annotations

from oddloop.report.formats import cost, count, duration, ends, number, plural, spent, with_interval
from oddloop.report.model import (
    CONTROL,
    EvidenceCurve,
    EvidencePoint,
    Exposure,
    LeadMetric,
    Measured,
    PairedDifference,
    RoundReport,
    Segment,
    Weak,
)

ALL_SCENES = "all scenes"
_STATUSES = (("labelled", "labelled"), ("unlabelled", "unlabelled"), ("eval", "held out"))


def segment_name(segment_id: str) -> str:
    """A segment as people call it.

    >>> segment_name("all"), segment_name("rain=heavy & light=night")
    ('all scenes', 'rain=heavy & light=night')
    """
    return segment_id if "=" in segment_id else ALL_SCENES


def headline(report: RoundReport) -> str:
    """The round in one sentence."""
    spend, made = report.spend, report.provenance
    verb = "proposes" if made.status == "proposed" else "picked"
    if not spend.n_scenes:
        budget = f"{cost(spend.budget)} {spend.cost_unit}"
        return f"Round {made.round_id} {verb} no scene for its budget of {budget}"
    amount = f"{spent(spend.cost, spend.budget)} of {cost(spend.budget)} {spend.cost_unit}"
    scenes = f"{plural(spend.n_scenes, 'scene')} from {plural(spend.n_logs, 'log')}"
    by = "picked by" if verb == "proposes" else "by"
    return f"Round {made.round_id} {verb} {scenes} for {amount}, {by} {made.policy}"


def weak_sentence(weak: Weak, report: RoundReport) -> str:
    """What is known of a weak segment: how bad at least, on what support, and what is there to label."""
    segment, lead = report.segment(weak.segment_id), report.lead
    if segment is None or segment.measured is None or lead is None:
        return ""
    m = segment.measured
    interval = f"{confidence(report)} interval {ends(m.ci_low, m.ci_high)}"
    return (
        f"{lead.name} is {number(m.value)} ({interval}); {_against(weak, report)}. It rests on {support(m)}. "
        f"{_labelled(segment.labelled)}; {_unlabelled(segment.unlabelled)}."
    )


def _against(weak: Weak, report: RoundReport) -> str:
    if report.reference is None:
        return "there is no target to hold it against"
    what = "the target of" if report.reference.kind == "target" else "all scenes at"
    level = f"{what} {number(report.reference.value)}"
    favourable = f"the favourable end, {number(weak.bound)},"
    return f"even {favourable} is worse than {level}" if weak.misses else f"{favourable} is no worse than {level}"


def _labelled(exposure: Exposure) -> str:
    if not exposure.n_scenes:
        return "None of it is labelled"
    return f"{duration(exposure.duration_s)} of it, from {plural(exposure.n_logs, 'log')}, are labelled"


def _unlabelled(exposure: Exposure) -> str:
    if not exposure.n_scenes:
        return "the pool holds no unlabelled scene of it, so drive for it"
    return f"{duration(exposure.duration_s)} from {plural(exposure.n_logs, 'log')} can be labelled"


def support(measured: Measured) -> str:
    """What a measured value rests on."""
    things = plural(measured.support, "measurement")
    return f"{things} in {plural(measured.n_scenes, 'scene')} from {plural(measured.n_logs, 'log')}"


def confidence(report: RoundReport) -> str:
    """The coverage of the intervals, such as `95 %`."""
    return f"{100 * report.confidence:.3g} %"


def segment_lines(segment: Segment, report: RoundReport) -> list[str]:
    """All counts of a segment, one line per status, and its metric with interval and support."""
    lines = [segment_name(segment.segment_id)]
    lines += [f"{label}: {_exposure(getattr(segment, status))}" for status, label in _STATUSES]
    if report.lead is not None:
        lines.append(f"{report.lead.name}: {_metric(segment.measured, report)}")
    return lines


def _exposure(exposure: Exposure) -> str:
    if not exposure.n_scenes:
        return "none"
    n_scenes, n_logs = plural(exposure.n_scenes, "scene"), plural(exposure.n_logs, "log")
    frames = f", {count(exposure.n_frames)} frames" if exposure.n_frames else ""
    metres = f", {number(exposure.distance_m / 1000)} km" if exposure.distance_m else ""
    return f"{duration(exposure.duration_s)}, {n_scenes}, {n_logs}{frames}{metres}"


def _metric(measured: Measured | None, report: RoundReport) -> str:
    if measured is None or measured.value is None:
        return "not measured"
    interval = ends(measured.ci_low, measured.ci_high)
    sure = f"{confidence(report)}: {interval}" if measured.ci_low is not None else interval
    few = "" if measured.valid else "; too few to judge"
    return f"{number(measured.value)} ({sure}), {support(measured)}{few}"


def curve_name(curve: EvidenceCurve) -> str:
    """What a learning curve is of."""
    return f"{curve.metric}, {segment_name(curve.segment_id)}"


def arm_name(arm: str) -> str:
    """An arm of the evidence; the control is named as such."""
    return f"{arm} (control)" if arm == CONTROL else arm


def evidence_sentence(curve: EvidenceCurve, report: RoundReport) -> str:
    """The last rounds of policy and control side by side, and whether the difference is more than chance."""
    last = {point.arm: point for point in curve.points}
    control = last.pop(CONTROL, None)
    ours = last.get(report.provenance.policy) or next(iter(last.values()), None)
    if ours is None or control is None:
        return "One arm only: without a control at equal cost this shows progress, not that the policy is the cause."
    unit = report.spend.cost_unit
    sides = f"{_arm_value(ours, unit)}, {_arm_value(control, unit)}"
    if curve.paired is not None:
        return f"{curve_name(curve)}: {sides}. {_paired_sentence(curve.paired, curve.metric, report)}"
    return f"{curve_name(curve)}: {sides}. {_difference(ours, control, report.lead, curve.metric)}"


def _paired_sentence(paired: PairedDifference, metric: str, report: RoundReport) -> str:
    where = f"Paired on the same scenes after round {paired.round}, policy minus control is {paired.difference:+.3g}"
    if paired.ci_low is None or paired.ci_high is None:
        return f"{where}; {plural(paired.n_logs, 'log')} are too few to judge."
    interval = f"{where} (95 % interval {paired.ci_low:+.3g} to {paired.ci_high:+.3g}, {plural(paired.n_logs, 'log')})"
    if paired.ci_low <= 0 <= paired.ci_high:
        return f"{interval}: no difference is shown."
    if report.lead is None or report.lead.name != metric:
        return f"{interval}: a difference at this cost."
    better = (paired.difference < 0) == (report.lead.better == "lower")
    return f"{interval}: the policy is {'better' if better else 'worse'} than random at this cost."


def _arm_value(point: EvidencePoint, unit: str) -> str:
    value = with_interval(point.value, point.ci_low, point.ci_high)
    return f"{point.arm} {value} after {cost(point.cost)} {unit} ({plural(point.n_logs, 'log')})"


def _difference(ours: EvidencePoint, control: EvidencePoint, lead: LeadMetric | None, metric: str) -> str:
    if ours.ci_low is None or ours.ci_high is None or control.ci_low is None or control.ci_high is None:
        return "Without intervals on both sides the difference cannot be judged."
    if ours.ci_low <= control.ci_high and control.ci_low <= ours.ci_high:
        return "The intervals overlap, so no difference is shown yet."
    if lead is None or lead.name != metric:
        return "The intervals do not overlap: a difference at this cost."
    is_lower = ours.ci_high < control.ci_low
    better = is_lower == (lead.better == "lower")
    return f"The intervals do not overlap: the policy is {'better' if better else 'worse'} than random at this cost."
