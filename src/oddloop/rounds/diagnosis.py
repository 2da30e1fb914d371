"""Why each gap exists: what the coverage stage measured, with all the evidence that the workspace has by now.

Kept as `derived/diagnosis/<digest>/` with `gaps.parquet`, `verdicts.parquet` and `curves.parquet`, so that the command
line, the report and whoever asks next read the same verdicts. Nothing is trained here: learning curves count where
`oddloop coverage curves` has run, rounds where they were evaluated, hints where the workspace has what they need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage.diagnosis import Clues, Diagnosis, diagnose, worst_gaps
from oddloop.derived_tables import CURVE_POINTS, ROUND_HISTORY, SEGMENT_HINTS
from oddloop.lake.derived import Derived, Recipe, derive, find
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.curves import POINTS_FILE, find_curves
from oddloop.rounds.evidence import evaluated_rounds
from oddloop.rounds.stages.context import make_generator, write_tables
from oddloop.rounds.state import RoundState


def run_diagnosis(workspace: Workspace, coverage_digest: str) -> Derived:
    """Gaps and verdicts of the segments that the coverage stage has measured, made where they are not there yet.

    Call it while nobody else writes to the workspace (`lake.lock.locked`).

    Args:
        workspace: for targets, rules and evidence, all as they are now.
        coverage_digest: names the coverage stage's folder.

    Returns:
        a folder with `derived_tables.GAPS`, `VERDICTS` and `CURVES`; without rows where no metric has a target.
    """
    evidence = _gather(workspace, coverage_digest)

    def write(out: Storage) -> Mapping[str, int]:
        found = _diagnose(workspace, coverage_digest, evidence)
        return write_tables(out, gaps=found.gaps, verdicts=found.verdicts, curves=found.curves)

    return derive(workspace.storage, evidence.recipe, write)


def read_diagnosis(workspace: Workspace, coverage_digest: str) -> Diagnosis:
    """What `run_diagnosis` gives; where it has not run, it is not kept.

    May be called while others write to the workspace.
    """
    evidence = _gather(workspace, coverage_digest)
    kept = find(workspace.storage, evidence.recipe)
    if kept is None:
        return _diagnose(workspace, coverage_digest, evidence)
    return Diagnosis(*(kept.storage.read_table(f"{name}.parquet") for name in ("gaps", "verdicts", "curves")))


@dataclass(frozen=True)
class _Evidence:
    """What a diagnosis rests on beside the coverage: learning curves, evaluated rounds; and the recipe of it all."""

    curves: Derived | None
    rounds: list[RoundState]
    recipe: Recipe


def _gather(workspace: Workspace, coverage_digest: str) -> _Evidence:
    curves, rounds = find_curves(workspace), evaluated_rounds(workspace)
    config = workspace.config
    inputs = {
        "coverage": coverage_digest,
        "curves": curves.digest if curves else "",
        "rounds": digest_of([_folder_of(state) for state in rounds]),
    }
    settings = {
        "metrics": {name: asdict(metric) for name, metric in config.metrics.items()},
        "diagnosis": asdict(config.coverage.diagnosis),
    }
    return _Evidence(curves, rounds, Recipe("diagnosis", inputs, settings, seed=config.workspace.seed))


def _diagnose(workspace: Workspace, coverage_digest: str, evidence: _Evidence) -> Diagnosis:
    config = workspace.config
    covered = workspace.storage.sub(f"derived/coverage/{coverage_digest}")
    segments, measured = (covered.read_table(f"{name}.parquet") for name in ("segments", "segment_metrics"))
    clues = Clues(_points(evidence.curves), round_history(workspace, evidence.rounds), _hints(covered))
    rng = make_generator(config.workspace.seed, "diagnosis")
    return diagnose(segments, measured, config.metrics, clues, config.coverage.diagnosis, rng)


def find_worst_gaps(workspace: Workspace, coverage_digest: str) -> pa.Table:
    """What `coverage.diagnosis.worst_gaps` gives of the diagnosis, which is made where it is not there yet."""
    found = run_diagnosis(workspace, coverage_digest).storage
    return worst_gaps(found.read_table("gaps.parquet"), found.read_table("verdicts.parquet"))


def _points(curves: Derived | None) -> pa.Table:
    return curves.storage.read_table(POINTS_FILE) if curves else CURVE_POINTS.empty()


def _hints(covered: Storage) -> pa.Table:
    name = "segment_hints.parquet"  # not in folders of before there were hints
    return covered.read_table(name) if covered.exists(name) else SEGMENT_HINTS.empty()


def _folder_of(state: RoundState) -> str:
    return f"derived/coverage/{state.evaluation['coverage_digest']}"


def round_history(workspace: Workspace, rounds: list[RoundState]) -> pa.Table:
    """`derived_tables.ROUND_HISTORY` of the rounds whose coverage is still there."""
    folders = {state.number: workspace.storage.sub(_folder_of(state)) for state in rounds}
    parts = [_round_rows(n, folder) for n, folder in folders.items() if folder.exists("segments.parquet")]
    return pa.concat_tables([ROUND_HISTORY.empty(), *parts])


def _round_rows(number: int, covered: Storage) -> pa.Table:
    segments = covered.read_table("segments.parquet")
    labelled = segments.filter(pc.equal(segments["status"], "labelled")).select(["segment_id", "n_scenes"])
    measured = covered.read_table("segment_metrics.parquet").drop_columns(["n_scenes"])
    joined: dict[str, Any] = dict(measured.join(labelled, "segment_id", join_type="inner").to_pydict())
    joined["round"] = [number] * len(joined["segment_id"])
    return pa.Table.from_pydict({name: joined[name] for name in ROUND_HISTORY.schema().names}, ROUND_HISTORY.schema())
