"""A writer that is killed at any moment leaves a folder that is absent or complete, and leftovers that are swept."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from oddloop.errors import WorkspaceError
from oddloop.lake.derived import Recipe, derive, find, sweep
from oddloop.lake.lock import locked
from oddloop.lake.storage import STAGING_MARK, Storage, is_staging

RECIPE = Recipe("stage", {"in": "d"}, {"k": 1})
WRITER = """
import os, signal, sys
import pyarrow as pa
from oddloop.lake.derived import Recipe, derive
from oddloop.lake.lock import locked
from oddloop.lake.storage import Storage

storage = Storage.open(sys.argv[1])
steps_left = [int(sys.argv[2])]

def deadly(call):
    def wrapped(*args):
        steps_left[0] -= 1
        if steps_left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args)
    return wrapped

for name in ("fsync", "rename", "replace"):
    setattr(os, name, deadly(getattr(os, name)))

def write(out):
    for i in range(2):
        out.write_table(f"{i}.parquet", pa.table({"x": [i] * 1000}))
    if not steps_left[0]:
        print("writing", flush=True)
        sys.stdin.read()
    return {"x": 2}

with locked(storage):
    derive(storage, Recipe("stage", {"in": "d"}, {"k": 1}), write)
"""
"""Takes the lock and writes a derived folder; is killed before its n-th sync or rename or, for 0, stops half-way."""


def start_writer(folder: Path, steps: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder), str(steps)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def start_stopped_writer(folder: Path) -> subprocess.Popen[str]:
    writer = start_writer(folder, 0)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"
    return writer


def kill(writer: subprocess.Popen[str]) -> None:
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()


def is_complete(storage: Storage) -> bool:
    """Whether the folder is there; where it is, all of it is."""
    found = find(storage, RECIPE)
    assert storage.list_folders("derived/stage") == ([RECIPE.digest()] if found else [])
    if found is not None:
        assert [found.storage.read_table(f"{i}.parquet")["x"][0].as_py() for i in range(2)] == [0, 1]
    return found is not None


def test_a_writer_killed_before_any_step_leaves_the_folder_absent_or_complete(tmp_path: Path) -> None:
    complete: list[bool] = []
    for step in itertools.count(1):
        storage = Storage.open(tmp_path / str(step))
        storage.write_bytes("oddloop.toml", b"")
        writer = start_writer(storage.local_path(), step)
        writer.communicate()
        complete.append(is_complete(storage))
        sweep(storage)
        assert is_complete(storage) == complete[-1]
        assert [p for p in storage.local_path().rglob("*") if is_staging(p.name)] == []
        if writer.returncode == 0:
            break
        assert writer.returncode == -signal.SIGKILL
    # Absent up to the rename, there ever after.
    assert complete == sorted(complete)
    assert len(complete) >= 10


def test_what_was_killed_half_way_is_swept_and_made_again(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    writer = start_stopped_writer(tmp_path)
    (leftover,) = storage.list_leftovers("derived/stage")
    kill(writer)
    assert find(storage, RECIPE) is None
    assert sweep(storage) == [f"derived/stage/{leftover}"]
    assert derive(storage, RECIPE, lambda out: {}).computed


def test_the_lock_keeps_others_out_while_its_holder_lives(tmp_path: Path) -> None:
    storage = Storage.open(tmp_path)
    holder = start_stopped_writer(tmp_path)
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
