"""Compare two rounds' models in every segment, on the same held-out scenes."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.terminal import out, print_json, print_table
from oddloop.coverage import ALL_SCENES
from oddloop.errors import LedgerError
from oddloop.lake.workspace import Workspace
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
    surest = _surest(found)
    shown = [[row[c] for c in _COLUMNS] for row in surest.slice(0, N_SHOWN).to_pylist()]
    title = f"{name} ({better} is better) of {first} less {second}: all scenes, then the surest changes"
    print_table(title, _COLUMNS, shown)
    out.print(_sentence(found, better))


def _round(rounds: dict[str, RoundState], name: str) -> RoundState:
    if name not in rounds:
        raise LedgerError(f"{name} is no evaluated round; there are: {', '.join(rounds) or 'none'}")
    return rounds[name]


def _excess(table: pa.Table) -> npt.NDArray[np.float64]:
    """(S,) distance of each interval from no change; below 0 where it holds no change, -inf without interval."""
    low, high = (table[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in ("ci_low", "ci_high"))
    excess: npt.NDArray[np.float64] = np.nan_to_num(np.fmax(low, -high), nan=-np.inf)
    return excess


def _surest(table: pa.Table) -> pa.Table:
    """All scenes first, then by the distance of the interval from no change."""
    is_all = np.array([segment == ALL_SCENES for segment in table["segment_id"].to_pylist()], np.bool_)
    return table.take(pa.array(np.lexsort((-_excess(table), ~is_all))))


def _sentence(table: pa.Table, better: str) -> str:
    difference = table["difference"].to_numpy(zero_copy_only=False)
    sure, known = _excess(table) > 0, np.isfinite(_excess(table))
    gains = sure & ((difference < 0) == (better == "lower"))
    return (
        f"{np.count_nonzero(gains):,} segments are surely better, {np.count_nonzero(sure & ~gains):,} surely worse, of "
        f"{np.count_nonzero(known):,} with logs enough for an interval; it is not corrected for their number."
    )
