"""What a tracker is told of a round: gathered from the ledger and from the folders that it names.

Metrics have names that stay the same over rounds: `accuracy` over all scenes, `accuracy.ci_low` and `accuracy.ci_high`
its interval, `segment/<segment>/accuracy`, `round/<figure>` and `evidence/<figure>`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.errors import OddloopError
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.workspace import Workspace
from oddloop.rounds.evidence import ALL_SCENES
from oddloop.rounds.model import model_uri
from oddloop.rounds.stages import policy_source
from oddloop.rounds.state import Event, RoundState, fold
from oddloop.rounds.tracking.base import Dataset, Model, RoundRecord
from oddloop.rounds.train_hook import LABELLED_FILE, trained_folder

ROUND_FILES = ("picks.parquet", "picks.csv", "manifest.json", "report.html")
"""Files of `rounds/<round_id>/` that a tracker gets; `pool.parquet` stays, since it may be large."""
POLICY_FILE = "policy_source.py"
_PARAMETERS = ("policy", "score", "budget", "cost_unit", "seed", "policy_source")
_FIGURES = {"cost": "round/predicted_cost", "budget": "round/budget"}


def record_of(workspace: Workspace, events: Sequence[Event], files: Mapping[str, bytes]) -> RoundRecord:
    """The record of a round.

    Args:
        workspace: the workspace.
        events: all of the round's events so far, one at least.
        files: content by name of what there is of its folder.
    """
    state = fold(events)
    assert state is not None  # noqa: S101  there is an event
    segments = _segment_metrics(workspace, state)
    return RoundRecord(
        round_id=state.round_id,
        number=state.number,
        status=state.status,
        seq=events[-1].seq,
        begun_at_ns=events[0].at_ns,
        at_ns=events[-1].at_ns,
        parameters=_parameters(state),
        is_fixed=state.status not in ("opened", "proposed") or bool(state.decisions),
        metrics=_figures(state) | _evidence(state) | _measured(segments, workspace.config.tracker.max_segments),
        dataset=_dataset(workspace, state),
        model=_model(workspace, state),
        files={**files, **_policy(state)},
        segment_metrics=segments,
        summary=_summary(state),
    )


def files_of(workspace: Workspace, round_id: str) -> dict[str, bytes]:
    """What there is of a round's folder for a tracker."""
    folder = workspace.storage.sub(f"rounds/{round_id}")
    return {name: folder.read_bytes(name) for name in ROUND_FILES if folder.exists(name)}


def _parameters(state: RoundState) -> dict[str, str]:
    proposal = state.proposal
    found = {name: str(proposal[name]) for name in _PARAMETERS if proposal.get(name) not in (None, "")}
    pool = proposal.get("pool", {})
    more = {
        "scored_by": proposal.get("model_id"),
        "pool": pool.get("digest"),
        "n_candidates": pool.get("n_candidates"),
    }
    return found | {name: str(value) for name, value in more.items() if value is not None}


def _policy(state: RoundState) -> dict[str, bytes]:
    """The policy's code, as long as it is still the one that made the picks."""
    policy = str(state.proposal.get("policy", ""))
    try:
        code = policy_source(policy) if policy else []
    except (OddloopError, ImportError):  # it is not here any more
        return {}
    if not code or digest_of(code) != state.proposal.get("policy_source"):
        return {}
    return {POLICY_FILE: "\n".join(f"# ==== {name}\n{text}" for name, text in code).encode()}


def _figures(state: RoundState) -> dict[str, float]:
    found: dict[str, Any] = {name: state.proposal.get(key) for key, name in _FIGURES.items()}
    found["round/n_picks"] = len(state.picks) if state.proposal else None
    found["round/n_rejected"] = len(state.review["rejected"]) if state.review.get("rejected") is not None else None
    found["round/cost"] = state.labels.get("cost")
    found["round/n_labelled"] = state.labels.get("n_scenes")
    return {name: float(value) for name, value in found.items() if value is not None}


def _evidence(state: RoundState) -> dict[str, float]:
    """Plain numbers of the newest evidence on the round, by their names in it."""
    return {f"evidence/{name}": value for name, value in _numbers(state.evidence, "").items()}


def _numbers(value: Any, name: str) -> dict[str, float]:
    """Finite numbers of nested mappings, names joined by a slash; lists are left to the table."""
    if isinstance(value, Mapping):
        nested = [_numbers(part, f"{name}/{key}" if name else str(key)) for key, part in value.items()]
        return {key: number for part in nested for key, number in part.items()}
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return {name: float(value)} if is_number else {}


def _segment_metrics(workspace: Workspace, state: RoundState) -> pa.Table | None:
    """Metrics of the round's model per segment; None before it is measured, or where the folder is gone."""
    digest = state.evaluation.get("coverage_digest")
    folder = workspace.storage.sub(f"derived/coverage/{digest}")
    if not digest or not folder.exists("segment_metrics.parquet"):
        return None
    table = folder.read_table("segment_metrics.parquet")
    return table.filter(pc.equal(table["model_id"], str(state.evaluation["model_id"])))


def _measured(segments: pa.Table | None, max_segments: int) -> dict[str, float]:
    """Metrics by name: over all scenes with their interval, then per segment, those of fewest attributes first."""
    if segments is None:
        return {}
    columns = ["segment_id", "metric", "value", "ci_low", "ci_high"]
    found: dict[str, float] = {}
    overall = segments.filter(pc.equal(segments["segment_id"], ALL_SCENES)).select(columns)
    for row in overall.to_pylist():
        names = {"value": row["metric"], "ci_low": f"{row['metric']}.ci_low", "ci_high": f"{row['metric']}.ci_high"}
        found |= {name: row[key] for key, name in names.items() if row[key] is not None}
    chosen = pa.array(_first_segments(segments, max_segments), pa.string())
    parts = segments.filter(pc.is_in(segments["segment_id"], value_set=chosen)).select(columns)
    for row in parts.to_pylist():
        if row["value"] is not None:
            found[f"segment/{row['segment_id']}/{row['metric']}"] = row["value"]
    return found


def _first_segments(segments: pa.Table, max_segments: int) -> list[str]:
    """Segments whose metrics have names of their own: by attributes, then by name, so that rounds have the same."""
    ids = sorted(set(segments["segment_id"].unique().to_pylist()) - {ALL_SCENES})
    return sorted(ids, key=lambda name: name.count("="))[:max_segments]


def _dataset(workspace: Workspace, state: RoundState) -> Dataset | None:
    """What the round's model was trained on: as its training says, else by the ids of the labelled scenes."""
    if "digest" not in state.training:
        return None
    folder, name = trained_folder(workspace, state), f"al/labelled@{state.round_id}"
    told = state.training.get("dataset")
    if told:
        place = workspace.storage.sub(str(told["path"])).absolute if told.get("path") else folder.absolute
        return Dataset(name, str(told["digest"]), place, int(told["n_scenes"]), told.get("n_logs"))
    if not folder.exists(LABELLED_FILE):
        return None
    labelled = folder.read_table(LABELLED_FILE, ["scene_id", "log_id"])
    n_logs = len(labelled["log_id"].unique())
    ids = digest_of(labelled["scene_id"].to_pylist())
    return Dataset(name, ids, f"{folder.absolute}/{LABELLED_FILE}", labelled.num_rows, n_logs)


def _model(workspace: Workspace, state: RoundState) -> Model | None:
    if "digest" not in state.training:
        return None
    return Model(
        str(state.training["model_id"]),
        model_uri(workspace, state),
        trained_folder(workspace, state).absolute,
        str(state.training["digest"]),
    )


def _summary(state: RoundState) -> str:
    proposal, lines = state.proposal, [f"**{state.round_id}** is {state.status}."]
    if proposal:
        unit = proposal.get("cost_unit", "")
        lines.append(f"{len(state.picks)} picks by `{proposal['policy']}`, predicted cost {proposal['cost']:g} {unit}.")
    if "n_scenes" in state.labels:
        cost = state.labels.get("cost")
        lines.append(f"{state.labels['n_scenes']} scenes labelled, cost {'unknown' if cost is None else f'{cost:g}'}.")
    if "sentence" in state.evidence:
        lines.append(str(state.evidence["sentence"]))
    if "error" in state.training:
        lines.append(f"Training failed: {str(state.training['error']).splitlines()[0]}")
    return "\n\n".join(lines)
