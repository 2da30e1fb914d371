"""From a round's tables to its report: joins, counts and the order of things; no formatting.

Time and memory grow with the scenes only in vectorised joins; the rest grows with picks, segments and clusters.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.report.columns import as_text, finite, take_by_id
from oddloop.report.gaps import gaps_of
from oddloop.report.missing import what_is_missing
from oddloop.report.model import (
    CONTROL,
    Cluster,
    EvidenceCurve,
    EvidencePoint,
    PairedDifference,
    Pick,
    Provenance,
    Reason,
    ReportInputs,
    RoundReport,
    Spend,
)
from oddloop.report.scene_map import build_scene_map
from oddloop.report.segments import attributes_of, count_judged, join_segments, reference_of, weakest
from oddloop.tables import STRING


def build_report(inputs: ReportInputs) -> RoundReport:
    """Gather what a round's page says.

    The order of the rows of any table makes no difference. Numbers that are null or not finite become None.
    """
    segments = join_segments(inputs.segments, inputs.segment_metrics, inputs.model_id, inputs.lead)
    reference = reference_of(segments, inputs.lead)
    picks = _picks(inputs)
    weak = weakest(segments, inputs.lead, reference)
    return RoundReport(
        provenance=_provenance(inputs),
        spend=_spend(inputs),
        confidence=inputs.confidence,
        lead=inputs.lead,
        reference=reference,
        weakest=weak,
        n_judged=count_judged(segments),
        gaps=gaps_of(inputs),
        evidence=_evidence(inputs),
        weighed=inputs.weighed,
        picks=picks,
        attributes=attributes_of(inputs.attributes, segments, inputs.outside),
        segments=segments,
        map=build_scene_map(inputs),
        clusters=_clusters(inputs),
        missing=what_is_missing(inputs, segments, weak),
    )


def _provenance(inputs: ReportInputs) -> Provenance:
    return Provenance(
        workspace=inputs.workspace,
        round_id=inputs.round_id,
        status=inputs.status,
        model_id=inputs.model_id,
        policy=inputs.policy,
        policy_digest=inputs.policy_digest,
        score=inputs.score,
        seed=inputs.seed,
        version=inputs.version,
        pool_digest=inputs.pool_digest,
        stage_digests=dict(inputs.stage_digests),
    )


def _spend(inputs: ReportInputs) -> Spend:
    picks, candidates = inputs.picks, inputs.candidates
    return Spend(
        n_scenes=picks.num_rows,
        n_logs=pc.count_distinct(picks["log_id"]).as_py(),
        cost=finite(pc.sum(picks["cost"]).as_py()) or 0.0,
        budget=inputs.budget,
        cost_unit=inputs.cost_unit,
        n_candidates=candidates.num_rows,
        n_candidate_logs=pc.count_distinct(candidates["log_id"]).as_py(),
        cheapest=finite(pc.min(candidates["cost"]).as_py()),
    )


def _picks(inputs: ReportInputs) -> tuple[Pick, ...]:
    table = inputs.picks.sort_by("rank")
    ids = table["scene_id"].combine_chunks()
    candidates = take_by_id(inputs.candidates, ids).select(["score", "n_frames", "n_objects"]).to_pylist()
    scenes = take_by_id(inputs.scenes, ids)
    names = [name for name in inputs.attributes if name in scenes.column_names]
    attributes = pa.table({name: as_text(scenes[name]) for name in names}).to_pylist() or [{}] * len(ids)
    rows = zip(table.to_pylist(), candidates, attributes, strict=True)
    return tuple(_pick(row, candidate, values) for row, candidate, values in rows)


def _pick(row: dict[str, Any], candidate: dict[str, Any], attributes: dict[str, str]) -> Pick:
    reasons = row["reasons"] or ()
    return Pick(
        rank=row["rank"],
        scene_id=row["scene_id"],
        log_id=row["log_id"],
        cost=finite(row["cost"]),
        cumulative_cost=finite(row["cumulative_cost"]),
        gain=finite(row["gain"]),
        score=finite(candidate["score"]),
        n_frames=candidate["n_frames"],
        n_objects=candidate["n_objects"],
        attributes=attributes,
        reasons=tuple(Reason(r["code"] or "", finite(r["value"]), r["text"] or "") for r in reasons),
    )


def _clusters(inputs: ReportInputs) -> tuple[Cluster, ...]:
    """Clusters in the order of their cards."""
    # Of nested clusters the map shows one per scene, the members all.
    members = inputs.scene_map if inputs.members is None else inputs.members
    picked = pc.is_in(members["scene_id"], value_set=inputs.picks["scene_id"].combine_chunks().cast(STRING))
    counts = members.filter(picked)["cluster_id"].value_counts().to_pylist()
    n_picked = {row["values"]: row["counts"] for row in counts}
    clusters = (
        Cluster(
            row["cluster_id"],
            row["name"],
            row["rank"],
            row["why"],
            row["n_scenes"],
            row["n_logs"],
            finite(row["duration_s"]) or 0.0,
            row["n_labelled"],
            n_picked.get(row["cluster_id"], 0),
            tuple(row["medoids"] or ()),
        )
        for row in inputs.clusters.to_pylist()
    )
    return tuple(sorted(clusters, key=lambda c: (c.rank, c.cluster_id)))


def _evidence(inputs: ReportInputs) -> tuple[EvidenceCurve, ...]:
    """Learning curves: the leading metric first, and of each metric all scenes first."""
    if inputs.evidence is None:
        return ()
    paired = {} if inputs.differences is None else _paired(inputs.differences)
    points: dict[tuple[str, str], list[EvidencePoint]] = {}
    for row in inputs.evidence.to_pylist():
        points.setdefault((row["metric"], row["segment_id"]), []).append(_point(row))
    curves = (
        EvidenceCurve(
            metric,
            segment_id,
            tuple(sorted(found, key=lambda p: (p.arm == CONTROL, p.arm, p.cost, p.round))),
            paired.get((metric, segment_id)),
        )
        for (metric, segment_id), found in points.items()
    )
    leading = inputs.lead.name if inputs.lead else ""
    return tuple(sorted(curves, key=lambda c: (c.metric != leading, c.metric, c.segment_id.count("="), c.segment_id)))


def _paired(table: pa.Table) -> dict[tuple[str, str], PairedDifference]:
    return {
        (row["metric"], row["segment_id"]): PairedDifference(
            row["round"], row["difference"], finite(row["ci_low"]), finite(row["ci_high"]), row["n_logs"]
        )
        for row in table.to_pylist()
    }


def _point(row: dict[str, Any]) -> EvidencePoint:
    ends = (finite(row["ci_low"]), finite(row["ci_high"]))
    return EvidencePoint(
        row["arm"], row["round"], finite(row["cost"]) or 0.0, finite(row["value"]), *ends, row["n_logs"]
    )
