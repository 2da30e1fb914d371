"""The web app under load: `python bench/bench_web.py [--quick] [--folder WORKSPACES] [--seconds 60]`.

Workspaces of 10,000, 100,000 and 1,000,000 scenes with 200 attribute values are made by the stages themselves;
`--folder` keeps them. Each is served by a process of its own. Every page is asked for alone first, at new addresses;
then twenty visitors ask in three ways:

- as wrk does: page by page, twenty connections without pauses, one address per page, so that the answer is kept;
- as an office does: a pause of 1 to 3 s after each page, over some 500 addresses;
- the worst case: no pauses, and no address twice, so that no answer is kept.

`--new` asks for addresses drawn at random alone (`web_addresses`), page by page, with and without pauses. Of the few
scenes with tracks some come twice.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import duckdb

from common import print_machine, print_table, run_fresh
from web_addresses import new_addresses
from web_load import Addresses, Served, Times, Visitor, serving, visit
from web_workspace import N_ATTRIBUTES, N_VALUES, PER_LOG, make_web_workspace

SIZES = (10_000, 100_000, 1_000_000)
N_VISITORS, N_ALONE = 20, 20
PAUSE_S, N_TURNS = (1.0, 3.0), 36
WARMING_S = 15.0
"""Longer than a server reads a million scenes after its start."""
HEALTH = "/healthz"
"""Nothing is read for it: what the server and the visitors themselves take."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes and of the time")
    parser.add_argument("--folder", type=Path, help="where the workspaces are, or are to be kept")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the twenty visitors ask, each way")
    parser.add_argument("--page-seconds", type=float, default=60.0, help="the same of each page, where it is kept")
    parser.add_argument("--scenes", type=int, nargs="*", default=SIZES, help="sizes of the workspaces")
    parser.add_argument("--new", action="store_true", help="addresses alone that nobody has asked for before")
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
        for n in arguments.scenes:
            folder = arguments.folder or Path(scratch)
            if not (folder / str(n // part)).exists():
                run_fresh(__file__, "--make", n // part, "--folder", folder)
            if arguments.new:
                measure_new(folder / str(n // part), n // part, arguments.page_seconds / part)
            else:
                measure(folder / str(n // part), n // part, arguments.page_seconds / part, arguments.seconds / part)


def measure(folder: Path, n: int, page_seconds: float, seconds: float) -> None:
    """Print what one workspace gives."""
    pages = pages_of(n)
    with serving(folder) as server:
        first = {page: Visitor(server).ask(address(0)) for page, address in pages.items()}
        alone = {page: ask_alone(server, address) for page, address in pages.items()}
        before = server.peak_mb
        one_each = {
            page: visit(server, {page: _at_one(address)}, N_VISITORS, page_seconds) for page, address in pages.items()
        }
        few = {page: _at_few(address) for page, address in pages.items()}
        office = visit(server, few, N_VISITORS, seconds, PAUSE_S)
        office_mb = server.peak_mb
        worst = visit(server, pages, N_VISITORS, seconds)
        rows = [
            (
                page,
                1000 * took,
                n_bytes / 1000,
                *alone[page],
                one_each[page].n / one_each[page].wall_s,
                *_p50_p95(one_each[page], page),
                *_p50_p95(office, page),
                *_p50_p95(worst, page),
            )
            for page, (took, n_bytes) in first.items()
        ]
        names = ("page", "first ms", "kB", "alone ms", "CPU ms", "kept: per s", "p50 ms", "p95 ms")
        print_table(
            f"{n:,} scenes, {N_VISITORS} visitors: {page_seconds:.0f} s per page kept, {seconds:.0f} s of office "
            f"and of the worst case; peak memory {before:,.0f} MB before, "
            f"{office_mb:,.0f} MB after the office, {server.peak_mb:,.0f} MB after the worst case",
            (*names, "office: p50 ms", "p95 ms", "worst: p50 ms", "p95 ms"),
            rows,
        )
    for name, times in (("office", office), ("worst case", worst)):
        per_s, cpu_ms = times.n / times.wall_s, 1000 * times.cpu_s / times.n
        print(f"\n{name}: {per_s:.1f} answers a second, {cpu_ms:.1f} ms of CPU each.")
    print(f"\nDuckDB alone counts all values of all attributes in {count_by_sql(folder):.0f} ms.")


def measure_new(folder: Path, n: int, seconds: float) -> None:
    """Print what one workspace gives at addresses that nobody has asked for before."""
    rows = []
    with serving(folder) as server:
        first_ms = 1000 * Visitor(server).ask("/")[0]
        time.sleep(WARMING_S)
        for page, address in new_addresses(n).items():
            _, cpu_ms = ask_alone(server, address)
            pauses = visit(server, {page: address}, N_VISITORS, seconds, PAUSE_S)
            # Behind all turns of before.
            rush = visit(server, {page: lambda turn, ask=address: ask(turn + 10**6)}, N_VISITORS, seconds)
            rows.append((page, cpu_ms, pauses.n, *_p50_p95(pauses, page), rush.n / rush.wall_s, *_p50_p95(rush, page)))
        peak_mb = server.peak_mb
    print_table(
        f"{n:,} scenes, addresses never asked before, {N_VISITORS} visitors, {seconds:.0f} s per page and way; first "
        f"overview {first_ms:.0f} ms; peak memory {peak_mb:,.0f} MB",
        ("page", "CPU ms", "pauses: answers", "p50 ms", "p95 ms", "no pauses: per s", "p50 ms", "p95 ms"),
        rows,
    )


def _at_one(address: Addresses) -> Addresses:
    return lambda _turn: address(0)


def _at_few(address: Addresses) -> Addresses:
    return lambda turn: address(turn % N_TURNS)


def _p50_p95(times: Times, page: str) -> tuple[float, float]:
    return times.percentile_ms(page, 50), times.percentile_ms(page, 95)


def pages_of(n: int) -> dict[str, Addresses]:
    """Addresses by page."""
    return {
        HEALTH: lambda _turn: "/healthz",
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
