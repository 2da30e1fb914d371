"""kill -9 at any moment of a run, then run again: the same picks, the same digests, nothing left over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import toy
from oddloop.lake import Workspace
from oddloop.rounds.ledger import open_ledger

N_MOMENTS = int(os.environ.get("ODDLOOP_STAGE_KILLS", "20"))

N_EACH = int(os.environ.get("ODDLOOP_STAGE_KILLS_EACH", "2"))
"""So many kills in a row before a run is let go on to its end."""

# One process imports everything once and forks a child per run, so that a moment costs no start-up.
DRIVER = """
import json, os, random, signal, sys, time
from pathlib import Path
from oddloop.engine import LocalEngine
from oddloop.lake import Workspace
from oddloop.rounds.run import run
from oddloop.rounds.shell import Shell
import oddloop.discover, oddloop.score, oddloop.select, oddloop.coverage, hdbscan, sklearn.decomposition

def start(folder):
    pid = os.fork()
    if pid == 0:
        try:
            run(Workspace.open(folder), Shell("tester", LocalEngine(2)))
            os._exit(0)
        except BaseException:
            import traceback; traceback.print_exc()
            os._exit(1)
    return pid

def whole_run_s(folder):
    begun = time.monotonic()
    _, status = os.waitpid(start(folder), 0)
    assert status == 0
    return time.monotonic() - begun

n_moments, n_each, folders = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
whole_s = min(whole_run_s(folder) for folder in folders[:3])
rng = random.Random(int(os.environ.get("ODDLOOP_STAGE_SEED", "5")))
n_killed = 0
for folder in folders[3:]:
    moments, killed = [], True
    while killed and len(moments) < n_each and n_killed < n_moments:
        # One kill in each part of a run; the later ones of a folder come sooner, since less is left to do.
        moments.append(whole_s * (n_killed + rng.random()) / n_moments / (1 + len(moments)))
        pid = start(folder)
        time.sleep(moments[-1])
        os.kill(pid, signal.SIGKILL)
        killed = os.WIFSIGNALED(os.waitpid(pid, 0)[1])
        n_killed += killed
    if not killed:
        whole_s *= 0.8   # the machine is quicker now and the run was over already: aim earlier, at another folder
    _, status = os.waitpid(start(folder), 0)
    n_here = len(moments) - (not killed)
    print(json.dumps({"moments_s": moments, "killed": n_here, "finished": status == 0}), flush=True)
    if n_killed == n_moments:
        break
"""


def is_past(path: Path) -> bool:
    return path.parent.parent.name == "history"


def is_history(path: Path) -> bool:
    """Whether a file tells of what was tried: a training that was killed is an attempt whose log is kept."""
    return is_past(path) or path.parent.name == "logs"


def timeless(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A payload without how long a training took."""
    return {name: value for name, value in payload.items() if name != "attempts"}


def state_of(folder: Path) -> dict[str, object]:
    """What must not depend on where a run was cut: derived folders with their content, picks, the ledger's events."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.name not in ("ledger.db-wal", "ledger.db-shm")]
    ledger = open_ledger(Workspace.open(folder))
    events = [(event.key, event.round_id, event.kind, timeless(event.payload)) for event in ledger.events()]
    ledger.close()
    skip = {"ledger.db", "fingerprints.json", "oddloop.toml"}
    return {
        "files": {
            str(p.relative_to(folder)): p.read_bytes() for p in files if p.name not in skip and not is_history(p)
        },
        # What is kept of the past is told apart by when it was seen, which no two runs share.
        "history": sorted(p.name.partition("-")[2] for p in files if is_past(p)),
        "events": events,
    }


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def test_a_killed_run_is_finished_by_the_next_one(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folders = [tmp_path / f"folder{i:02d}" / "ws" for i in range(3 + N_MOMENTS)]
    lake = tmp_path / "data" / "ws"
    toy.make_workspace(lake, train="")
    config = (lake / "oddloop.toml").read_text()
    pointers = "\n".join(f'{name} = "{lake}/lake/{name}"' for name in ("scenes", "frames", "labels"))
    for folder in folders:
        url = request.getfixturevalue("postgres").new_ledger() if database == "postgresql" else ""
        Workspace.create(folder, f'{config}\n[lake]\n{pointers}\n\n[ledger]\nurl = "{url}"\n')

    command = [sys.executable, "-c", DRIVER, str(N_MOMENTS), str(N_EACH), *map(str, folders)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300 + 20 * N_MOMENTS)
    assert result.returncode == 0, result.stderr
    moments = [json.loads(line) for line in result.stdout.splitlines()]
    print(result.stdout)

    assert all(moment["finished"] for moment in moments), result.stderr
    assert sum(moment["killed"] for moment in moments) == N_MOMENTS
    whole = state_of(folders[0])
    for folder in folders[1 : 3 + len(moments)]:
        assert state_of(folder) == whole, folder
