"""Tables that change places together: after a kill at any step the next command finds all of them old or all new."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from oddloop.errors import WorkspaceError
from oddloop.lake import Workspace, lock
from oddloop.lake.journal import JOURNAL_FILE, decide, finish, is_pending
from oddloop.lake.lock import LOCK_FILE, locked, settle
from oddloop.lake.replace import PART, replacing
from oddloop.lake.storage import Storage

NAMES = ("scenes", "predictions/detection/v1")


def write(workspace: Workspace, version: int) -> None:
    """Version 1 has labels, version 2 has none; the model's table is new in version 2."""
    with replacing(workspace) as lake:
        for name in NAMES[:version]:
            lake.write(name, pa.table({"n": [version] * 10 * version}))
        if version == 1:
            lake.write("labels", pa.table({"n": [1]}))
        else:
            lake.drop("labels")


def tree(folder: Path) -> dict[str, bytes]:
    """All that is in a workspace, hidden files included, but the lock; an empty folder has no content."""
    paths = [p for p in folder.rglob("*") if p.name != LOCK_FILE]
    return {p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else b"" for p in paths}


def lake_of(folder: Path) -> dict[str, bytes]:
    """What commands see of the lake."""
    return {name: content for name, content in tree(folder / "lake").items() if name.endswith(PART)}


def made(folder: Path, *versions: int) -> Path:
    workspace = Workspace.create(folder, "")
    for version in versions:
        write(workspace, version)
    return folder


READER = """
import os, signal, sys
from oddloop.lake import Workspace
from oddloop.lake.lock import locked
from oddloop.lake.storage import Storage
sys.path.insert(0, sys.argv[3])
from test_replace_journal import write

steps_left = [int(sys.argv[2])]

def deadly(call):
    def wrapped(*args, **more):
        steps_left[0] -= 1
        if steps_left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **more)
    return wrapped

for owner, name in ((os, "fsync"), (os, "replace"), (Storage, "delete_file"), (Storage, "delete_folder")):
    setattr(owner, name, deadly(getattr(owner, name)))
workspace = Workspace.open(sys.argv[1])
"""
"""Opens a workspace, as readers do, and is killed before its n-th sync, rename or removal."""
WRITER = f"""{READER}
with locked(workspace.storage):
    write(workspace, 2)
"""


def is_killed(code: str, folder: Path, n_steps: int) -> bool:
    command = [sys.executable, "-c", code, str(folder), str(n_steps), str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode != 0


def copy_of(folder: Path, target: Path) -> Path:
    subprocess.run(["cp", "-a", str(folder), str(target)], check=True)
    return target


def test_a_kill_at_every_step_leaves_all_old_or_all_new(tmp_path: Path) -> None:
    old, new = made(tmp_path / "old", 1), made(tmp_path / "new", 1, 2)
    seen, n_steps = [], 0
    while True:
        n_steps += 1
        killed = copy_of(old, tmp_path / f"killed-{n_steps}")
        if not is_killed(WRITER, killed, n_steps):
            break
        was_decided = is_pending(Storage.open(killed))
        read = copy_of(killed, tmp_path / f"read-{n_steps}")
        Workspace.open(read)  # a reader, such as `oddloop check`
        assert lake_of(read) in (lake_of(old), lake_of(new))
        seen.append(lake_of(read) == lake_of(new))
        assert seen[-1] or not was_decided
        assert not is_pending(Storage.open(read))
        with locked(Storage.open(killed)):  # a writer, before it has done anything of its own
            assert lake_of(killed) == lake_of(read)
        write(Workspace.open(read), 2)  # the same ingest again
        assert tree(read) == tree(new)
    assert seen == sorted(seen)  # old up to the journal, and new from there on
    assert 5 < sum(seen) < len(seen) - 5
    assert tree(killed) == tree(new)


def test_a_kill_while_a_reader_ends_it_is_ended_by_the_next(tmp_path: Path) -> None:
    new = made(tmp_path / "new", 1, 2)
    began = interrupted(made(tmp_path / "began", 1))
    n_steps = 1
    while is_killed(READER, folder := copy_of(began, tmp_path / f"{n_steps}"), n_steps):
        Workspace.open(folder)
        assert lake_of(folder) == lake_of(new)
        n_steps += 1
    assert n_steps > 5


def interrupted(folder: Path) -> Path:
    """A workspace in which version 2 is decided and nothing has moved."""
    workspace = Workspace.open(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("oddloop.lake.journal._redo", _fail)
        with pytest.raises(WorkspaceError, match=r"cannot take their places.*mend that and run again"):
            write(workspace, 2)
    return folder


def _fail(*_: Any) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_what_the_journal_names_is_not_swept_away(tmp_path: Path) -> None:
    folder = interrupted(made(tmp_path / "ws", 1))
    workspace = Workspace(Storage.open(folder), Workspace.open(made(tmp_path / "other")).config)  # not settled
    with replacing(workspace) as lake:
        lake.write("scenes", pa.table({"n": [3]}))
    assert lake_of(folder).keys() == lake_of(made(tmp_path / "new", 1, 2)).keys()
    assert not [name for name in tree(folder) if ".tmp-" in name]


def test_the_check_command_ends_it(tmp_path: Path) -> None:
    folder = interrupted(made(tmp_path / "ws", 1))
    command = [sys.executable, "-m", "oddloop", "check", "--workspace", str(folder)]
    subprocess.run(command, capture_output=True, timeout=60)
    assert lake_of(folder) == lake_of(made(tmp_path / "new", 1, 2))


def test_a_reader_waits_for_a_live_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = Workspace.create(tmp_path / "ws", "").storage
    storage.write_bytes("aside", b"new")
    with locked(storage):
        decide(storage, {"file": "aside"}, [])
        monkeypatch.setattr(lock.time, "sleep", lambda _: finish(storage))  # what the writer does meanwhile
        settle(storage)
        assert storage.read_bytes("file") == b"new"
        storage.write_bytes("aside", b"newer")
        decide(storage, {"file": "aside"}, [])
        monkeypatch.setattr(lock.time, "sleep", lambda _: None)
        monkeypatch.setattr(lock, "PATIENCE_S", 0.01)
        with pytest.raises(WorkspaceError, match="another oddloop process is writing"):
            settle(storage)
        assert storage.read_bytes("file") == b"new"


def test_a_read_only_place_is_read_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = interrupted(made(tmp_path / "ws", 1))

    def refuse(*_: Any) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(lock.os, "open", refuse)
    monkeypatch.setattr(lock, "PATIENCE_S", 0.01)
    with pytest.warns(UserWarning, match="Read-only file system; a run was killed while lake tables changed places"):
        assert Workspace.open(folder).table("scenes")


def test_a_table_that_is_gone_is_told(tmp_path: Path) -> None:
    folder = interrupted(made(tmp_path / "ws", 1))
    aside = json.loads((folder / JOURNAL_FILE).read_text())["moves"][0]["aside"]
    (folder / aside).unlink()
    with pytest.raises(WorkspaceError, match=r"scenes/part-00000.parquet: .* is gone; remove .*/\.replacing\.json and"):
        Workspace.open(folder)
    (folder / JOURNAL_FILE).unlink()
    Workspace.open(folder)


def test_a_journal_of_another_format_is_told(tmp_path: Path) -> None:
    folder = made(tmp_path / "ws", 1)
    (folder / JOURNAL_FILE).write_text('{"format": 9}')
    with pytest.raises(WorkspaceError, match="format 9, and this oddloop reads 1; run the oddloop that ingested last"):
        Workspace.open(folder)


@pytest.mark.parametrize("step", range(12))
def test_an_object_store_that_fails_at_any_step(step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There a move is a copy, which may be cut short, and then a removal."""
    monkeypatch.setattr(lock, "PATIENCE_S", 0.01)
    root = f"memory://{tmp_path.name}"
    workspace, calm = Workspace.create(f"{root}/ws", ""), Workspace.create(f"{root}/calm", "")
    for each in (workspace, calm):
        write(each, 1)
    old = content_of(workspace)
    write(calm, 2)
    steps_left = [step]

    def failing(name: str) -> Any:
        call = getattr(MemoryFileSystem, name)

        def wrapped(self: MemoryFileSystem, path: str, *args: Any, **more: Any) -> Any:
            steps_left[0] -= 1
            if steps_left[0] == 0:
                if name == "cp_file":
                    self.pipe_file(args[0], b"half")
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return call(self, path, *args, **more)

        return wrapped

    with monkeypatch.context() as patch:
        for name in ("cp_file", "rm_file"):
            patch.setattr(MemoryFileSystem, name, failing(name))
        try:
            write(workspace, 2)
        except WorkspaceError:
            assert step > 0
    found = content_of(Workspace.open(f"{root}/ws"))
    assert found == content_of(calm)
    assert found != old


def content_of(workspace: Workspace) -> dict[str, bytes]:
    storage = workspace.storage.sub("lake")
    return {
        storage.relative(info.path): storage.read_bytes(storage.relative(info.path)) for info in storage.list_files()
    }


def test_a_journal_cut_short_has_decided_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE_S", 0.01)
    workspace = Workspace.create(f"memory://{tmp_path.name}", "")
    write(workspace, 1)
    old = content_of(workspace)
    workspace.storage.write_bytes(JOURNAL_FILE, b'{"format": 1, "mo')
    assert content_of(Workspace.open(f"memory://{tmp_path.name}")) == old
    assert not is_pending(workspace.storage)
