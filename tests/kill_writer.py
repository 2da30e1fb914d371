"""Write to a ledger in a child that is killed at random moments, many times, and look at what is there each time.

`python kill_writer.py URL N_KILLS SEED`; prints what it found as JSON. The child says on a pipe what was acknowledged.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from typing import Any

from oddloop.rounds.ledger import Author, Ledger

LIFE = ("proposed", "decided", "decided", "proposed", "reviewed", "sent", "labelled", "trained", "evaluated", "closed")
WRITING_S = 0.05
"""A child is killed at most so long after its first event."""
BYTES = (10, 100, 1_000, 10_000, 100_000)


def planned(number: int) -> tuple[str, str, dict[str, Any]]:
    """The event of a number: always the same, some over many pages of a database."""
    turn, step = divmod(number - 1, len(LIFE))
    rng = random.Random(number)
    payload = {"scene_id": f"s{step}", "number": number, "noise": rng.randbytes(rng.choice(BYTES) // 2).hex()}
    return f"r{turn:03d}", LIFE[step], payload


def write(url: str, acknowledged: int, until: int) -> None:
    """Go on where the ledger ends; tell of each event once `append` has returned."""
    ledger = Ledger(url)
    events = ledger.events()
    for number in range(len(events) + 1, until + 1):
        round_id, kind, payload = planned(number)
        event = ledger.append(round_id, kind, payload, key=str(number), author=Author("child", number))
        os.write(acknowledged, f"{event.seq}\n".encode())
    ledger.close()


def start(url: str, until: int = 10**9) -> tuple[int, int]:
    """A child that writes, and the pipe on which it tells what was acknowledged."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            write(url, writing, until)
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    return pid, reading


def read_all(pipe: int, heard: bytes = b"") -> list[int]:
    """What was acknowledged before the end, with what was heard already."""
    with os.fdopen(pipe, "rb") as stream:
        return [int(line) for line in (heard + stream.read()).split()]


def check(url: str, acknowledged: list[int]) -> int:
    """How many events there are; all that were acknowledged are, whole and in order, and at most one more."""
    ledger = Ledger(url)
    events = ledger.events()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    for event in events:
        assert (event.round_id, event.kind, event.payload) == planned(event.seq), event.seq
        assert (event.key, event.at_ns) == (f"{event.round_id}/{event.kind}/{event.seq}", event.seq)
    assert max(acknowledged, default=0) <= len(events), "an acknowledged event is lost"
    assert all(state.n_events for state in ledger.rounds())
    ledger.close()
    return len(events)


def main() -> None:
    url, n_kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rng = random.Random(seed)
    n_acknowledged = n_events = n_unheard = 0
    opening_s = WRITING_S
    for _ in range(n_kills):
        begun = time.monotonic()
        pid, pipe = start(url)
        heard = b""
        if rng.random() < 0.25:  # a kill while it opens the ledger, or begins to write
            time.sleep(rng.uniform(0.0, opening_s))
        else:
            heard = os.read(pipe, 1 << 16)
            opening_s = time.monotonic() - begun
            time.sleep(rng.uniform(0.0, WRITING_S))
        os.kill(pid, signal.SIGKILL)
        assert os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        acknowledged = read_all(pipe, heard)
        before, n_events = n_events, check(url, acknowledged)
        n_acknowledged += len(acknowledged)
        n_unheard += n_events - before - len(acknowledged)
        assert n_events - before - len(acknowledged) in (0, 1)
    pid, pipe = start(url, until=n_events + 5)
    assert os.waitpid(pid, 0)[1] == 0
    assert check(url, read_all(pipe)) == n_events + 5
    print(json.dumps({"kills": n_kills, "acknowledged": n_acknowledged, "events": n_events, "unheard": n_unheard}))


if __name__ == "__main__":
    main()
