"""A proposal: the picks with all that is needed to trace them, in the ledger and as files for people and tools.

The ledger is written first; `rounds/<round_id>/` follows from it and from the derived tables, so that a run killed in
between writes it next time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from oddloop import __version__
from oddloop.lake.derived import Derived
from oddloop.lake.workspace import Workspace
from oddloop.rounds.stages import policy_source_digest
from oddloop.rounds.state import RoundState

ROUND_FILES = ("picks.parquet", "picks.csv", "pool.parquet")
ROUND_MANIFEST = "manifest.json"
_NOT_RECORDED = ("ledger", "tracker", "deploy", "web")
"""Sections whose URLs may hold a password."""


def proposal_of(workspace: Workspace, stages: Mapping[str, Derived]) -> dict[str, Any]:
    """Payload of a `proposed` event: pool snapshot, model, score, policy and its source, seed, configuration, picks."""
    selected = stages["select"]
    picks = selected.storage.read_table("picks.parquet")
    candidates = selected.storage.read_table("candidates.parquet")
    config = workspace.config
    return {
        "pool": {"digest": selected.digest, "n_candidates": candidates.num_rows, "inputs": selected.manifest["inputs"]},
        "model_id": stages["score"].manifest["settings"]["model_id"],
        "score": score_column_of(candidates),
        "policy": config.select.policy,
        "policy_source": policy_source_digest(config.select.policy),
        "seed": config.workspace.seed,
        "budget": config.select.budget,
        "cost_unit": config.cost.unit,
        "cost": float(pc.sum(picks["cost"]).as_py() or 0.0),
        "config": {name: section for name, section in asdict(config).items() if name not in _NOT_RECORDED},
        "stages": {name: derived.digest for name, derived in stages.items()},
        "picks": picks.to_pylist(),
    }


def score_column_of(candidates: pa.Table) -> str:
    """Name of the scene score that the candidates were ranked by; "" where the policy used none."""
    metadata = candidates.schema.metadata or {}
    return str(metadata.get(b"score_column", b"").decode())


def write_files(workspace: Workspace, state: RoundState) -> bool:
    """Write `rounds/<round_id>/`: picks, the pool snapshot, the manifest last; False where it is there already.

    Each file is replaced whole; the manifest names the digests that the others belong to.
    """
    folder = workspace.storage.sub(f"rounds/{state.round_id}")
    manifest = _manifest(state)
    is_whole = all(folder.exists(name) for name in (*ROUND_FILES, ROUND_MANIFEST))
    if is_whole and folder.read_bytes(ROUND_MANIFEST) == manifest:
        return False
    selected = workspace.storage.sub(f"derived/select/{state.proposal['stages']['select']}")
    picks = final_picks(state, selected.read_table("picks.parquet"))
    folder.write_bytes("picks.parquet", _as_parquet(picks))
    folder.write_bytes("pool.parquet", selected.read_bytes("candidates.parquet"))
    folder.write_bytes("picks.csv", _as_csv(picks))
    folder.write_bytes(ROUND_MANIFEST, manifest)
    return True


def final_picks(state: RoundState, proposed: pa.Table) -> pa.Table:
    """The picks as the review has left them; those that were proposed where there was none."""
    if not state.review:
        return proposed
    return pa.Table.from_pylist(state.picks, proposed.schema)


def _manifest(state: RoundState) -> bytes:
    record = {k: v for k, v in state.proposal.items() if k != "picks"}
    if state.review:
        record |= {"cost": state.cost, "review": {k: v for k, v in state.review.items() if k != "picks"}}
    content = {"format": 1, "round_id": state.round_id, "oddloop_version": __version__, **record}
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False).encode()


def _as_parquet(picks: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(picks, sink, compression="zstd")
    return bytes(sink.getvalue())


def _as_csv(picks: pa.Table) -> bytes:
    reasons = ["; ".join(str(r["text"]) for r in reasons) for reasons in picks["reasons"].to_pylist()]
    flat = picks.drop_columns(["reasons"]).append_column("reasons", pa.array(reasons, pa.string()))
    sink = pa.BufferOutputStream()
    pacsv.write_csv(flat, sink)
    return bytes(sink.getvalue())
