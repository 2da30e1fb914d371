"""Score the current model's predictions, where the scores are stale; or audit them; or say how they have drifted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import pyarrow.compute as pc
import typer

from oddloop.cli import score_drift
from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_shell
from oddloop.cli.stages import run_until
from oddloop.cli.terminal import Talk, out, print_json, print_table
from oddloop.errors import WorkspaceError
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
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Write a page with errors found against cost spent; overwrites it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say which scores find errors on measured scenes, per unit of label cost, and which only count objects."""
    from oddloop.rounds.audit import audit as run_audit

    opened = Workspace.open(workspace)
    with Talk(quiet=as_json) as talk:
        derived = run_audit(opened, make_shell(opened, talk), metric)
    if plot is not None:
        _write_page(derived, plot)
    if as_json:
        _print_as_json(derived)
    else:
        _print_for_people(derived)


app.command("drift")(score_drift.drift)


def _write_page(derived: Derived, path: Path) -> None:
    from oddloop.report import AuditPage, render_audit
    from oddloop.rounds.stages.audit import recommended

    page = AuditPage(
        audit=derived.storage.read_table("audit.parquet"),
        curves=derived.storage.read_table("audit_curves.parquet"),
        sentences=[str(sentence) for sentence in recommended(derived)],
        measured=_measured(derived),
        n_scenes=derived.manifest["rows"]["scenes"],
        digest=derived.digest,
    )
    try:
        path.write_text(render_audit(page), "utf-8")
    except OSError as error:
        raise WorkspaceError(f"--plot {path}: cannot be written: {error.strerror}; name a file in a folder") from error


def _measured(derived: Derived) -> str:
    settings = derived.manifest["settings"]
    return f"{settings['metric']} ({settings['better']} is better) of {settings['model_id']}"


def _print_as_json(derived: Derived) -> None:
    from oddloop.rounds.stages.audit import recommended

    best = [{**vars(r), "beats_object_count": r.beats_object_count, "sentence": str(r)} for r in recommended(derived)]
    settings = {name: derived.manifest["settings"][name] for name in ("metric", "better", "model_id")}
    rows = derived.storage.read_table("audit.parquet").to_pylist()
    print_json({"digest": derived.digest, **settings, "recommended": best, "audit": rows})


def _print_for_people(derived: Derived) -> None:
    from oddloop.rounds.stages.audit import recommended

    table = derived.storage.read_table("audit.parquet")
    n_scenes = derived.manifest["rows"]["scenes"]
    title = f"Scores against {_measured(derived)} on {n_scenes:,} scenes; in [ ] the 95 % interval"
    rows = table.to_pylist()
    alike = [row["score"] for row in rows if row["kind"] == "score" and _is_alike(row)]
    shown = [row for row in rows if row["score"] not in alike]
    print_table(title, ("rank", "score", "scenes", "logs", *_SHOWN.values()), _cells(shown))
    out.print("Errors found: % of all errors in the scenes that this part of the cost pays for, by falling score.")
    for remark in (*_about_alike(alike), *_about_baseline(rows)):
        out.print(remark, markup=False)
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


def _is_alike(row: Mapping[str, Any]) -> bool:
    """Whether a score is the same in every scene: no rank correlation, and it finds what chance finds."""
    return row["rank_correlation"] is None and row["found_at_10"] is not None


def _about_alike(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    few = ", ".join(names[:2]) + (", ..." if len(names) > 2 else "")
    verb = "score is" if len(names) == 1 else "scores are"
    return [f"Left out: {len(names)} {verb} the same in every scene and so no better than chance: {few} (see --json)."]


def _about_baseline(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the baseline to beat finds, for those who have not read what object count is."""
    count = next((row for row in rows if row["score"] == "object_count"), None)
    if count is None or count["found_at_10"] is None:
        return []
    return [
        "The baseline to beat is object_count, the scenes with most objects that the model reported: it finds "
        f"{_cell(count, 'found_at_10')} % of all errors at 10 % of the cost; chance finds 10.0 %."
    ]


def _cells(rows: Sequence[Mapping[str, Any]]) -> list[list[object]]:
    """The rows for people: shares in percent, intervals where they say something that the reader compares by."""
    return [
        [row["rank"], row["score"], row["n"], row["n_logs"], *(_cell(row, name) for name in _SHOWN)] for row in rows
    ]


def _cell(row: Mapping[str, Any], name: str) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    if value is None:
        return "-"
    scale, digits = (1, 2) if name in ("rank_correlation", "beyond_count") else (100, 1)
    sign = "+" if name.startswith("gain") else ""
    shown = f"{scale * value:{sign}.{digits}f}"
    if low is None or high is None or name in ("found_at_5", "found_at_20"):
        return shown
    return f"{shown} [{scale * low:.{digits}f}, {scale * high:.{digits}f}]"
