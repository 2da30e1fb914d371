"""Tables for dashboards: `python bench/bench_publish.py [--quick] [--folder WORKSPACES] [--url postgresql://...]`.

A workspace of 10,000 scenes with 200 attribute values is made by the stages themselves; larger ones are copies of it in
which each scene stands ten or a hundred times, under other ids. Each is published by a process of its own, into a
PostgreSQL, too, where `--url` names an empty one.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from common import growth_exponent, print_machine, print_table, report, run_fresh
from oddloop.config import PublishConfig
from oddloop.derived_tables.star import PUBLICATION
from oddloop.lake import Workspace
from oddloop.publish.duckdb_file import write_duckdb
from oddloop.publish.moment import take_moment
from oddloop.publish.postgres import write_postgres
from oddloop.publish.star import write_star
from oddloop.rounds.ledger import open_ledger
from web_workspace import make_web_workspace

BASE = 10_000
COPIES = (1, 10, 100)
BY_SCENE = (
    "lake/scenes/*.parquet",
    "lake/labels/*.parquet",
    "derived/coverage/*/scene_values.parquet",
    "derived/score/*/scene_scores.parquet",
    "derived/select/*/candidates.parquet",
    "derived/discover/*/scene_map.parquet",
)
"""What `oddloop publish` reads that has a row per scene."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--folder", type=Path, help="where the workspaces are, or are to be kept")
    parser.add_argument("--url", default="", help="an empty PostgreSQL database")
    parser.add_argument("--make", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        make_web_workspace(arguments.folder / str(arguments.make), arguments.make)
        print("{}")
    elif arguments.measure:
        measure(arguments.measure, arguments.url)
    else:
        print_all(BASE // (10 if arguments.quick else 1), arguments.folder, arguments.url)


def print_all(base: int, kept: Path | None, url: str) -> None:
    print("## Tables for dashboards\n")
    print_machine("duckdb", "pyarrow")
    figures, sizes = [], [base * copies for copies in COPIES]
    with tempfile.TemporaryDirectory() as scratch:
        folder = kept or Path(scratch)
        if not (folder / str(base)).exists():
            run_fresh(__file__, "--make", base, "--folder", folder)
        for n, copies in zip(sizes, COPIES, strict=True):
            if not (folder / str(n)).exists():
                enlarge(folder / str(base), folder / str(n), copies)
            figures.append(run_fresh(__file__, "--measure", folder / str(n), f"--url={url}"))
    parts = [part for part in ("moment", "star", "duckdb", "postgres", "postgres_again") if part in figures[0]]
    rows: list[tuple[object, ...]] = []
    for part in parts:
        cells = [f"{found[part]:,.1f} ({found[f'{part}_cpu']:,.1f})" for found in figures]
        rows.append((part.replace("_", " "), *cells, growth_exponent(sizes, [f[f"{part}_cpu"] for f in figures])))
    rows.append(("peak MB of the process", *(f"{found['peak_mb']:,.0f}" for found in figures), ""))
    counted = ("fact_segment_gap", "fact_scene_score", "dim_scene")
    rows += [(f"rows of {name}", *(f"{found[name]:,.0f}" for found in figures), "") for name in counted]
    print_table("Seconds (CPU seconds) by scenes", ("part", *(f"{n:,}" for n in sizes), "grows as n^"), rows)


def enlarge(source: Path, target: Path, copies: int) -> None:
    """A workspace in which each scene stands so many times."""
    shutil.copytree(source, target)
    for file in (file for pattern in BY_SCENE for file in target.glob(pattern)):
        table = pq.read_table(file)
        place = table.schema.get_field_index("scene_id")
        with pq.ParquetWriter(file, table.schema) as writer:
            for i in range(copies):
                ids = pc.binary_join_element_wise(table["scene_id"], f"{i:03d}", "-") if i else table["scene_id"]
                writer.write_table(table.set_column(place, table.schema.field(place), ids))


def measure(folder: Path, url: str) -> None:
    """Print what one workspace takes, by part."""
    workspace, figures = Workspace.open(folder), dict[str, float]()

    @contextlib.contextmanager
    def timed(part: str) -> Iterator[None]:
        start = time.perf_counter(), time.process_time()
        yield
        figures[part], figures[f"{part}_cpu"] = time.perf_counter() - start[0], time.process_time() - start[1]

    out = folder / "published"
    shutil.rmtree(out, ignore_errors=True)
    with contextlib.closing(open_ledger(workspace)) as ledger:
        with timed("moment"):
            moment = take_moment(workspace, ledger)
            moment.digest()
        with timed("star"):
            rows = write_star(moment, ledger, out)
    with timed("duckdb"):
        write_without_publication(out)
    if url:
        config = replace(PublishConfig(), postgres=url)
        for part in ("postgres", "postgres_again"):
            with timed(part):
                write_postgres(out, config)
    report(**figures, **{name: float(n) for name, n in rows.items()})
    shutil.rmtree(out)


def write_without_publication(out: Path) -> None:
    """The DuckDB file; the table that says when it was made is one row, and any will do here."""
    pq.write_table(PUBLICATION.empty(), out / "publication.parquet")
    write_duckdb(out, out / "oddloop.duckdb")


if __name__ == "__main__":
    main()
