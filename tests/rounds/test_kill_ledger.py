"""kill -9 while a ledger is written: what was acknowledged is there, nothing is torn, and the next writer goes on."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import kill_writer
from postgres_server import PostgresServer

N_KILLS = int(os.environ.get("ODDLOOP_KILLS", "200"))


def kill_writers(url: str, n_kills: int, seed: int) -> dict[str, int]:
    command = [sys.executable, kill_writer.__file__, url, str(n_kills), str(seed)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=1200)
    assert result.returncode == 0, result.stderr
    found: dict[str, int] = json.loads(result.stdout)
    print(found)
    assert found["acknowledged"] > n_kills  # the kills came while it wrote
    return found


def is_whole(file: Path) -> bool:
    with sqlite3.connect(file) as database:
        return database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_few_kills_lose_nothing(tmp_path: Path) -> None:
    kill_writers(f"sqlite:///{tmp_path / 'ledger.db'}", 8, seed=1)
    assert is_whole(tmp_path / "ledger.db")


@pytest.mark.system
def test_many_kills_lose_nothing_on_sqlite(tmp_path: Path) -> None:
    kill_writers(f"sqlite:///{tmp_path / 'ledger.db'}", N_KILLS, seed=2)
    assert is_whole(tmp_path / "ledger.db")


@pytest.mark.system
def test_many_kills_lose_nothing_on_postgresql(postgres: PostgresServer) -> None:
    kill_writers(postgres.new_ledger(), N_KILLS, seed=3)


@pytest.mark.system
def test_a_server_that_is_killed_again_and_again_loses_nothing(postgres: PostgresServer) -> None:
    url, rng, n_acknowledged = postgres.new_ledger(), random.Random(4), 0
    for _ in range(max(N_KILLS // 20, 1)):
        program = "import sys, kill_writer; kill_writer.write(sys.argv[1], 1, 10**9)"
        folder = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(kill_writer.__file__).parent), *sys.path])}
        writer = subprocess.Popen([sys.executable, "-c", program, url], env=folder, stdout=subprocess.PIPE, stderr=-1)
        assert writer.stdout
        first = writer.stdout.readline()
        threading.Timer(rng.uniform(0, 0.2), postgres.kill).start()
        said, error = writer.communicate(timeout=60)
        assert b"LedgerError" in error.splitlines()[-1], error
        postgres.start()
        acknowledged = [int(line) for line in (first + said).split()]
        n_acknowledged += len(acknowledged)
        assert kill_writer.check(url, acknowledged) >= n_acknowledged
    print({"server kills": max(N_KILLS // 20, 1), "acknowledged": n_acknowledged})
