"""The web app under load: `python bench/bench_web.py [--quick] [--folder WORKSPACES] [--seconds 60]`.

Workspaces of 10,000, 100,000 and 1,000,000 scenes with 200 attribute values are made by the stages themselves;
`--folder` keeps them. Each is served by a process of its own. Pages are asked for once each by one who waits, then
by twenty who do not. Every page has another address each time, where it has more than one, so that no answer is kept.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import duckdb

from common import print_machine, print_table, run_fresh
from web_load import Addresses, Served, Visitor, serving, visit
from web_workspace import N_ATTRIBUTES, N_VALUES, PER_LOG, make_web_workspace

SIZES = (10_000, 100_000, 1_000_000)
N_VISITORS, N_ALONE = 20, 20
STATIC = "a file of the server's own"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes and of the time")
    parser.add_argument("--folder", type=Path, help="where the workspaces are, or are to be kept")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the twenty visitors ask")
    parser.add_argument("--make", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        make_web_workspace(arguments.folder / str(arguments.make), arguments.make)
        print("{}")
        return
    part = 10 if arguments.quick else 1
    print("## The web app\n")
    print_machine("fastapi", "uvicorn", "duckdb")
    with tempfile.TemporaryDirectory() as scratch:
        for n in SIZES:
            folder = arguments.folder or Path(scratch)
            if not (folder / str(n // part)).exists():
                run_fresh(__file__, "--make", n // part, "--folder", folder)
            measure(folder / str(n // part), n // part, arguments.seconds / part)


def measure(folder: Path, n: int, seconds: float) -> None:
    """Print what one workspace gives."""
    pages = pages_of(n)
    with serving(folder) as server:
        first = {page: Visitor(server).ask(address(0)) for page, address in pages.items()}
        alone = {page: ask_alone(server, address) for page, address in pages.items()}
        before = server.peak_mb
        times = visit(server, pages, N_VISITORS, seconds)
        static = times.percentile_ms(STATIC, 95)
        rows = [
            (
                page,
                1000 * took,
                n_bytes / 1000,
                *alone[page],
                times.percentile_ms(page, 50),
                times.percentile_ms(page, 95),
            )
            for page, (took, n_bytes) in first.items()
        ]
        print_table(
            f"{n:,} scenes; {times.n / times.wall_s:.0f} answers a second to {N_VISITORS} visitors, "
            f"{1000 * times.cpu_s / times.n:.1f} ms of CPU each; {before:,.0f} MB of memory before, "
            f"{server.peak_mb:,.0f} MB at the peak",
            ("page", "first ms", "kB", "alone ms", "CPU ms", f"{N_VISITORS} visitors: p50 ms", "p95 ms"),
            rows,
        )
    counted = count_by_sql(folder)
    print(
        f"\nDuckDB alone counts all values of all attributes in {counted:.0f} ms; "
        f"p95 of {STATIC} under the same load: {static:.0f} ms."
    )


def pages_of(n: int) -> dict[str, Addresses]:
    """Addresses by page."""
    return {
        STATIC: lambda _turn: "/healthz",
        "overview": lambda _turn: "/",
        "coverage": _coverage,
        "segment": lambda turn: f"/coverage/segment?id=attribute_{turn % N_ATTRIBUTES:02d}%3Dvalue+{turn % N_VALUES}",
        "scenes": _search,
        "scenes like one": lambda turn: f"/scenes?like={_scene(n, turn)}",
        "scene": lambda turn: f"/scenes/scene?id={_scene(n, turn)}",
        "replay": lambda turn: f"/scenes/scene?id={_scene(2_000, turn)}",
        "clusters": lambda turn: f"/clusters?offset={turn % 50}",
        "cluster": lambda turn: f"/clusters/c{1 + turn % 20:04d}",
        "map": lambda turn: f"/clusters/map?right={1 - turn % 10_000 * 1e-5:.5f}",
        "map.png": lambda turn: f"/api/v1/clusters/map.png?right={1 - turn % 10_000 * 1e-5:.5f}",
        "review": lambda turn: f"/review?keep={1 + turn % 200}",
        "rounds": lambda _turn: "/rounds",
        "round": lambda turn: f"/rounds/r001?offset={turn % 100}",
    }


def _scene(n: int, turn: int) -> str:
    number = turn * 7919 % n  # a prime: all over the fleet, none twice
    return f"log-{number // PER_LOG:06d}-scene-{number % PER_LOG:02d}"


def _coverage(turn: int) -> str:
    rows, columns = turn % N_ATTRIBUTES, (turn // N_ATTRIBUTES + turn + 1) % N_ATTRIBUTES
    return f"/coverage?rows=attribute_{rows:02d}&columns=attribute_{columns:02d}"


def _search(turn: int) -> str:
    """Two values of two attributes, and a bound of the score that nobody has asked for before."""
    name, value = turn % N_ATTRIBUTES, turn // 3 % N_VALUES
    where = f"where=attribute_{name:02d}%3Dvalue+{value}&where=attribute_{(name + 7) % N_ATTRIBUTES:02d}%3Dvalue+0"
    return f"/scenes?{where}&at_least={turn * 1e-7:.7f}"


def ask_alone(server: Served, address: Addresses) -> tuple[float, float]:
    """Middle time of an answer while nobody else asks, and its CPU, in ms."""
    visitor, cpu = Visitor(server), server.cpu_s
    took = [visitor.ask(address(-1 - turn))[0] for turn in range(N_ALONE)]
    return 1000 * median(took), 1000 * (server.cpu_s - cpu) / N_ALONE


def count_by_sql(folder: Path) -> float:
    """Milliseconds in which DuckDB counts what the bars of the search page say."""
    (values,) = folder.glob("derived/coverage/*/scene_values.parquet")
    names = [f"attribute_{i:02d}" for i in range(N_ATTRIBUTES)]
    sql = " UNION ALL ".join(f"SELECT {name}::VARCHAR v, count(*) FROM '{values}' GROUP BY 1" for name in names)
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        duckdb.sql(sql).fetchall()
        taken.append(time.perf_counter() - begun)
    return 1000 * median(taken)


if __name__ == "__main__":
    main()
