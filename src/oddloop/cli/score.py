"""Score the current model's predictions, where the scores are stale; or audit which scores find errors."""

from __future__ import annotations

from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_shell
from oddloop.cli.stages import run_until
from oddloop.cli.terminal import Talk, out, print_json, print_table
from oddloop.lake.derived import Derived
from oddloop.lake.workspace import Workspace

app = typer.Typer(invoke_without_command=True, help=__doc__)


@app.callback()
def score(context: typer.Context, workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    """Score the predictions."""
    if context.invoked_subcommand:
        return
    derived = run_until("score", workspace, quiet=as_json)
    table = derived.storage.read_table("scene_scores.parquet")
    names = [n for n in table.column_names if f"{n}_valid" in table.column_names]
    rows = [(n, pc.count(table[n]).as_py(), pc.mean(table[n]).as_py(), pc.max(table[n]).as_py()) for n in names]
    if as_json:
        print_json({"digest": derived.digest, "rows": derived.manifest["rows"]})
    else:
        print_table(f"Scene scores of {table.num_rows:,} scenes", ("score", "scenes", "mean", "max"), rows)


@app.command()
def audit(
    workspace: WorkspaceOption = ".",
    metric: Annotated[str, typer.Option("--metric", help="Metric to audit against; empty: the leading one.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Say which scores find errors on measured scenes, per unit of label cost, and which only count objects."""
    from oddloop.rounds.audit import audit as run_audit

    opened = Workspace.open(workspace)
    with Talk(quiet=as_json) as talk:
        derived = run_audit(opened, make_shell(opened, talk), metric)
    if as_json:
        _print_as_json(derived)
    else:
        _print_for_people(derived)


def _print_as_json(derived: Derived) -> None:
    from oddloop.rounds.audit import recommended

    best = [{**vars(r), "beats_object_count": r.beats_object_count, "sentence": str(r)} for r in recommended(derived)]
    settings = {name: derived.manifest["settings"][name] for name in ("metric", "better", "model_id")}
    rows = derived.storage.read_table("audit.parquet").to_pylist()
    print_json({"digest": derived.digest, **settings, "recommended": best, "audit": rows})


def _print_for_people(derived: Derived) -> None:
    from oddloop.rounds.audit import recommended

    settings, table = derived.manifest["settings"], derived.storage.read_table("audit.parquet")
    n_scenes = derived.manifest["rows"]["scenes"]
    measured = f"{settings['metric']} ({settings['better']} is better) of {settings['model_id']}"
    title = f"Scores against {measured} on {n_scenes:,} scenes; in [ ] the 95 % interval"
    print_table(title, ("rank", "score", "scenes", "logs", *_SHOWN.values()), _cells(table))
    out.print("Errors found: % of all errors in the scenes that this part of the cost pays for, by falling score.")
    for sentence in recommended(derived) or ("Warning: no score could be judged: no errors, or no valid score.",):
        out.print(str(sentence), markup=False)


_SHOWN = {
    "rank_correlation": "rank corr.",
    "beyond_count": "beyond count",
    "found_at_5": "found at 5 %",
    "found_at_10": "at 10 %",
    "found_at_20": "at 20 %",
    "gain_at_10": "more than count at 10 %",
}


def _cells(table: pa.Table) -> list[list[object]]:
    """The rows for people: shares in percent, intervals where they say something that the reader compares by."""
    return [
        [row["rank"], row["score"], row["n"], row["n_logs"], *(_cell(row, name) for name in _SHOWN)]
        for row in table.to_pylist()
    ]


def _cell(row: dict[str, float | None], name: str) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return "-"
    scale, digits = (1, 2) if name in ("rank_correlation", "beyond_count") else (100, 1)
    sign = "+" if name.startswith("gain") else ""
    shown = f"{scale * value:{sign}.{digits}f}"
    if low is None or high is None or name in ("found_at_5", "found_at_20"):
        return shown
    return f"{shown} [{scale * low:.{digits}f}, {scale * high:.{digits}f}]"
