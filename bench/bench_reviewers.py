"""Fifty reviewers of one round at once: `python bench/bench_reviewers.py [--quick] [--url postgresql://...]`.

Each decides at random on the 200 picks of a round over HTTP, again as soon as the last answer is there, and names the
last decision that they have seen. Then the ledger is held against what was answered: every decision that was
acknowledged must be in it, every decision in it must have been acknowledged, and each must have been made by somebody
who had seen the one before it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from common import print_machine, print_table
from oddloop.lake import Workspace
from oddloop.rounds.ledger import Ledger, open_ledger
from oddloop.rounds.state import Event
from oddloop.web.access.tokens import token_line
from web_load import Served, serving
from web_workspace import make_web_workspace

N_REVIEWERS, N_SCENES, ROUND = 50, 2_000, "r001"
NAMES = tuple(f"reviewer{i:02d}" for i in range(N_REVIEWERS))


@dataclass(frozen=True)
class Answer:
    """What one decision came to: seconds, HTTP status, the decision that its reviewer had seen, the answer."""

    took_s: float
    status: int
    seen: int
    said: Mapping[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the time")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long they decide")
    parser.add_argument("--url", default="", help="an empty PostgreSQL database for the ledger")
    parser.add_argument("--folder", type=Path, help="a workspace of bench_web.py that may be changed")
    arguments = parser.parse_args()
    seconds = arguments.seconds / (10 if arguments.quick else 1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch) / "ws"
        if not folder.exists():
            make_web_workspace(folder, N_SCENES)
        configure(folder, arguments.url)
        ledger = open_ledger(Workspace.open(folder))
        scenes, before = ledger.round(ROUND).pick_ids, ledger.seq_at(2**62)
        with serving(folder) as server:
            answers = decide_at_once(server, scenes, seconds)
            cpu_s, peak_mb = server.cpu_s, server.peak_mb
        print("## Reviewers\n")
        print_machine("fastapi", "uvicorn", "sqlalchemy")
        tell("PostgreSQL" if arguments.url else "SQLite", answers, check(ledger, before, answers), seconds)
        print(f"\nServer: {cpu_s:.0f} s of CPU, {peak_mb:,.0f} MB at the peak.")
        ledger.close()


def configure(folder: Path, url: str) -> None:
    """Give everybody a token; with a URL, move the ledger there."""
    path = folder / "oddloop.toml"
    if url:
        events = open_ledger(Workspace.open(folder)).events()
        moved = Ledger(url)
        moved.take_in((f"line {event.seq}", event) for event in events)
        moved.close()
    lines = json.dumps([token_line(name, "reviewer", name * 4) for name in NAMES])
    path.write_text(path.read_text() + f"\n[web]\ntokens = {lines}\n" + (f'[ledger]\nurl = "{url}"\n' if url else ""))


def decide_at_once(server: Served, scenes: Sequence[str], seconds: float) -> list[Answer]:
    """All reviewers decide for so long."""
    end = time.monotonic() + seconds
    with ThreadPoolExecutor(N_REVIEWERS) as pool:
        return [answer for mine in pool.map(lambda name: decide(server, name, scenes, end), NAMES) for answer in mine]


def decide(server: Served, name: str, scenes: Sequence[str], end: float) -> list[Answer]:
    """One reviewer, who learns of others' decisions only by being told."""
    rng, seen = random.Random(name), dict.fromkeys(scenes, 0)
    connection = http.client.HTTPConnection(server.host, server.port, timeout=120)
    headers = {"content-type": "application/json", "authorization": f"Bearer {name * 4}"}
    answers = []
    while time.monotonic() < end:
        scene, decision = rng.choice(scenes), rng.choice(["approve", "reject", "defer", "undo"])
        asked = {"scene_id": scene, "decision": decision, "reason": name, "seen": seen[scene]}
        begun = time.perf_counter()
        connection.request("POST", f"/api/v1/rounds/{ROUND}/review/decisions", json.dumps(asked), headers)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        answers.append(Answer(time.perf_counter() - begun, answer.status, seen[scene], said))
        seen[scene] = said.get("seq") or said.get("seen") or seen[scene]
    return answers


def check(ledger: Ledger, before: int, answers: Sequence[Answer]) -> Counter[str]:
    """What is wrong with the ledger; all counts should be 0."""
    seen_by: dict[int, set[int]] = defaultdict(set)
    for answer in answers:
        if answer.status == 200:
            seen_by[int(answer.said["seq"])].add(answer.seen)
    refused = [a for a in answers if a.status == 409 and not is_nothing_to_undo(a)]
    told = [a for a in refused if a.said.get("by") and int(a.said.get("seen") or 0) > a.seen]
    decided = [event for event in ledger.events(ROUND) if event.kind == "decided"]
    fresh = {event.seq for event in decided if event.seq > before}
    return Counter(
        {
            "acknowledged, not in the ledger": len({seq for seq in seen_by if seq > before} - fresh),
            "in the ledger, not acknowledged": len(fresh - set(seen_by)),
            "lost updates": count_lost(decided, before, seen_by),
            "conflicts not told by whom": len(refused) - len(told),
            "other answers": sum(a.status not in (200, 409) for a in answers),
        }
    )


def is_nothing_to_undo(answer: Answer) -> bool:
    """Whether a refusal says that nothing is decided that could be undone: nobody was first."""
    return str(answer.said.get("detail")).startswith("nothing is decided")


def count_lost(decided: Sequence[Event], before: int, seen_by: Mapping[int, set[int]]) -> int:
    """Decisions by somebody who had not seen the one before it."""
    last: dict[str, int] = {}
    n_lost = 0
    for event in decided:
        scene = str(event.payload["scene_id"])
        if event.seq > before and last.get(scene, 0) not in seen_by.get(event.seq, set()):
            n_lost += 1
        last[scene] = event.seq
    return n_lost


def tell(where: str, answers: Sequence[Answer], wrong: Counter[str], seconds: float) -> None:
    """Print what happened."""
    times = quantiles([answer.took_s for answer in answers], n=100)
    n = Counter(answer.status for answer in answers)
    rows = [
        ("decisions acknowledged", n[200]),
        ("refused since somebody else was first, and by whom", n[409] - sum(map(is_nothing_to_undo, answers))),
        ("refused since there was nothing to undo", sum(map(is_nothing_to_undo, answers))),
        ("a second", len(answers) / seconds),
        ("p50 ms", 1000 * times[49]),
        ("p95 ms", 1000 * times[94]),
        *wrong.items(),
    ]
    print_table(f"{where}: {N_REVIEWERS} reviewers of one round for {seconds:.0f} s", ("", "n"), rows)


if __name__ == "__main__":
    main()
