"""Count the ODD segments and measure the model in each, where the figures are stale; say what is missing most."""

from __future__ import annotations

from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
import typer

from oddloop import coverage as stage
from oddloop.cli import coverage_allocate, coverage_compare
from oddloop.cli.app import ExitCode
from oddloop.cli.coverage_show import N_WORST, counts, print_columns, print_coverage, print_gaps, print_history
from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_shell
from oddloop.cli.stages import run_until
from oddloop.cli.terminal import Talk, out, print_json, print_table
from oddloop.lake.derived import Derived
from oddloop.lake.lock import locked
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import Workspace
from oddloop.tables import LABELS, SCENES

app = typer.Typer(invoke_without_command=True, help=__doc__)
app.command("allocate", help=coverage_allocate.__doc__)(coverage_allocate.run)
app.command("compare", help=coverage_compare.__doc__)(coverage_compare.run)
TABLES = ("segments", "segment_metrics", "unmapped", "volume_gaps", "coverage_measures")
COLLECTED = ("rank", "scene", "closes", "of segments")


@app.callback()
def coverage(
    context: typer.Context,
    workspace: WorkspaceOption = ".",
    fail_under: Annotated[
        float,
        typer.Option(min=0, max=1, help="Exit with 3 where a smaller share of the segments reaches its target."),
    ] = 0.0,
    gaps: Annotated[int, typer.Option(min=0, help="Gaps of volume to list, at most; 0: all.")] = N_WORST,
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
        print_coverage(tables, grades, gaps)
    if any(grade.share < fail_under for grade in grades):
        raise typer.Exit(ExitCode.TARGET_MISSED)


def _diagnose(workspace: Workspace, covered: Derived) -> dict[str, pa.Table]:
    """`gaps`, `verdicts` and `curves` of the coverage stage's folder."""
    from oddloop.rounds.diagnosis import run_diagnosis

    with locked(workspace.storage):
        found = run_diagnosis(workspace, covered.digest).storage
    return {name: found.read_table(f"{name}.parquet") for name in ("gaps", "verdicts", "curves")}


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
    opened = Workspace.open(workspace)
    found = _collect(opened, derived, scenes or None, drives, per_drive)
    planned = _alike(found.drives)
    if as_json:
        drives_json = [{"n_drives": n, "values": dict(d.values), "closes": gain} for d, n, gain in planned]
        print_json({"scenes": found.scenes.to_pylist(), "drives": drives_json, "remaining": found.remaining})
        return
    segments = [", ".join(names) for names in found.scenes["segments"].to_pylist()]
    listed = found.scenes.set_column(3, "of segments", pa.array(segments, pa.string()))
    print_columns("Scenes to label", listed.rename_columns(COLLECTED), COLLECTED)
    closed = counts([gain for *_, gain in planned])
    conditions = [
        (n, " & ".join(f"{a}={v}" for a, v in d.values.items()), gain)
        for (d, n, _), gain in zip(planned, closed, strict=True)
    ]
    print_table("Drives to plan", ("drives", "conditions", "close"), conditions)
    left, unit = sum(found.remaining.values()), opened.config.coverage.volume.exposure.removeprefix("n_")
    out.print(f"Left open after these: {left:,.0f} {unit} in {len(found.remaining):,} segments.")


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
    print_columns("Learning curves of all scenes and single attributes: error = c + b n^-a", single, counted)
    print_gaps(found)
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
        print_columns("Slices that do worse than the rest, strongest first", found, counted)
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
    print_history(table)
