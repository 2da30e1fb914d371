"""A writer that is killed at any moment leaves a folder that is absent or complete, and leftovers that are swept."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from oddloop.errors import WorkspaceError
from oddloop.lake.derived import Recipe, derive, find, sweep
from oddloop.lake.lock import locked
from oddloop.lake.storage import STAGING_MARK, Storage

N_FILES = 40
RECIPE = Recipe("stage", {"in": "d"}, {"k": 1})
WRITER = f"""
import sys
import pyarrow as pa
from oddloop.lake.derived import Recipe, derive
from oddloop.lake.lock import locked
from oddloop.lake.storage import Storage

storage = Storage.open(sys.argv[1])

def write(out):
    for i in range({N_FILES}):
        out.write_table(f"{{i}}.parquet", pa.table({{"x": [i] * 1000}}))
        if sys.argv[2] == "stop":
            print("writing", flush=True)
            sys.stdin.read()
    return {{"x": {N_FILES}}}

with locked(storage):
    print("locked", flush=True)
    derive(storage, Recipe("stage", {{"in": "d"}}, {{"k": 1}}), write)
    print("done", flush=True)
    sys.stdin.read()
"""


def start_writer(folder: Path, how: str = "go") -> subprocess.Popen[str]:
    """A process that takes the lock and then writes a derived folder; it stops within the write, or after it."""
    command = [sys.executable, "-c", WRITER, str(folder), how]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == word


def kill(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


def assert_absent_or_complete(storage: Storage) -> bool:
    found = find(storage, RECIPE)
    final = storage.list_folders("derived/stage")
    assert len(final) == (found is not None)
    if found is not None:
        assert [found.storage.read_table(f"{i}.parquet")["x"][0].as_py() for i in range(N_FILES)] == [*range(N_FILES)]
    return found is not None


def test_a_killed_writer_leaves_nothing_half_written(tmp_path: Path) -> None:
    """Ten moments between taking the lock and well after the rename; each is followed by a sweep."""
    rng = random.Random(0)
    outcomes = []
    for moment in range(10):
        storage = Storage.open(tmp_path / str(moment))
        storage.write_bytes("oddloop.toml", b"")
        writer = start_writer(storage.local_path())
        wait_for(writer, "locked")
        time.sleep(0.25 * (moment / 9) ** 2 + rng.uniform(0, 0.005))
        kill(writer)
        outcomes.append(assert_absent_or_complete(storage))
        sweep(storage)
        left = [p.name for p in storage.local_path().rglob("*") if ".tmp-" in p.name]
        assert left == []
        assert assert_absent_or_complete(storage) == outcomes[-1]
    assert not outcomes[0]


def test_what_was_killed_half_way_is_swept_and_made_again(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    writer = start_writer(tmp_path, "stop")
    wait_for(writer, "locked")
    wait_for(writer, "writing")
    (leftover,) = storage.list_leftovers("derived/stage")
    kill(writer)
    assert find(storage, RECIPE) is None
    assert sweep(storage) == [f"derived/stage/{leftover}"]
    assert derive(storage, RECIPE, lambda out: {}).computed


def test_the_lock_keeps_others_out_while_its_holder_lives(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    holder = start_writer(tmp_path, "stop")
    wait_for(holder, "locked")
    with pytest.raises(WorkspaceError) as caught, locked(storage):
        pass
    assert str(caught.value) == (
        f"{tmp_path}: another oddloop process is writing to this workspace; wait for it to end"
    )
    kill(holder)
    with locked(storage):  # dropped by the operating system
        pass


def test_the_lock_can_be_taken_again_after_an_error(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    with pytest.raises(ValueError, match="inside"), locked(storage):
        raise ValueError("inside")
    with locked(storage), pytest.raises(WorkspaceError), locked(storage):
        pass


def test_a_place_that_cannot_be_written_to_cannot_be_locked(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError) as caught, locked(Storage.open(tmp_path / "none")):
        pass
    assert str(caught.value) == f"{tmp_path}/none: cannot be written to: No such file or directory"


def test_sweeping_removes_files_and_folders_left_aside_and_nothing_else(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    mark = f"{STAGING_MARK}{'0' * 32}"
    kept = ["oddloop.toml", "derived/a/b/manifest.json", "lake/labels/x.tmp-mine", "rounds/r1/picks.csv"]
    left = [
        f"oddloop.toml{mark}",
        f"derived/a/b{mark}/x.parquet",
        f"derived/fingerprints.json{mark}",
        f"lake/labels/r1.parquet{mark}",
        f"lake/predictions/detection/m/0.parquet{mark}",
        f"rounds/r1/picks.csv{mark}",
        f"rounds/r2{mark}/picks.csv",
    ]
    for path in kept + left:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    swept = [path.removesuffix("/x.parquet").removesuffix("/picks.csv") for path in left]
    assert sorted(sweep(storage)) == sorted(swept)
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == sorted(kept)
    assert sweep(storage) == []
