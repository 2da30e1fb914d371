"""A ledger of many events: `python bench/bench_ledger.py [--quick] [--url postgresql://...]`.

Half of the events are decisions on the picks of one long round, the rest rounds of ten events each. Beside an append
stands a bare insert into such a table, committed and synced in the same way: what the disk takes.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median

from common import Timing, growth_exponent, print_machine, print_table, report, run_fresh
from oddloop.rounds.ledger import Author, Ledger
from oddloop.rounds.ledger.lines import to_line
from oddloop.rounds.state import Event

SIZES = (1_000, 10_000, 100_000)
LIFE = ("proposed", "decided", "decided", "decided", "reviewed", "sent", "labelled", "trained", "evaluated", "closed")
LONG = "r000"
N_APPENDS = 30
ME = Author("bench", 1)
PARTS = (
    "take_in",
    "opened",
    "append",
    "guarded_first",
    "guarded",
    "bare",
    "rounds",
    "rounds_again",
    "one_round",
    "export",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--url", default="", help="an empty PostgreSQL database for ledgers; it is emptied")
    parser.add_argument("--case", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        measure(arguments.case, arguments.url)
        return
    sizes = [n // 10 for n in SIZES] if arguments.quick else list(SIZES)
    print("## The ledger\n")
    print_machine("sqlalchemy")
    url = [f"--url={arguments.url}"] if arguments.url else []
    figures = [run_fresh(__file__, "--case", n, *url) for n in sizes]
    rows = []
    for part in PARTS:
        cells = [f"{1000 * found[part]:,.1f} ({1000 * found[f'{part}_cpu']:,.1f})" for found in figures]
        exponent = growth_exponent(sizes, [found[f"{part}_cpu"] for found in figures])
        rows.append((part.replace("_", " "), *cells, exponent))
    rows.append(("peak MB", *(f"{found['peak_mb']:,.0f}" for found in figures), ""))
    where = "PostgreSQL" if arguments.url else "SQLite"
    print_table(
        f"{where}: ms on the clock (of CPU) by events", ("", *(f"{n:,}" for n in sizes), "growth exponent of CPU"), rows
    )
    print("\n`append`, `guarded` and `bare`: medians of one event; `guarded first`: by who has read nothing yet.")


def planned(n: int) -> Iterator[tuple[str, Event]]:
    """Places and events: first the long round, then many short ones."""
    for seq in range(1, n + 1):
        if seq <= n // 2:
            round_id, kind = LONG, "proposed" if seq == 1 else "decided"
        else:
            turn, step = divmod(seq - n // 2 - 1, len(LIFE))
            round_id, kind = f"r{turn + 1:03d}", LIFE[step]
        picks = [
            {"scene_id": f"scene{i}", "rank": i, "cost": 1.5, "reasons": [{"text": "it was uncertain"}]}
            for i in range(20)
        ]
        payload = (
            {"picks": picks} if kind == "proposed" else {"scene_id": f"scene{seq}", "decision": "approve", "reason": ""}
        )
        yield f"line {seq}", Event(seq, f"{round_id}/{kind}/{seq}", round_id, kind, seq, "bench", "0.1.0", payload)


def measure(n: int, url: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = url or f"sqlite:///{folder}/ledger.db"
        ledger = Ledger(place)
        if url:
            with ledger._database.writing() as connection:
                connection.exec_driver_sql("DELETE FROM events")
        events = list(planned(n))
        found = {"take_in": took(lambda: ledger.take_in(events))}
        found["opened"] = took(lambda: Ledger(place).close())
        found["append"] = per_append(ledger, "plain", guarded=False)
        fresh = Ledger(place)
        found["guarded_first"] = took(lambda: decide(fresh, "first", guarded=True))
        found["guarded"] = per_append(fresh, "guarded", guarded=True)
        fresh.close()
        found["bare"] = bare_inserts(Path(folder))
        found["one_round"] = took(lambda: Ledger(place).round(LONG))
        found["rounds"] = took(ledger.rounds)
        found["rounds_again"] = took(ledger.rounds)
        found["export"] = took(lambda: [to_line(event) for event in ledger.events()])
        ledger.close()
        report(**found)


def took(work: Callable[[], object]) -> Timing:
    begun = time.perf_counter(), time.process_time()
    work()
    return Timing(time.perf_counter() - begun[0], time.process_time() - begun[1])


def decide(ledger: Ledger, key: str, *, guarded: bool) -> None:
    payload = {"scene_id": key, "decision": "approve", "reason": ""}
    ledger.append(LONG, "decided", payload, key=key, author=ME, guard=(lambda _state: None) if guarded else None)


def per_append(ledger: Ledger, name: str, *, guarded: bool) -> Timing:
    return middle(took(lambda i=i: decide(ledger, f"{name}{i}", guarded=guarded)) for i in range(N_APPENDS))


def middle(timings: Iterable[Timing]) -> Timing:
    wall, cpu = zip(*timings, strict=True)
    return Timing(median(wall), median(cpu))


def bare_inserts(folder: Path) -> Timing:
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE events (seq INTEGER PRIMARY KEY, event_key TEXT UNIQUE, payload TEXT)")

    def insert(i: int) -> None:
        connection.execute("INSERT INTO events (event_key, payload) VALUES (?, ?)", (f"key{i}", "x" * 200))

    timing = middle(took(lambda i=i: insert(i)) for i in range(N_APPENDS))
    connection.close()
    return timing


if __name__ == "__main__":
    main()
