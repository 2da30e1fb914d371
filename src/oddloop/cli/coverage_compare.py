"""Compare two rounds' models in every segment, on the same held-out scenes."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pyarrow as pa
import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import out, print_json, print_table
from oddloop.errors import LedgerError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.changes import BETTER, WORSE, judge_changes
from oddloop.rounds.evidence import evaluated_rounds
from oddloop.rounds.paired import compare_rounds
from oddloop.rounds.stages import audited_metric
from oddloop.rounds.state import RoundState

N_SHOWN = 10
_COLUMNS = ("segment_id", "first_value", "second_value", "difference", "ci_low", "ci_high", "n_scenes", "n_logs")


def run(
    first: Annotated[str, typer.Argument(help="Evaluated round, such as r003.")],
    second: Annotated[str, typer.Argument(help="Evaluated round to compare it with, such as r000.")],
    metric: Annotated[str, typer.Option(help="Metric; default: the one that reports lead with.")] = "",
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:
    opened = Workspace.open(workspace)
    rounds = {state.round_id: state for state in evaluated_rounds(opened)}
    one, other = _round(rounds, first), _round(rounds, second)
    covered = opened.storage.sub(f"derived/coverage/{one.evaluation['coverage_digest']}")
    measured = covered.read_table("segment_metrics.parquet")
    name, better = audited_metric(measured, metric, opened.config, str(one.training.get("model_id", first)))
    seed = np.random.SeedSequence([opened.config.workspace.seed, *b"compare"])
    found = compare_rounds(opened, one, other, name, np.random.default_rng(seed))
    if as_json:
        print_json({"metric": name, "better": better, "first": first, "second": second, "segments": found.to_pylist()})
        return
    surest = judge_changes(found, better)
    shown = [[row[c] for c in _COLUMNS] for row in surest.slice(0, N_SHOWN).to_pylist()]
    title = f"{name} ({better} is better) of {first} less {second}: all scenes, then the surest changes"
    print_table(title, _COLUMNS, shown)
    out.print(_sentence(surest))


def _round(rounds: dict[str, RoundState], name: str) -> RoundState:
    if name not in rounds:
        raise LedgerError(f"{name} is no evaluated round; there are: {', '.join(rounds) or 'none'}")
    return rounds[name]


def _sentence(table: pa.Table) -> str:
    change, known = table["change"].to_pylist(), table["has_interval"].to_pylist()
    return (
        f"{change.count(BETTER):,} segments are surely better, {change.count(WORSE):,} surely worse, of "
        f"{sum(known):,} with logs enough for an interval; it is not corrected for their number."
    )
