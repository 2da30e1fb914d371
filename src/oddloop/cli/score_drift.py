"""Say how far the scores have drifted: from another model on the same scenes, or from week to week."""

from __future__ import annotations

from typing import Annotated, Literal

import pyarrow as pa
import pyarrow.compute as pc
import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_shell
from oddloop.cli.terminal import Talk, out, print_json, print_table
from oddloop.lake.derived import Derived
from oddloop.lake.workspace import Workspace

TARGET_MISSED = 3
_MOST_SHOWN = 20
By = Literal["model", "week"]


def drift(
    workspace: WorkspaceOption = ".",
    against: Annotated[
        str,
        typer.Option(help="Model, or round that trained it; default: the one before. By week: such as 2024-W05."),
    ] = "",
    by: Annotated[By, typer.Option(help="Compare models on the same scenes, or weeks of the current model.")] = "model",
    score: Annotated[list[str] | None, typer.Option(help="Score column to show; may be repeated.")] = None,
    max_psi: Annotated[
        float | None, typer.Option(help="Leave with 3 if a shown score has surely drifted more: lower end of its PSI.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say how far the scores have drifted: from another model on the same scenes, or from week to week."""
    from oddloop.rounds.drift import drift as measure

    opened = Workspace.open(workspace)
    with Talk(quiet=as_json) as talk:
        derived = measure(opened, make_shell(opened, talk), by, against)
    table = _shown(derived, score or [])
    missed = 0 if max_psi is None else _n_above(table, max_psi)
    if as_json:
        settings = {name: derived.manifest["settings"][name] for name in ("by", "reference", "current")}
        print_json({"digest": derived.digest, **settings, "n_above": missed, "drift": table.to_pylist()})
    else:
        _print_for_people(table, derived, max_psi, missed)
    if missed:
        raise typer.Exit(TARGET_MISSED)


def _shown(derived: Derived, scores: list[str]) -> pa.Table:
    table = derived.storage.read_table("drift.parquet")
    known = table["score"].unique().to_pylist()
    if unknown := sorted(set(scores) - set(known)):
        raise typer.BadParameter(f"no score {unknown[0]}; there are: {', '.join(sorted(known))}", param_hint="--score")
    return table.filter(pc.is_in(table["score"], pa.array(scores, pa.string()))) if scores else table


def _n_above(table: pa.Table, max_psi: float) -> int:
    """Rows whose PSI is above, with its whole interval; where there is none, the PSI itself counts."""
    lowest = pc.coalesce(table["psi_low"], table["psi"])
    return int(table.filter(pc.fill_null(pc.greater(lowest, max_psi), False)).num_rows)


def _print_for_people(table: pa.Table, derived: Derived, max_psi: float | None, missed: int) -> None:
    weekly = derived.manifest["settings"]["by"] == "week"
    what = "week by week" if weekly else "on the same scenes"
    columns = ("score", "from", "to", "scenes", "logs", "PSI", "without drift", "p", "KS", "without drift", "p")
    rows = [_cells(row) for row in table.slice(0, _MOST_SHOWN).to_pylist()]
    print_table(f"Drift of {derived.manifest['settings']['current']} {what}; in [ ] the 95 % interval", columns, rows)
    out.print("p: how often chance is as far apart, whole logs swapped at random; not corrected for many rows.")
    if table.num_rows > _MOST_SHOWN:
        n_more = table.num_rows - _MOST_SHOWN
        out.print(f"{n_more:,} more rows, less far apart: --json prints all, --score those of one score.")
    if max_psi is not None:
        out.print(f"PSI above {max_psi:g} with the whole interval: {missed:,} of {table.num_rows:,} rows.")


def _cells(row: dict[str, object]) -> list[object]:
    scenes = f"{row['n_reference']:,} {row['n_current']:,}"
    logs = f"{row['n_logs_reference']:,} {row['n_logs_current']:,}"
    cells: list[object] = [row["score"], row["reference"], row["current"], scenes, logs]
    for name in ("psi", "ks"):
        cells += [_with_interval(row, name), row[f"{name}_no_drift"], row[f"{name}_p"]]
    return cells


def _with_interval(row: dict[str, object], name: str) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return "-"
    return f"{value:.3f}" if low is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"
