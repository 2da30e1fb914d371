"""Engines beside each other: `python bench/bench_engine.py [--quick]`, with Ray and Dask where they are installed.

The scoring of one prediction table in 16 files, part files written, by threads and by processes of a cluster on this
machine, on one core and on two: seconds, the efficiency of the second core, and what a cluster costs beside threads.
Each figure is the least of several runs, which alternate between one core and two, for the machine is shared. A fresh
process is held to its cores (and so are the processes that it starts) before it imports anything, so that on one core
no library has threads for two.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from common import growth_exponent, print_machine, print_table, report, run_fresh

LIBRARIES = {"local": "pyarrow", "ray": "ray", "dask": "distributed"}
SIZES = (20_000, 80_000, 320_000, 1_280_000)
N_FILES = 16
N_TASKS = 400
ROUNDS = 2
RUNS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--case", choices=LIBRARIES, help=argparse.SUPPRESS)
    parser.add_argument("--cores", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folders", type=Path, nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
        measure(arguments.case, arguments.cores, arguments.folders)
    else:
        compare(10 if arguments.quick else 1)


def compare(divisor: int) -> None:
    installed = [name for name, library in LIBRARIES.items() if find_spec(library)]
    print("## Engines\n")
    print_machine("numpy", "numba", "pyarrow", *(LIBRARIES[name] for name in installed if name != "local"))
    sizes = [size // divisor for size in SIZES]
    with tempfile.TemporaryDirectory() as folder:
        folders = [write_table(Path(folder) / str(size), size) for size in sizes]
        found = {(name, cores): {} for name in installed for cores in (1, 2)}
        for _ in range(ROUNDS):
            for (name, cores), best in found.items():
                figures = run_fresh(__file__, "--case", name, "--cores", cores, "--folders", *folders)
                best |= {key: min(value, best.get(key, value)) for key, value in figures.items()}
    rows = []
    for name in installed:
        one, two, threads = found[name, 1], found[name, 2], found["local", 2]
        for size in sizes:
            times = [figures[str(size)] for figures in (one, two, threads)]
            rows.append((name, size, times[0], times[1], times[0] / times[1] / 2, times[1] / times[2]))
    headers = ("engine", "frames", "one core s", "two cores s", "efficiency", "x local, two cores")
    exponents = ", ".join(
        f"{name} {growth_exponent(sizes, [found[name, 2][str(s)] for s in sizes]):.2f}" for name in installed
    )
    print_table(f"scoring of about 20 boxes a frame, {N_FILES} tasks; growth exponents {exponents}", headers, rows)
    headers = ("engine", "start s", "first job s, imports of workers included", "ms per empty task")
    rows = [(n, *(found[n, 2][key] for key in ("start", "first", "task_ms"))) for n in installed]
    print_table("what an engine costs by itself, two cores", headers, rows)
    if missing := sorted(set(LIBRARIES) - set(installed)):
        print(f"\nNot installed, and so not measured: {', '.join(missing)}.")


def measure(name: str, cores: int, folders: list[Path]) -> None:
    """Times of an engine, all in one process that begins with none."""
    from oddloop.config import EngineConfig
    from oddloop.engine import open_engine

    engine = open_engine(EngineConfig(name=name, workers=cores))  # type: ignore[arg-type]
    times = {"start": timed(lambda: engine.map(abs, [1]))}
    times["first"] = timed(lambda: score(engine, folders[0]))
    times["task_ms"] = timed(lambda: engine.map(abs, range(N_TASKS))) * 1000 / N_TASKS
    for folder in folders:
        times[folder.name] = min(timed(partial(score, engine, folder)) for _ in range(RUNS))
    report(**times)


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def score(engine: object, folder: Path) -> None:
    """Score a table into part files, which go to the cache of the disk at least."""
    from oddloop.config import ScoreConfig
    from oddloop.engine import map_partitions
    from oddloop.engine.partitions import PartitionJob
    from oddloop.lake.scan import partitions
    from oddloop.lake.storage import Storage
    from oddloop.lake.workspace import table_files
    from oddloop.score import KERNELS
    from oddloop.tables import DETECTION

    with tempfile.TemporaryDirectory() as out:
        job = PartitionJob(partial(KERNELS["detection"], config=ScoreConfig()), DETECTION, Storage.open(out), 65_536)
        files = table_files(Storage.open(folder), "predictions/detection/m")
        map_partitions(engine, job, partitions(files, DETECTION))  # type: ignore[arg-type]


def write_table(folder: Path, n_frames: int) -> Path:
    from bench_score import write

    folder.mkdir()
    for i in range(N_FILES):
        write("detection", n_frames // N_FILES, folder / f"part-{i:02d}.parquet")
    return folder


if __name__ == "__main__":
    sys.exit(main())
