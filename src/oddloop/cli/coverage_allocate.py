"""Split a number of scenes to label over the values of an attribute, by their learning curves."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import tomli_w
import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.stages import run_until
from oddloop.cli.terminal import out, print_json, print_table
from oddloop.coverage.diagnosis import Curves, allocate, round_scenes
from oddloop.errors import WorkspaceError
from oddloop.lake.lock import locked
from oddloop.lake.workspace import Workspace
from oddloop.report.lead import lead_metric
from oddloop.rounds.diagnosis import run_diagnosis

_COLUMNS = ("segment_id", "quota", "labelled", "in_pool", "error_now", "error_then")


def run(
    attribute: Annotated[str, typer.Argument(help="Attribute whose values do not overlap, such as weather.")],
    scenes: Annotated[int, typer.Option(min=1, help="Scenes to label.")],
    metric: Annotated[str, typer.Option(help="Metric with a target; default: the one that reports lead with.")] = "",
    quotas: Annotated[
        bool, typer.Option("--quotas", help="Print the split as settings of selection, for oddloop.toml.")
    ] = False,
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:
    opened = Workspace.open(workspace)
    covered = run_until("coverage", workspace, quiet=as_json)
    with locked(opened.storage):
        found = run_diagnosis(opened, covered.digest).storage
    lead = lead_metric(covered.storage.read_table("segment_metrics.parquet"), opened.config)
    name = metric or (lead.name if lead else "")
    rows = _split(found.read_table("curves.parquet"), found.read_table("gaps.parquet"), (attribute, name), scenes)
    if not rows:
        raise WorkspaceError(
            f"no learning curve of {name or 'any metric'} for values of {attribute!r}; give the metric a target, and "
            "run `oddloop coverage curves` first"
        )
    if as_json:
        print_json({"metric": name, "quotas": rows})
        return
    if quotas:
        out.print(_as_settings(rows), markup=False, highlight=False, soft_wrap=True)
        return
    title = f"{scenes:,} scenes over the values of {attribute}: errors of {name} as its curves foretell them"
    print_table(title, _COLUMNS, [[row[c] for c in _COLUMNS] for row in rows])
    short = scenes - sum(row["quota"] for row in rows)
    if short:
        out.print(f"The pool holds no scenes for {short:,} of them: drive for more.")


def _split(curves: pa.Table, gaps: pa.Table, what: tuple[str, str], budget: int) -> list[dict[str, Any]]:
    """A row per value with a curve: how many scenes it gets, at most those of the pool."""
    attribute, metric = what
    is_value = pc.starts_with(curves["segment_id"], f"{attribute}=")
    single = pc.invert(pc.match_substring(curves["segment_id"], " & "))
    mine = curves.filter(pc.and_(pc.and_(is_value, single), pc.equal(curves["metric"], metric)))
    known = {row["segment_id"]: row for row in gaps.filter(pc.equal(gaps["metric"], metric)).to_pylist()}
    rows = [known[segment] for segment in mine["segment_id"].to_pylist()]
    fit = Curves(*(mine[name].to_numpy() for name in ("a", "b", "c")))
    have = np.array([max(row["n_labelled"], 1) for row in rows], np.float64)
    caps = np.array([row["n_unlabelled"] for row in rows], np.float64)
    quota = round_scenes(allocate(fit, have, float(budget), caps=caps), 1.0, float(budget))
    return [
        {
            "segment_id": row["segment_id"],
            "quota": int(n),
            "labelled": row["n_labelled"],
            "in_pool": row["n_unlabelled"],
            "error_now": float(fit.c[i] + fit.b[i] * have[i] ** -fit.a[i]),
            "error_then": float(fit.c[i] + fit.b[i] * (have[i] + n) ** -fit.a[i]),
        }
        for i, (row, n) in enumerate(zip(rows, quota.tolist(), strict=True))
    ]


def _as_settings(rows: list[dict[str, Any]]) -> str:
    """The split as settings of selection, which then picks so many scenes of each value at least."""
    pairs = [(row["segment_id"].partition("="), row["quota"]) for row in rows if row["quota"]]
    wanted = [{"where": {name: value}, "minimum": n} for (name, _, value), n in pairs]
    return tomli_w.dumps({"select": {"quotas": wanted}})
