"""Write a round's report where it is not there yet: collect its tables, render, replace `report.html` in one go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop import __version__
from oddloop.config import config_from_mapping
from oddloop.derived_tables import LISTED_CLUSTERS
from oddloop.errors import LedgerError
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.report.build import build_report
from oddloop.report.columns import take_by_id
from oddloop.report.coverage_page import write_coverage
from oddloop.report.html import render_html
from oddloop.report.lead import lead_metric
from oddloop.report.model import CONTROL, LeadMetric, ReportInputs
from oddloop.report.wording import weak_sentence
from oddloop.report.written import WrittenPage, write_once
from oddloop.rounds.diagnosis import find_worst_gaps, run_diagnosis
from oddloop.rounds.discovery import Discovery, read_discovery
from oddloop.rounds.evidence import collect_evidence, evaluated_rounds
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.paired import paired_differences
from oddloop.rounds.propose import final_picks
from oddloop.rounds.state import DISCOVERY, RoundState
from oddloop.tables import SCENES

REPORT_FILE = "report.html"
_LISTED = 100
"""Clusters that the page lists; `oddloop discover` lists all."""


def write_report(workspace: Workspace, round_id: str = "", *, control: Workspace | None = None) -> WrittenPage:
    """Write `rounds/<round_id>/report.html`, or before the first round what was counted, `coverage.html`.

    A page that already says the same is left alone.

    Call it while nobody else writes to the workspace (`lake.lock.locked`).

    Args:
        workspace: the workspace.
        round_id: the round; "" is the newest that has picks.
        control: workspace of a control arm to compare with; None: the one in [evidence] control, if any.

    Raises:
        LedgerError: there is no such round, it has no picks, or there is no round and nothing was counted.
    """
    state = _round(workspace, round_id)
    if state is None:
        return write_coverage(workspace)
    control = control or _control(workspace)
    diagnosis = run_diagnosis(workspace, state.proposal["stages"]["coverage"])
    return write_once(
        workspace.storage.sub(f"rounds/{state.round_id}"),
        REPORT_FILE,
        _digest(workspace, state, control, diagnosis.digest),
        lambda: render_html(build_report(collect_inputs(workspace, state, control))),
    )


def say_where_to_look(workspace: Workspace, round_id: str = "") -> str:
    """The report's first advice: the weakest segment with enough support; "" where nothing is measured."""
    state = _round(workspace, round_id)
    if state is None:
        return ""
    report = build_report(collect_inputs(workspace, state, _control(workspace)))
    if not report.weakest:
        return ""
    return f"the model is weakest in {report.weakest[0].segment_id}: {weak_sentence(report.weakest[0], report)}"


def collect_inputs(workspace: Workspace, state: RoundState, control: Workspace | None = None) -> ReportInputs:
    """Everything that a round's report is made of.

    Segments and clusters are those of the proposal, and so are the picks, unless a review has left others; what the
    page leads with, and the evidence, are of today.
    """
    proposal = state.proposal
    config = config_from_mapping(proposal["config"])
    stage = {name: workspace.storage.sub(f"derived/{name}/{digest}") for name, digest in proposal["stages"].items()}
    segment_metrics = stage["coverage"].read_table("segment_metrics.parquet")
    lead = lead_metric(segment_metrics, workspace.config)
    found = _discovery(workspace, proposal["stages"])
    return ReportInputs(
        workspace=workspace.config.workspace.name,
        round_id=state.round_id,
        status=state.status,
        model_id=proposal["model_id"],
        policy=proposal["policy"],
        policy_digest=proposal["policy_source"],
        score=proposal["score"],
        seed=proposal["seed"],
        budget=proposal["budget"],
        cost_unit=proposal["cost_unit"],
        version=__version__,
        pool_digest=proposal["pool"]["digest"],
        stage_digests=proposal["stages"],
        attributes={name: attribute.all_values for name, attribute in config.attributes.items()},
        outside={name: attribute.all_outside for name, attribute in config.attributes.items()},
        confidence=config.coverage.confidence,
        lead=lead,
        picks=final_picks(state, stage["select"].read_table("picks.parquet")),
        candidates=stage["select"].read_table("candidates.parquet"),
        scenes=_scenes(workspace, stage["coverage"]),
        labelled_ids=_labelled(stage["coverage"]),
        segments=stage["coverage"].read_table("segments.parquet"),
        segment_metrics=segment_metrics,
        scene_map=found.scene_map,
        clusters=listed_clusters(found),
        members=found.lasting.members,
        evidence=_evidence(workspace, state, control, lead),
        weighed=_weighed(workspace),
        differences=_differences(workspace, state, control, lead),
        gaps=find_worst_gaps(workspace, proposal["stages"]["coverage"]),
    )


def _discovery(workspace: Workspace, stages: Mapping[str, str]) -> Discovery:
    ledger = open_ledger(workspace)
    try:
        return read_discovery(workspace, ledger.events(DISCOVERY), stages["discover"], stages["cards"])
    finally:
        ledger.close()


def listed_clusters(found: Discovery) -> pa.Table:
    """LISTED_CLUSTERS: the first `_LISTED` cards of a discovery as a report lists them."""
    found_cards = found.cards.slice(0, _LISTED)
    cards = found_cards.rename_columns({"rank_text": "why", "typical": "medoids"})
    names = pa.array([found.name_of(name) for name in cards["cluster_id"].to_pylist()], pa.string())
    return cards.append_column("name", names).select(LISTED_CLUSTERS.schema().names).cast(LISTED_CLUSTERS.schema())


def _round(workspace: Workspace, round_id: str) -> RoundState | None:
    """The round; where none is named, the newest with picks, or None where there is none."""
    ledger = open_ledger(workspace)
    try:
        if not round_id:
            return next((s for s in reversed(ledger.rounds()) if s.picks), None)
        state = ledger.round(round_id)
    finally:
        ledger.close()
    if not state.picks:
        raise LedgerError(f"round {round_id} has no picks to report; `oddloop run` proposes a round")
    return state


def _digest(workspace: Workspace, state: RoundState, control: Workspace | None, diagnosis: str) -> str:
    arms = [workspace, control] if control else [workspace]
    evaluations: list[list[Mapping[str, Any]]] = [[s.evaluation for s in evaluated_rounds(arm)] for arm in arms]
    shown = asdict(workspace.config)
    settings = [shown["workspace"], shown["metrics"], shown["coverage"]["metric"]]
    content = [
        __version__,
        state.status,
        state.proposal,
        state.review,
        evaluations,
        settings,
        diagnosis,
        _said(workspace),
        _weighed(workspace),
    ]
    return digest_of(json.loads(json.dumps(content)))


def _said(workspace: Workspace) -> int:
    """How much was said of clusters, which the page tells."""
    ledger = open_ledger(workspace)
    try:
        return len(ledger.events(DISCOVERY))
    finally:
        ledger.close()


def _weighed(workspace: Workspace) -> tuple[str, ...]:
    """What the evidence says of the newest round that was weighed; nothing where none was."""
    found = [state for state in evaluated_rounds(workspace) if state.evidence]
    return tuple(f"{found[-1].round_id}: {told}" for told in found[-1].evidence["sentences"]) if found else ()


def _control(workspace: Workspace) -> Workspace | None:
    pointer = workspace.config.evidence.control
    return Workspace.open(workspace.resolve(pointer)) if pointer else None


def _scenes(workspace: Workspace, coverage: Storage) -> pa.Table:
    """Scenes with the attribute values that the segments have, in place of the raw columns."""
    scenes = read_table(workspace.table("scenes"), SCENES)
    values = take_by_id(coverage.read_table("scene_values.parquet"), scenes["scene_id"].combine_chunks())
    own = scenes.select([n for n in scenes.column_names if n not in values.column_names])
    return pa.table({**_columns(values.drop_columns(["labelled"])), **_columns(own)})


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))


def _labelled(coverage: Storage) -> pa.Array:
    values = coverage.read_table("scene_values.parquet", columns=["scene_id", "labelled"])
    return values.filter(pc.field("labelled"))["scene_id"].combine_chunks()


def _evidence(
    workspace: Workspace, state: RoundState, control: Workspace | None, lead: LeadMetric | None
) -> pa.Table | None:
    if lead is None or not evaluated_rounds(workspace):
        return None
    arms = {str(state.proposal["policy"]): workspace} | ({CONTROL: control} if control else {})
    return collect_evidence(arms, lead.name)


def _differences(
    workspace: Workspace, state: RoundState, control: Workspace | None, lead: LeadMetric | None
) -> pa.Table | None:
    if control is None or lead is None:
        return None
    rng = np.random.default_rng(np.random.SeedSequence([int(state.proposal["seed"]), *b"differences"]))
    return paired_differences(workspace, control, lead.name, rng)
