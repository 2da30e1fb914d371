"""What every benchmark shares: a timer, peak memory of a fresh process, a growth exponent, and a table to print.

A benchmark script runs itself once per case and size in a fresh process, so that one size's memory is not another's;
that process prints one line of JSON. Figures of one table are all from one run on one machine, peers included.
"""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

HERE = Path(__file__).parent


class Timing(NamedTuple):
    """Seconds on the clock, and of all cores together; the second bears a busy machine better."""

    wall: float
    cpu: float


def time_median(function: Callable[[], object], runs: int = 3) -> Timing:
    """Medians of some runs; the first, unmeasured one warms caches."""
    function()
    wall, cpu = [], []
    for _ in range(runs):
        start = time.perf_counter(), time.process_time()
        function()
        wall.append(time.perf_counter() - start[0])
        cpu.append(time.process_time() - start[1])
    return Timing(median(wall), median(cpu))


def peak_mb() -> float:
    """Most memory that this process has held at once, in MB (10⁶ bytes)."""
    # Not getrusage: its figure outlives exec, so a child would report its parent's peak.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    return math.nan


def run_fresh(script: str | Path, *arguments: object, python: str = sys.executable) -> dict[str, Any]:
    """The JSON that a fresh process of the script prints; by `report`, with its peak memory as `peak_mb`."""
    command = [python, script, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def report(**figures: float | Timing) -> None:
    """Print a fresh process's figures for `run_fresh`; a timing `x` becomes `x` and `x_cpu`."""
    flat: dict[str, float] = {"peak_mb": peak_mb()}
    for name, figure in figures.items():
        flat |= {name: figure.wall, f"{name}_cpu": figure.cpu} if isinstance(figure, Timing) else {name: figure}
    print(json.dumps(flat))


def growth_exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """Slope of log time over log size by least squares: 1 is linear, 2 quadratic."""
    x, y = [math.log(s) for s in sizes], [math.log(s) for s in seconds]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return covariance / sum((a - mean_x) ** 2 for a in x)


def print_table(title: str, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table under a heading."""
    print(f"\n### {title}\n\n| {' | '.join(headers)} |\n|{'---|' * len(headers)}")
    for row in rows:
        print(f"| {' | '.join(_cell(value) for value in row)} |", flush=True)


def print_machine(*packages: str) -> None:
    """Print processor, cores and versions; nothing that names the machine."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    cores = len(os.sched_getaffinity(0))
    print(
        f"{_processor()}, {cores} cores; Python {platform.python_version()}, {versions}; load {os.getloadavg()[0]:.1f}"
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
