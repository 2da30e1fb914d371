"""What is published: the workspace at one moment, as digests of folders and small tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from oddloop import __version__
from oddloop.errors import WorkspaceError
from oddloop.lake.derived import read_manifest
from oddloop.lake.fingerprint import digest_of, fingerprint
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.publish.dimensions import cluster_rows, model_rows, round_rows
from oddloop.rounds.diagnosis import run_diagnosis
from oddloop.rounds.ledger import Ledger
from oddloop.rounds.newest import newest_stages
from oddloop.rounds.snapshots import newest_snapshot
from oddloop.rounds.state import ROUND_ZERO, RoundState

LAKE_TABLES = ("scenes", "labels")


@dataclass(frozen=True)
class Moment:
    """A workspace at one moment.

    Attributes:
        workspace: it.
        coverages: digest of the coverage that shows the state after a round, by round id, oldest first.
        diagnosis: digest of the verdicts on the last of them.
        lifts: digest of the evidence, by round id.
        stages: digest of the newest folder by stage.
        score_names: scene scores to publish.
        picks: (scene_id, round_id, rank) of every pick, the last round's last.
        dim_round, dim_model, dim_cluster: the tables of these names.
    """

    workspace: Workspace
    coverages: Mapping[str, str]
    diagnosis: str
    lifts: Mapping[str, str]
    stages: Mapping[str, str]
    score_names: tuple[str, ...]
    picks: Sequence[tuple[str, str, int]]
    dim_round: pa.Table
    dim_model: pa.Table
    dim_cluster: pa.Table

    @property
    def newest(self) -> str:
        """The round that the newest segments stand under."""
        return list(self.coverages)[-1]

    def folder(self, stage: str, digest: str = "") -> Storage | None:
        """A stage's folder, by default the newest; None where the stage has not run or its folder is gone."""
        digest = digest or self.stages.get(stage, "")
        folder = self.workspace.storage.sub(f"derived/{stage}/{digest}")
        return folder if digest and folder.exists("manifest.json") else None

    def digest(self) -> str:
        """Digest of all that the tables are made of, 32 hex digits."""
        config = self.workspace.config
        targets = {name: [metric.better, metric.target] for name, metric in config.metrics.items()}
        lake = fingerprint([self.workspace.table(name) for name in LAKE_TABLES], self.workspace.storage)
        small = [table.to_pylist() for table in (self.dim_round, self.dim_model, self.dim_cluster)]
        made_of: list[Any] = [dict(self.coverages), self.diagnosis, dict(self.lifts), dict(self.stages), lake, targets]
        made_of += [
            list(self.score_names),
            list(self.picks),
            config.publish.web_url,
            config.workspace.name,
            __version__,
        ]
        return digest_of([*made_of, _plain(small)])


def _plain(rows: list[Any]) -> list[Any]:
    return [[{name: str(value) for name, value in row.items()} for row in table] for table in rows]


def take_moment(workspace: Workspace, ledger: Ledger) -> Moment:
    """What there is to publish now; verdicts are made where they are not there yet.

    Call it while nobody else writes to the workspace (`lake.lock.locked`).

    Raises:
        WorkspaceError: no segment was counted yet.
    """
    rounds = ledger.rounds()
    stages = newest_stages(rounds)
    stages.setdefault("coverage", newest_snapshot(workspace))
    coverages = _coverages(workspace, rounds, stages["coverage"])
    measured = [_measured_model(workspace, digest) for digest in coverages.values()]
    newest = list(coverages)[-1]
    return Moment(
        workspace=workspace,
        coverages=coverages,
        diagnosis=run_diagnosis(workspace, stages["coverage"]).digest,
        lifts={s.round_id: str(s.evidence["digest"]) for s in rounds if s.evidence.get("digest")},
        stages=stages,
        score_names=_score_names(workspace, rounds),
        picks=[(str(p["scene_id"]), s.round_id, rank) for s in rounds for rank, p in enumerate(s.picks, 1)],
        dim_round=round_rows(workspace.config, ledger, rounds, newest),
        dim_model=model_rows(workspace, ledger, rounds, measured),
        dim_cluster=cluster_rows(workspace, ledger, stages),
    )


def _coverages(workspace: Workspace, rounds: Sequence[RoundState], newest: str) -> dict[str, str]:
    """One coverage per evaluated round whose folder is still there, and the newest one under the newest round."""
    found = {s.round_id: str(s.evaluation["coverage_digest"]) for s in rounds if s.evaluation}
    kept = {name: digest for name, digest in found.items() if _is_there(workspace, digest)}
    if not _is_there(workspace, newest):
        raise WorkspaceError(f"{workspace.storage.url}: no segment was counted yet; run `oddloop run` or `coverage`")
    if not kept or list(kept.values())[-1] != newest:
        kept[rounds[-1].round_id if rounds else ROUND_ZERO] = newest
    return kept


def _is_there(workspace: Workspace, digest: str) -> bool:
    return bool(digest) and workspace.storage.exists(f"derived/coverage/{digest}/segments.parquet")


def _measured_model(workspace: Workspace, coverage: str) -> str:
    manifest = read_manifest(workspace.storage.sub(f"derived/coverage/{coverage}")) or {}
    return str(manifest.get("settings", {}).get("model_id", ""))


def _score_names(workspace: Workspace, rounds: Sequence[RoundState]) -> tuple[str, ...]:
    proposed = next((s for s in reversed(rounds) if s.proposal), None)
    ranked_by = str(proposed.proposal.get("score") or "") if proposed else ""
    names = [ranked_by or workspace.config.select.score, *workspace.config.publish.scores]
    return tuple(dict.fromkeys(name for name in names if name))
