"""Count the ODD segments and measure the model in each, where the figures are stale; say what is missing most."""

from __future__ import annotations

from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
import typer

from oddloop import coverage as stage
from oddloop.cli import coverage_allocate, coverage_compare
from oddloop.cli.app import ExitCode
from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_shell
from oddloop.cli.stages import run_until
from oddloop.cli.terminal import Talk, out, print_json, print_table
from oddloop.coverage.diagnosis import worst_gaps
from oddloop.lake.derived import Derived
from oddloop.lake.lock import locked
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import Workspace
from oddloop.tables import LABELS, SCENES

app = typer.Typer(invoke_without_command=True, help=__doc__)
app.command("allocate", help=coverage_allocate.__doc__)(coverage_allocate.run)
app.command("compare", help=coverage_compare.__doc__)(coverage_compare.run)
N_WORST = 10
TABLES = ("segments", "segment_metrics", "volume_gaps", "coverage_measures")


@app.callback()
def coverage(
    context: typer.Context,
    workspace: WorkspaceOption = ".",
    fail_under: Annotated[
        float,
        typer.Option(min=0, max=1, help="Exit with 3 where a smaller share of the segments reaches its target."),
    ] = 0.0,
    as_json: JsonOption = False,
) -> None:
    """Count and measure the segments, and say what is missing most."""
    if context.invoked_subcommand:
        return
    derived = run_until("coverage", workspace, quiet=as_json)
    opened = Workspace.open(workspace)
    tables = {name: derived.storage.read_table(f"{name}.parquet") for name in TABLES} | _diagnose(opened, derived)
    grades = stage.grade_segments(tables["volume_gaps"], tables["segment_metrics"], opened.config.metrics)
    if as_json:
        shown = {name: table.to_pylist() for name, table in tables.items()}
        print_json({"digest": derived.digest, "grades": [{**vars(g), "share": g.share} for g in grades], **shown})
    else:
        _print_for_people(tables, grades)
    if any(grade.share < fail_under for grade in grades):
        raise typer.Exit(ExitCode.TARGET_MISSED)


def _print_for_people(tables: dict[str, pa.Table], grades: tuple[stage.Grade, ...]) -> None:
    columns = ("segment_id", "status", "n_scenes", "n_logs", "duration_s")
    segments = tables["segments"]
    short = segments.filter(pc.less_equal(segments["n_way"], 1))
    _print("Exposure, all scenes and single attributes", short, columns)
    metrics = tables["segment_metrics"]
    measured = metrics.filter(pc.is_in(metrics["segment_id"], value_set=short["segment_id"].combine_chunks()))
    measures = ("segment_id", "metric", "value", "ci_low", "ci_high", "n_logs", "support")
    _print("Metrics with their intervals", measured, measures)
    found = tables["coverage_measures"]
    own = found.filter(pc.equal(pc.list_value_length(found["attributes"]), 0))
    _print("How well the ODD is covered", own, ("measure", "scope", "n_way", "value", "support"))
    gaps = tables["volume_gaps"]
    lacking = gaps.filter(pc.greater(gaps["shortfall"], 0.0))
    if lacking.num_rows:
        title = f"The largest of {lacking.num_rows:,} gaps of volume ({lacking['exposure'][0]})"
        _print(title, lacking.slice(0, N_WORST), ("segment_id", "labelled", "target", "to_label", "to_drive"))
    _print_gaps(tables)
    for grade in grades:
        out.print(str(grade))


def _diagnose(workspace: Workspace, covered: Derived) -> dict[str, pa.Table]:
    """`gaps`, `verdicts` and `curves` of the coverage stage's folder."""
    from oddloop.rounds.diagnosis import run_diagnosis

    with locked(workspace.storage):
        found = run_diagnosis(workspace, covered.digest).storage
    return {name: found.read_table(f"{name}.parquet") for name in ("gaps", "verdicts", "curves")}


def _print_gaps(tables: dict[str, pa.Table]) -> None:
    """The worst gaps and why they exist; nothing where no metric has a target."""
    worst = worst_gaps(tables["gaps"], tables["verdicts"])
    if worst.num_rows:
        shown = min(N_WORST, worst.num_rows)
        title = f"Why the gaps exist: the worst {shown} of {worst.num_rows:,}, surest and largest first"
        _print(title, worst.slice(0, shown), ("segment_id", "verdict", "tier", "because"))
        counts = ", ".join(f"{v['counts']:,} {v['values']}" for v in worst["verdict"].value_counts().to_pylist())
        out.print(f"Verdicts: {counts}. Learning curves (`oddloop coverage curves`) are the strongest evidence.")


def _print(title: str, table: pa.Table, columns: tuple[str, ...]) -> None:
    print_table(title, columns, [[row[c] for c in columns] for row in table.to_pylist()])


@app.command()
def collect(
    workspace: WorkspaceOption = ".",
    scenes: Annotated[int, typer.Option(min=0, help="Scenes to list, at most; 0: as many as close something.")] = 20,
    drives: Annotated[int, typer.Option(min=0, help="Drives to plan, at most.")] = 10,
    per_drive: Annotated[float, typer.Option(min=1e-9, help="Exposure that one drive brings to its segments.")] = 1.0,
    as_json: JsonOption = False,
) -> None:
    """List the fewest scenes to label, and then the fewest drives, that close the most gaps of volume."""
    derived = run_until("coverage", workspace, quiet=as_json)
    found = _collect(Workspace.open(workspace), derived, scenes or None, drives, per_drive)
    planned = _alike(found.drives)
    if as_json:
        drives_json = [{"n_drives": n, "values": dict(d.values), "closes": gain} for d, n, gain in planned]
        print_json({"scenes": found.scenes.to_pylist(), "drives": drives_json, "remaining": found.remaining})
        return
    rows = [[r["rank"], r["scene_id"], r["gain"], ", ".join(r["segments"])] for r in found.scenes.to_pylist()]
    print_table("Scenes to label", ("rank", "scene", "closes", "of segments"), rows)
    conditions = [(n, " & ".join(f"{a}={v}" for a, v in d.values.items()), gain) for d, n, gain in planned]
    print_table("Drives to plan", ("drives", "conditions", "close"), conditions)
    out.print(f"Left open after these: {sum(found.remaining.values()):,.0f} in {len(found.remaining):,} segments.")


def _collect(
    workspace: Workspace, derived: Derived, scenes: int | None, drives: int, per_drive: float
) -> stage.Collection:
    table = read_table(workspace.table("scenes"), SCENES)
    labelled = read_table(workspace.table("labels"), LABELS)["scene_id"].combine_chunks()
    encoded = stage.encode_attributes(table, workspace.config.attributes)
    gaps = derived.storage.read_table("volume_gaps.parquet")
    return stage.collect(table, labelled, encoded, gaps, most_scenes=scenes, most_drives=drives, per_drive=per_drive)


def _alike(drives: tuple[stage.Drive, ...]) -> list[tuple[stage.Drive, int, float]]:
    """Each kind of drive once, with how many of it and what they close together."""
    found: dict[tuple[tuple[str, str], ...], list[stage.Drive]] = {}
    for drive in drives:
        found.setdefault(tuple(sorted(drive.values.items())), []).append(drive)
    return [(alike[0], len(alike), sum(drive.gain for drive in alike)) for alike in found.values()]


@app.command()
def curves(workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    """Train on growing shares of the labels, as far as that is not done yet, and say why each gap exists."""
    from oddloop.rounds.curves import run_curves

    opened = Workspace.open(workspace)
    with Talk(quiet=as_json) as talk:
        trained = run_curves(opened, make_shell(opened, talk))
    covered = run_until("coverage", workspace, quiet=as_json)
    found = _diagnose(opened, covered)
    if as_json:
        print_json({"digest": trained.digest, **{name: table.to_pylist() for name, table in found.items()}})
        return
    counted = ("segment_id", "metric", "n_scenes", "a", "b", "c", "target", "chance")
    single = found["curves"].filter(pc.invert(pc.match_substring(found["curves"]["segment_id"], " & ")))
    _print("Learning curves of all scenes and single attributes: error = c + b n^-a", single, counted)
    _print_gaps(found)
    n_met = pc.sum(pc.equal(found["verdicts"]["verdict"], "ok")).as_py() or 0
    out.print(f"{n_met:,} of {found['gaps'].num_rows:,} surely reach their target.")
    if not found["gaps"].num_rows:
        out.print("No metric has a target: set `target` in [metrics.<name>] of oddloop.toml.")


@app.command()
def slices(workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    """List the segments that a model does worse in than elsewhere, of all of up to three attributes, and say why."""
    from oddloop.rounds.slices import SLICES_FILE, search_workspace

    opened = Workspace.open(workspace)
    with Talk(quiet=as_json) as talk:
        searched = search_workspace(opened, make_shell(opened, talk))
    found = searched.storage.read_table(SLICES_FILE)
    if as_json:
        print_json({"digest": searched.digest, "slices": found.to_pylist()})
        return
    counted = ("rank", "segment_id", "metric", "error_rate", "rest_rate", "n_scenes", "n_logs", "adjusted_p")
    if found.num_rows:
        _print("Slices that do worse than the rest, strongest first", found, counted)
    for row in found.to_pylist():
        out.print(f"{row['segment_id']}, {row['metric']}: {row['because']}.")
    if not found.num_rows:
        out.print("No slice stands out from what chance gives.")


@app.command()
def history(workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    """Show how coverage grew: one snapshot per result that differed from the one before."""
    from oddloop.rounds.snapshots import read_snapshots

    table = read_snapshots(Workspace.open(workspace))
    if as_json:
        print_json(table.to_pylist())
        return
    labelled = table.filter(pc.equal(table["status"], "labelled"))
    when = pc.strftime(pc.cast(labelled["at_ns"], pa.timestamp("ns")), format="%Y-%m-%d %H:%M").to_pylist()
    columns = ("segment_id", "n_scenes", "n_logs", "duration_s")
    rows = [[at, *(row[c] for c in columns)] for at, row in zip(when, labelled.to_pylist(), strict=True)]
    print_table("Labelled volume over time (UTC)", ("at", *columns), rows)
