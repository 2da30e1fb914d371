"""The intake under load: `python bench/bench_keep.py [--quick] [--seconds 600] [--per-s 200] [--restart-s 30]`.

Two servers over one workspace are asked at a steady rate in all; one of them is killed (-9) at random moments and
started again. Then every answer is looked for in the record: there once, as it was given, and no limit exceeded after
any of them. Before, one server alone is asked at the whole rate, without a kill, for as long as `--steady` says.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from common import print_machine, print_table
from keep_client import WEATHER, Asked, Server, ask_steadily
from oddloop.engine import LocalEngine
from oddloop.lake import Workspace
from oddloop.rounds.intake import Recorded, open_record
from oddloop.rounds.run import run_stages
from oddloop.rounds.shell import Shell
from oddloop.web.access.tokens import token_line

TOKEN = "bench" * 8
N_SCENES = 2000
PER_HOUR, PER_SEGMENT, SNOW = 6000, 800, 300
CONFIG = f"""\
[attributes.weather]
values = ["clear", "rain", "fog", "snow"]
[attributes.rain]
kind = "binned"
column = "rain_mm_h"
edges = [0.0, 2.5]
values = ["none", "light", "heavy"]
[intake]
score = "classification_entropy_mean"
quantile = 0.1
by = ["weather", "rain"]
per_hour = {PER_HOUR}
per_segment_hour = {PER_SEGMENT}
how = "reservoir"
weighted = true
[intake.limits]
"weather=snow & rain=heavy" = {SNOW}
[web]
tokens = ["{token_line("van", "collector", TOKEN)}"]
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute instead of ten")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long the two servers are asked")
    parser.add_argument("--steady", type=float, default=60.0, help="how long one alone is")
    parser.add_argument("--per-s", type=float, default=200.0, help="questions per second in all")
    parser.add_argument("--restart-s", type=float, default=30.0, help="mean time between two kills")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seconds, arguments.steady = arguments.seconds / 10, arguments.steady / 10
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(measure(make_workspace(Path(folder) / "ws"), arguments))
    if arguments.json:
        print(json.dumps(found))
        return 0
    print("## The intake under load\n")
    print_machine("starlette", "uvicorn", "sqlalchemy")
    print_table("Is this scene kept?", list(found), [list(found.values())])
    return 0


def make_workspace(folder: Path) -> Workspace:
    """A lake of small scenes, scored."""
    rng = np.random.default_rng(0)
    ids = [f"log{i % 50}/s{i}" for i in range(N_SCENES)]
    scenes = {"scene_id": ids, "log_id": [i.split("/")[0] for i in ids], "start_ns": range(N_SCENES)}
    scenes |= {"duration_s": [9.0] * N_SCENES, "weather": rng.choice(WEATHER, N_SCENES), "rain_mm_h": [0.0] * N_SCENES}
    probs = [[row] for row in rng.dirichlet([1.0] * 3, N_SCENES).tolist()]
    frames = {"frame_id": ids, "scene_id": ids, "probs": pa.array(probs, pa.list_(pa.list_(pa.float32())))}
    for name, table in (("scenes", scenes), ("predictions/classification/m1", frames)):
        (folder / "lake" / name).mkdir(parents=True)
        pq.write_table(pa.table(table), folder / "lake" / name / "0.parquet")
    workspace = Workspace.create(folder, CONFIG)
    run_stages(workspace, Shell("bench", LocalEngine(1)), until="score")
    return workspace


async def measure(workspace: Workspace, arguments: argparse.Namespace) -> dict[str, float]:
    """One server alone, then two of which one is killed; then what was recorded."""
    steady, lasting, dying = Asked(), Asked(), Asked()
    async with Serving(workspace).started() as one:
        await ask_steadily(one.server, 10, 2, "first", Asked(steady.answers))  # what is imported and compiled late
        cpu_s = one.cpu_s()
        if arguments.steady:
            await ask_steadily(one.server, arguments.per_s, arguments.steady, "steady", steady)
        cpu_s = one.cpu_s() - cpu_s
        at_first_mb, half = one.rss_mb(), arguments.per_s / 2
        async with Serving(workspace).started() as other:
            kills = asyncio.create_task(kill_now_and_then(other, arguments.restart_s, arguments.seconds))
            await asyncio.gather(
                ask_steadily(one.server, half, arguments.seconds, "lasting", lasting),
                ask_steadily(other.server, half, arguments.seconds, "dying", dying),
            )
            await kills
            n_kills = other.n_kills
        at_last_mb = one.rss_mb()
    found: dict[str, float] = {}
    if arguments.steady:
        found |= {f"alone p{q} ms": percentile(steady.took_ms, q) for q in (50, 99)}
        found |= {"alone CPU ms a question": 1000 * cpu_s / max(len(steady.took_ms), 1)}
    for name, asked in (("lasting", lasting), ("killed", dying)):
        found |= {f"{name} p{q} ms": percentile(asked.took_ms, q) for q in (50, 99)}
    found |= {
        "kills": n_kills,
        "asked again": dying.n_again,
        "refused": sum(a.n_refused for a in (steady, lasting, dying)),
    }
    found |= {"MB at first": at_first_mb, "MB at last": at_last_mb}
    return found | check_record(workspace, steady.answers | lasting.answers | dying.answers)


def percentile(values: list[float], q: float) -> float:
    return float(np.percentile(values, q)) if values else float("nan")


async def kill_now_and_then(serving: Serving, mean_s: float, seconds: float) -> None:
    """Kill and start again, after random times, for some seconds."""
    rng, begun = random.Random(1), time.perf_counter()
    while time.perf_counter() - begun + (pause_s := rng.uniform(0.3, 1.7) * mean_s) < seconds:
        await asyncio.sleep(pause_s)
        serving.kill()
        await serving.start()


def check_record(workspace: Workspace, answers: dict[tuple[str, str], dict[str, object]]) -> dict[str, float]:
    """Counts of the record; every answer in it once and as it was given, and all limits held after each."""
    record = open_record(workspace)
    recorded: list[Recorded] = []
    while part := record.answers(since=recorded[-1].seq if recorded else 0, limit=10_000):
        recorded += part
    record.close()
    assert [r.seq for r in recorded] == list(range(1, len(recorded) + 1))
    by_key = {(r.scene_id, r.request_id): r for r in recorded}
    assert len(by_key) == len(recorded), "a question was recorded twice"
    assert by_key.keys() == answers.keys(), "a question was answered and not recorded, or recorded and never asked"
    for key, answer in answers.items():
        assert all(answer[n] == getattr(by_key[key], n) for n in ("seq", "keep", "reason", "at_ns", "instead_of"))
    return {"questions": len(recorded), **replay(recorded)}


def replay(recorded: list[Recorded]) -> dict[str, float]:
    """What was kept at a time, counted answer by answer."""
    kept: dict[str, tuple[int, str]] = {}
    counts: Counter[tuple[int, str]] = Counter()
    totals: Counter[int] = Counter()
    most = 0
    for answer in recorded:
        if answer.reason not in ("kept", "drawn"):
            continue
        assert answer.scene_id not in kept, "a scene was kept twice"
        place = kept[answer.scene_id] = (answer.hour, answer.segment)
        counts[place] += 1
        totals[answer.hour] += 1
        if answer.instead_of:
            gone = kept.pop(answer.instead_of)
            counts[gone] -= 1
            totals[gone[0]] -= 1
        limit = SNOW if answer.segment == "weather=snow & rain=heavy" else PER_SEGMENT
        assert counts[place] <= limit, f"{answer.segment} exceeds {limit}"
        assert totals[answer.hour] <= PER_HOUR, "the hour's limit is exceeded"
        most = max(most, totals[answer.hour])
    yes = sum(answer.keep for answer in recorded)
    return {"yes": yes, "kept at last": len(kept), "most of an hour": most, "segments full": _n_full(counts)}


def _n_full(counts: Counter[tuple[int, str]]) -> int:
    return sum(
        n >= PER_SEGMENT or (n >= SNOW and segment.startswith("weather=snow & rain=heavy"))
        for (_, segment), n in counts.items()
    )


@dataclass
class Serving:
    """`oddloop serve` as a process of its own."""

    workspace: Workspace
    n_kills: int = 0

    def __post_init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.server = Server(free.getsockname()[1], TOKEN)

    @contextlib.asynccontextmanager
    async def started(self) -> AsyncIterator[Serving]:
        """Serves until the end."""
        await self.start()
        try:
            yield self
        finally:
            self._process.terminate()
            self._process.wait(30)

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "oddloop", "serve", "-w", self.workspace.storage.root, "--no-open", "--json"]
        self._process = subprocess.Popen(
            [*command, "--port", str(self.server.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(600):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
                writer.close()
                return
            await asyncio.sleep(0.1)
        raise TimeoutError("the server does not start")

    def kill(self) -> None:
        """As a power cut would."""
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.n_kills += 1

    def cpu_s(self) -> float:
        """Seconds of CPU that it has taken."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        """Memory that it holds now."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS:"))


if __name__ == "__main__":
    sys.exit(main())
