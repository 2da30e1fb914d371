"""A day of new data on top of yesterday's result: `python bench/bench_incremental.py [--quick]`.

A fleet of fifty days, a file per table and day, ten frames per scene, classes of one member, twelve attributes. What
takes long is what is made anew from all data: this says how long, stage by stage, beside all computed from nothing.
Then whole runs, from scores to the report, over the fleet of `bench_scale` in fifty files: 49 of them from nothing, and
the last one on top, without labels.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import oddloop.discover
from bench_scale import STAGES as OF_RUN
from bench_scale import time_run
from common import Timing, print_machine, print_table, report, run_fresh
from oddloop.discover import clusters
from oddloop.discover.grouping import find
from oddloop.engine import LocalEngine
from oddloop.lake import Workspace
from oddloop.rounds.drift import drift
from oddloop.rounds.run import run_stages
from oddloop.rounds.shell import Shell
from oddloop.select.strategies import graph
from planted_lake import write_lake

SIZES = (100_000, 1_000_000)
N_DAYS, N_FRAMES, N_CLASSES, N_ATTRIBUTES = 50, 10, 10, 12
DAY_NS = 86_400 * 10**9
MODEL = "predictions/classification/m1"
STAGES = ("score", "coverage", "drift")
DRIFT_AT_MOST = 100_000
"""Scenes up to which drift is measured: from nothing it takes longer than all the rest."""
WHOLE = 50_000
"""Scenes of whole runs."""
INSIDE: dict[str, tuple[tuple[Any, str], ...]] = {
    "scene vectors": ((oddloop.discover, "gather_material"), (oddloop.discover, "place_scenes")),
    "near-duplicates": ((clusters, "near_duplicates"),),
    "neighbours of scenes": ((find, "nearest_neighbours"),),
    "neighbours of candidates": ((graph, "nearest_neighbours"),),
}
"""Calls within the stages that are timed by themselves."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--case", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--whole", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        measure(arguments.case)
        return
    if arguments.whole:
        measure_whole(arguments.whole)
        return
    print("## A day on top of yesterday's result\n")
    print_machine("numpy", "numba", "pyarrow")
    rows = []
    for size in (size // 10 if arguments.quick else size for size in SIZES):
        found = run_fresh(__file__, "--case", size)
        for stage in (stage for stage in STAGES if f"day_{stage}" in found):
            parts = [found[f"{how}_{stage}{unit}"] for how in ("anew", "day") for unit in ("", "_cpu")]
            rows.append([size, stage, *parts, found[f"day_{stage}_cpu"] / found[f"anew_{stage}_cpu"]])
    headers = ["scenes", "stage", "anew s", "CPU", "a day on top s", "CPU", "share, CPU"]
    print_table(
        f"{N_DAYS} days of {N_FRAMES} frames a scene; partitions of the day that are scored: 1 of {N_DAYS}",
        headers,
        rows,
    )
    n_scenes = WHOLE // (10 if arguments.quick else 1)
    print_whole(n_scenes, run_fresh(__file__, "--whole", n_scenes))


def print_whole(n_scenes: int, found: dict[str, Any]) -> None:
    """Print the table of whole runs."""
    rows = [_of_whole(stage, found) for stage in (*OF_RUN, *(f"of it: {what}" for what in INSIDE), "all")]
    headers = ["stage", "from nothing s", "CPU", "a day on top s", "CPU", "share of all, CPU"]
    print_table(f"whole runs, {n_scenes:,} scenes in {N_DAYS} files", headers, rows)


def _of_whole(stage: str, found: dict[str, Any]) -> list[object]:
    parts = [found.get(f"{how}_{stage}{unit}", 0.0) for how in ("anew", "day") for unit in ("", "_cpu")]
    return [stage, *parts, parts[-1] / found["day_all_cpu"]]


def measure_whole(n_scenes: int) -> None:
    """Time a run over all files but the last from nothing, then one with the last on top."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        write_lake(Path(folder), n_scenes, per_block=n_scenes // N_DAYS)
        last = sorted(Path(folder, "lake").rglob(f"logs-{N_DAYS - 1:05d}.parquet"))
        aside = [path.rename(path.with_suffix(".aside")) for path in last]
        time.sleep(2.1)  # else files are so new that each look hashes them again
        figures = {f"anew_{name}": value for name, value in timed_inside(Path(folder)).items()}
        for path in aside:
            if path.parent.name not in ("labels", "metrics"):
                path.rename(path.with_suffix(".parquet"))
        figures |= {f"day_{name}": value for name, value in timed_inside(Path(folder)).items()}
    report(**figures)


def timed_inside(folder: Path) -> dict[str, float | Timing]:
    """Time of a run stage by stage, and of some calls within."""
    spent: dict[str, Timing] = dict.fromkeys((f"of it: {what}" for what in INSIDE), Timing(0.0, 0.0))
    with contextlib.ExitStack() as patches:
        for what, calls in INSIDE.items():
            for place, name in calls:
                call = _timing(getattr(place, name), spent, f"of it: {what}")
                patches.enter_context(mock.patch.object(place, name, call))
        return time_run(folder) | spent


def _timing(call: Callable[..., Any], spent: dict[str, Timing], what: str) -> Callable[..., Any]:
    def timed_call(*given: Any, **named: Any) -> Any:
        begun = time.perf_counter(), time.process_time()
        try:
            return call(*given, **named)
        finally:
            before = spent[what]
            taken = time.perf_counter() - begun[0], time.process_time() - begun[1]
            spent[what] = Timing(before.wall + taken[0], before.cpu + taken[1])

    return timed_call


def measure(n_scenes: int) -> None:
    """Time all days from nothing, then all but the last, then the last on top."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        days = [write_day(Path(folder) / "ws/lake", day, n_scenes // N_DAYS) for day in range(N_DAYS)]
        attributes = "".join(f"[attributes.a{i}]\n" for i in range(N_ATTRIBUTES))
        workspace = Workspace.create(Path(folder) / "ws", attributes)
        time.sleep(2.1)  # else files are so new that each look hashes them again
        run(workspace, n_scenes)  # compiles, and hashes the files
        figures = {f"anew_{stage}": timing for stage, timing in timed(workspace, n_scenes, anew=True).items()}
        aside = [path.rename(path.with_suffix(".aside")) for path in days[-1]]
        shutil.rmtree(Path(folder) / "ws/derived")
        run(workspace, n_scenes)
        for path in aside:
            path.rename(path.with_suffix(".parquet"))
        figures |= {f"day_{stage}": timing for stage, timing in timed(workspace, n_scenes, anew=False).items()}
    report(**figures)


def timed(workspace: Workspace, n_scenes: int, *, anew: bool) -> dict[str, Timing]:
    """Time of each stage, after what was derived is gone where `anew`."""
    if anew:
        shutil.rmtree(workspace.storage.local_path("derived"))
    return run(workspace, n_scenes)


def run(workspace: Workspace, n_scenes: int) -> dict[str, Timing]:
    """Run the stages one by one; the digests of the files are known before."""
    shell = Shell("bench", LocalEngine(2))
    found = {}
    calls: dict[str, Callable[[], object]] = {
        "score": lambda: run_stages(workspace, shell, until="score"),
        "coverage": lambda: run_stages(workspace, shell, until="coverage"),
        "drift": lambda: drift(workspace, shell, "week"),
    }
    if n_scenes > DRIFT_AT_MOST:
        del calls["drift"]
    for stage, call in calls.items():
        begun = time.perf_counter(), time.process_time()
        call()
        found[stage] = Timing(time.perf_counter() - begun[0], time.process_time() - begun[1])
    return found


def write_day(lake: Path, day: int, n_scenes: int) -> list[Path]:
    """A file per table of one day."""
    rng = np.random.default_rng(day)
    scene_ids = np.char.add(f"d{day:02d}/s", np.arange(n_scenes).astype(str))
    start_ns = day * DAY_NS + np.arange(n_scenes, dtype=np.int64) * 10**9
    scenes = {"scene_id": scene_ids, "log_id": np.char.add(f"d{day:02d}/l", (np.arange(n_scenes) // 50).astype(str))}
    scenes |= {"start_ns": start_ns, "duration_s": np.full(n_scenes, 1.0)}
    scenes |= {f"a{i}": rng.choice(["u", "v", "w"], n_scenes) for i in range(N_ATTRIBUTES)}
    of_frames = np.repeat(scene_ids, N_FRAMES)
    n = len(of_frames)
    frame_ids = np.char.add(np.char.add(of_frames, "/"), np.tile(np.arange(N_FRAMES), n_scenes).astype(str))
    times_ns = np.repeat(start_ns, N_FRAMES) + np.tile(np.arange(N_FRAMES) * 10**8, n_scenes)
    probs = rng.dirichlet(np.ones(N_CLASSES), n).astype(np.float32)
    each = pa.ListArray.from_arrays(pa.array(np.arange(n + 1) * N_CLASSES, pa.int32()), pa.array(probs.ravel()))
    members = pa.ListArray.from_arrays(pa.array(np.arange(n + 1), pa.int32()), each)
    tables = {
        "scenes": scenes,
        "frames": {"frame_id": frame_ids, "scene_id": of_frames, "timestamp_ns": times_ns},
        MODEL: {"frame_id": frame_ids, "scene_id": of_frames, "probs": members},
    }
    return [_write(lake / name / f"day-{day:02d}.parquet", pa.table(table)) for name, table in tables.items()]


def _write(path: Path, table: pa.Table) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
    return path


if __name__ == "__main__":
    main()
