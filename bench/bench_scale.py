"""A whole run at growing fleets: `python bench/bench_scale.py [--quick] [--scratch FOLDER]`.

Each fleet (`planted_lake`: 20 frames a scene, 5 to 15 boxes a frame, vectors of 256 numbers, 12 attributes) is written
to a scratch folder, 170 MB per million frames, and `oddloop run` is done there from nothing to the report in one
fresh process: score, coverage, discovery, diagnosis, selection of one scene in a hundred. Then scoring alone, on one
core and on two, in turns.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from common import Timing, growth_exponent, peak_mb, print_machine, print_table, report, run_fresh
from oddloop.engine import LocalEngine
from oddloop.lake.workspace import Workspace
from oddloop.report import write_report
from oddloop.rounds.run import run, run_stages
from oddloop.rounds.shell import Shell, Step
from planted_lake import FRAMES, write_lake

SIZES = (100_000, 1_000_000, 10_000_000)
STAGES = ("score", "coverage", "basis", "discover", "cards", "diagnosis", "select", "propose", "report")
TURNS = 3
LIMITS = """Limits: 10 million frames in 1,200 s and 8,000 MB, no stage above exponent 1.15. A stage lasts until the
next one begins. The exponent is over all three sizes; up to 60,000 scenes neighbours are searched among all, which
grows with the square, and beyond in cells."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--scratch", type=Path, help="where the fleets are written; default: a temporary folder")
    parser.add_argument("--case", choices=("write", "run", "score"), help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--cores", type=int, default=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case == "write":
        report(written=_timed(lambda: write_lake(arguments.scratch, arguments.size // FRAMES)))
    elif arguments.case == "run":
        measure_run(arguments.scratch)
    elif arguments.case == "score":
        measure_score(arguments.scratch, arguments.cores)
    else:
        with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
            compare(Path(scratch), [size // (10 if arguments.quick else 1) for size in SIZES])


def compare(scratch: Path, sizes: list[int]) -> None:
    """Print the tables of all sizes."""
    print("## Scale\n")
    print_machine("numpy", "numba", "pyarrow", "faiss-cpu")
    print(f"\n{LIMITS}\n")
    runs, scored = [], []
    for size in sizes:
        folder = scratch / str(size)
        run_fresh(__file__, "--case", "write", "--size", size, "--scratch", folder)
        runs.append(run_fresh(__file__, "--case", "run", "--scratch", folder))
        if size == sizes[1]:
            scored = [score_once(folder, cores) for _ in range(TURNS) for cores in (1, 2)]
        shutil.rmtree(folder)
    names = [f"{size:,} frames" for size in sizes]
    rows = [_row(stage, sizes, runs) for stage in (*STAGES, "all")]
    print_table("seconds on the clock (of CPU)", ("stage", *names, "growth exponent of CPU"), rows)
    peaks = [(stage, *(f[f"{stage}_mb"] for f in runs)) for stage in STAGES]
    print_table("peak MB", ("stage", *names), peaks)
    print_disk(sizes[2], runs[2])
    print_cores(sizes[1], scored)


def _row(stage: str, sizes: list[int], runs: list[dict[str, Any]]) -> tuple[object, ...]:
    cells = [f"{found[stage]:,.1f} ({found[f'{stage}_cpu']:,.1f})" for found in runs]
    return (stage, *cells, growth_exponent(sizes, [max(found[f"{stage}_cpu"], 0.01) for found in runs]))


def print_disk(size: int, found: dict[str, Any]) -> None:
    """What tables take on disk, per row."""
    rows = {"predictions": size, "frame scores": size, "features": size // FRAMES, "scene scores": size // FRAMES}
    rows |= {"scene vectors": size // FRAMES, "all that is derived": size // FRAMES}
    table = [(name, found[name] / 1e6, found[name] / n, "frame" if n == size else "scene") for name, n in rows.items()]
    print_table(f"on disk at {size:,} frames", ("table", "MB", "bytes", "per"), table)


def print_cores(size: int, scored: list[dict[str, Any]]) -> None:
    """Scoring on one core and on two: on the clock, the fastest of each, since a busy machine only ever adds; by CPU.

    By CPU seconds two cores take what was done outside the engine's tasks on one core, and half of the tasks'
    own, which is that of the run in which they took more.
    """
    one, two = (min(scored[cores::2], key=lambda found: found["score"]) for cores in (0, 1))
    least, most = (min(scored[cores::2], key=lambda found: found["score_cpu"]) for cores in (0, 1))
    shared = least["score_cpu"] - least["tasks_cpu"] + max(least["tasks_cpu"], most["tasks_cpu"]) / 2
    print_table(
        f"scoring {size:,} frames on one core and on two, best of {TURNS}",
        ("cores", "s", "CPU s", "of it in tasks", "efficiency on the clock", "by CPU s"),
        [
            (1, one["score"], least["score_cpu"], least["tasks_cpu"], 1.0, 1.0),
            (2, two["score"], most["score_cpu"], most["tasks_cpu"], one["score"] / two["score"] / 2,
             least["score_cpu"] / shared / 2),
        ],
    )  # fmt: skip


def score_once(folder: Path, cores: int) -> dict[str, Any]:
    """Scoring from nothing, in a fresh process that is held to its cores before a library starts threads."""
    shutil.rmtree(folder / "derived")
    free = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(free)[:cores])
    try:
        return run_fresh(__file__, "--case", "score", "--cores", cores, "--scratch", folder)
    finally:
        os.sched_setaffinity(0, free)


def measure_run(folder: Path) -> None:
    """Figures of every stage of one run, and what is on disk then."""
    report(**time_run(folder), **disk_bytes(folder))


def time_run(folder: Path) -> dict[str, float | Timing]:
    """Time and peak of every stage of one run; a stage lasts until the next one begins, so that nothing is left out."""
    found: dict[str, float | Timing] = {}
    begun = last = Timing(time.perf_counter(), time.process_time())

    def note(name: str) -> None:
        nonlocal last
        now = Timing(time.perf_counter(), time.process_time())
        found[name], found[f"{name}_mb"], last = _since(last, now), peak_mb(), now
        forget_peak()

    def on_step(step: Step) -> None:
        note(step.name)

    workspace = Workspace.open(folder)
    run(workspace, Shell("bench", LocalEngine(), on_step=on_step))
    write_report(workspace)
    note("report")
    return {**found, "all": _since(begun, last)}


def disk_bytes(folder: Path) -> dict[str, float]:
    """Bytes of files by what they hold."""
    patterns = {
        "predictions": "lake/predictions/**/*.parquet",
        "features": "lake/features/**/*.parquet",
        "frame scores": "derived/score/*/frame_scores/detection/*.parquet",
        "scene scores": "derived/score/*/scene_scores.parquet",
        "scene vectors": "derived/discover/*/scene_vectors.parquet",
        "all that is derived": "derived/**/*",
    }
    return {name: float(_bytes(folder.glob(pattern))) for name, pattern in patterns.items()}


def _bytes(paths: Iterable[Path]) -> int:
    """Bytes of files; those of several names count once."""
    found = [path.stat() for path in paths if path.is_file()]
    return sum({status.st_ino: status.st_size for status in found}.values())


def measure_score(folder: Path, cores: int) -> None:
    """Time of scoring alone with as many workers as cores."""
    workspace = Workspace.open(folder)
    tasks_cpu, map_plainly = 0.0, LocalEngine.map

    def map_timed(*arguments: Any) -> list[Any]:
        nonlocal tasks_cpu
        begun = time.process_time()
        found = map_plainly(*arguments)
        tasks_cpu += time.process_time() - begun
        return found

    LocalEngine.map = map_timed  # type: ignore[method-assign]
    score = _timed(lambda: run_stages(workspace, Shell("bench", LocalEngine(cores)), until="score"))
    report(score=score, tasks_cpu=tasks_cpu)


def _timed(work: Any) -> Timing:
    begun = Timing(time.perf_counter(), time.process_time())
    work()
    return _since(begun, Timing(time.perf_counter(), time.process_time()))


def _since(begun: Timing, now: Timing) -> Timing:
    return Timing(now.wall - begun.wall, now.cpu - begun.cpu)


def forget_peak() -> None:
    """Let the peak memory of this process begin anew at what it holds now."""
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    main()
