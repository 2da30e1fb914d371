"""The tables of `oddloop coverage` for people: what there is of each value, what is missing, how well it is covered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.cli.terminal import out, print_table
from oddloop.coverage import Grade
from oddloop.coverage.diagnosis import worst_gaps
from oddloop.coverage.segments import ALL_SCENES
from oddloop.coverage.status import STATUSES

N_WORST = 10
_OF_WAY = {1: ("attributes", "values"), 2: ("pairs of attributes", "pairs of values")}
_MEANINGS = {
    "t_way_simple": "share of the {n:,} {attributes} of which all {values} were seen",
    "t_way_total": "share of the {n:,} {values} that were seen",
    "unseen_mass": "estimated over {n:,} logs: share of sightings that are of {values} not seen yet",
    "n_kinds_seen": "{values} that were seen",
    "n_kinds_estimated": "{values} that there are, estimated from below",
}


def print_coverage(tables: Mapping[str, pa.Table], grades: Iterable[Grade], most: int) -> None:
    """Print what was counted and measured.

    Args:
        tables: `segments`, `segment_metrics`, `unmapped`, `volume_gaps`, `coverage_measures`, `gaps`, `verdicts`.
        grades: which share of the segments reaches its target.
        most: gaps of volume to list; 0: all.
    """
    segments, metrics = tables["segments"], tables["segment_metrics"]
    short = segments.filter(pc.less_equal(segments["n_way"], 1))
    _print_exposure(short)
    measured = metrics.filter(pc.is_in(metrics["segment_id"], value_set=short["segment_id"].combine_chunks()))
    if measured.num_rows:
        measures = ("segment_id", "metric", "value", "ci_low", "ci_high", "n_logs", "support")
        print_columns("Metrics with their intervals", measured, measures)
    if tables["unmapped"].num_rows:
        title = "Spellings that no attribute knows, read as unknown"
        print_columns(title, tables["unmapped"], ("attribute", "spelling", "n_scenes"))
    _print_measures(tables["coverage_measures"])
    _print_volume(tables["volume_gaps"], most)
    print_gaps(tables)
    for grade in grades:
        out.print(str(grade))


def _print_exposure(segments: pa.Table) -> None:
    """Scenes by status side by side, and what is labelled of logs and all of time."""
    of = {status: segments.filter(pc.equal(segments["status"], status)) for status in STATUSES}
    names = of["labelled"]["segment_id"].to_pylist()
    scenes = [of[status]["n_scenes"].to_pylist() for status in STATUSES]
    logs = of["labelled"]["n_logs"].to_pylist()
    time_s = [sum(times) for times in zip(*(part["duration_s"].to_pylist() for part in of.values()), strict=True)]
    title = "Scenes of single values; logs of those that are labelled, time of all"
    rows = zip(names, *scenes, logs, counts(time_s), strict=True)
    print_table(title, ("segment_id", *STATUSES, "logs", "duration_s"), rows)


def _print_measures(found: pa.Table) -> None:
    own = found.filter(pc.equal(pc.list_value_length(found["attributes"]), 0)).to_pylist()
    by_scope = {(row["measure"], row["n_way"], row["scope"]): row for row in own}
    rows = [
        (measure, way, *(_value(by_scope[measure, way, one]) for one in ("labelled", "all")), _meaning(row))
        for (measure, way, scope), row in by_scope.items()
        if scope == "all"
    ]
    if rows:
        print_table("How well the ODD is covered", ("measure", "n_way", "labelled", "all", "meaning"), rows)


def _value(row: Mapping[str, Any]) -> float | None:
    value: float | None = row["value"]
    return round(value) if value is not None and row["measure"].startswith("n_") else value


def _meaning(row: Mapping[str, Any]) -> str:
    attributes, values = _OF_WAY.get(row["n_way"], ("", ""))
    return _MEANINGS.get(row["measure"], "").format(attributes=attributes, values=values, n=row["support"])


def _print_volume(gaps: pa.Table, most: int) -> None:
    lacking = gaps.filter(pc.greater(gaps["shortfall"], 0.0))
    if not gaps.num_rows:
        out.print("No target of volume: set `least` in [coverage.volume] of oddloop.toml to see what is missing.")
    if lacking.num_rows:
        n = min(most or lacking.num_rows, lacking.num_rows)
        title = f"The largest {n:,} of {lacking.num_rows:,} gaps of volume ({lacking['exposure'][0]})"
        print_columns(title, lacking.slice(0, n), ("segment_id", "labelled", "target", "to_label", "to_drive"))


def print_gaps(tables: Mapping[str, pa.Table]) -> None:
    """Print the worst gaps of `gaps` and why they exist, of `verdicts`; nothing where no metric has a target."""
    worst = worst_gaps(tables["gaps"], tables["verdicts"])
    if worst.num_rows:
        shown = min(N_WORST, worst.num_rows)
        title = f"Why the gaps exist: the worst {shown} of {worst.num_rows:,}, surest and largest first"
        print_columns(title, worst.slice(0, shown), ("segment_id", "verdict", "tier", "because"))
        said = ", ".join(f"{v['counts']:,} {v['values']}" for v in worst["verdict"].value_counts().to_pylist())
        out.print(f"Verdicts: {said}. Learning curves (`oddloop coverage curves`) are the strongest evidence.")


def print_history(snapshots: pa.Table) -> None:
    """Print a line per snapshot of `derived_tables.COVERAGE_HISTORY`: what was labelled, and of how many values."""
    labelled = snapshots.filter(pc.equal(snapshots["status"], "labelled"))
    when = pc.strftime(pc.cast(labelled["at_ns"], pa.timestamp("ns")), format="%Y-%m-%d %H:%M").to_pylist()
    found: dict[int, list[dict[str, Any]]] = {}
    for at, row in zip(when, labelled.to_pylist(), strict=True):
        found.setdefault(row["at_ns"], []).append({**row, "at": at})
    print_table(
        "Labelled volume over time (UTC)",
        ("at", "scenes", "logs", "duration_s", "values", "of values"),
        [_of_snapshot(rows) for rows in found.values()],
    )


def _of_snapshot(rows: Sequence[Mapping[str, Any]]) -> tuple[object, ...]:
    everything = next(row for row in rows if row["segment_id"] == ALL_SCENES)
    single = [row["n_scenes"] for row in rows if row is not everything]
    volume = (everything[name] for name in ("n_scenes", "n_logs", "duration_s"))
    return (everything["at"], *volume, sum(bool(n) for n in single), len(single))


def print_columns(title: str, table: pa.Table, columns: tuple[str, ...]) -> None:
    """Print some columns of a table; floats that are all whole are counts, and printed so."""
    cells = [counts(table[name].to_pylist()) for name in columns]
    print_table(title, columns, zip(*cells, strict=True))


def counts(cells: list[Any]) -> list[Any]:
    """Floats that are all whole as integers, since they count something; anything else as it is."""
    are_whole = all(cell is None or (isinstance(cell, float) and cell.is_integer()) for cell in cells)
    return [cell if cell is None else int(cell) for cell in cells] if are_whole else cells
