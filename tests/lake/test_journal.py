"""Tables that change places together: after a death at any step, whoever comes next finds all old or all new."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from oddloop.errors import WorkspaceError
from oddloop.lake import Workspace, journal
from oddloop.lake.lock import locked
from oddloop.lake.replace import replacing
from oddloop.lake.storage import Storage

NAMES = ("frames", "predictions/detection/v1", "scenes")
OLD, NEW = {"frames": 1, "objects": 1, "predictions/detection/v1": 1, "scenes": 1}, dict.fromkeys(NAMES, 2)
N_STEPS = len(NAMES) + 3  # the journal is written, tables move, `objects` goes, the journal goes


class Death(BaseException):
    """Nothing that comes after happens, as after a kill."""


def write(workspace: Workspace, version: int) -> None:
    with replacing(workspace) as lake:
        for name in NAMES:
            lake.write(name, pa.table({"n": [version]}))
        if version == 1:
            lake.write("objects", pa.table({"n": [version]}))
        else:
            lake.drop("objects")


def state(workspace: Workspace) -> dict[str, int]:
    found = {name: workspace.table(name) for name in OLD}
    return {n: t.storage.read_table(t.files[0])["n"][0].as_py() for n, t in found.items() if t is not None and t.files}


def die_before(step: int, monkeypatch: pytest.MonkeyPatch, places: list[tuple[Any, str]]) -> None:
    left = [step]

    def dying(act: Callable[..., object]) -> Callable[..., object]:
        def acting(*args: object, **kwargs: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise Death
            return act(*args, **kwargs)

        return acting

    for owner, name in places:
        monkeypatch.setattr(owner, name, dying(getattr(owner, name)))


@pytest.mark.parametrize("place", ["local", "memory"])
@pytest.mark.parametrize("step", range(N_STEPS + 1))
def test_all_tables_are_old_or_all_are_new(
    step: int, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = str(tmp_path / "ws") if place == "local" else f"memory://journal-{tmp_path.name}"
    workspace = Workspace.create(url, "")
    write(workspace, 1)
    with monkeypatch.context() as patch:
        steps = [(Storage, "write_bytes"), (journal, "_move"), (Storage, "delete_file")]
        die_before(step, patch, steps)
        if step < N_STEPS:
            with pytest.raises(Death):
                write(workspace, 2)
        else:
            write(workspace, 2)
    monkeypatch.setattr("oddloop.lake.lock.PATIENCE_S", 0.0)  # where nobody can be locked out, a reader waits first
    assert state(Workspace.open(url)) == (OLD if step == 0 else NEW)
    assert not workspace.storage.exists(journal.JOURNAL_FILE)
    write(workspace, 2)
    assert state(workspace) == NEW


def test_a_writer_ends_what_was_decided_before_anything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace.create(tmp_path / "ws", "")
    write(workspace, 1)
    with monkeypatch.context() as patch:
        die_before(1, patch, [(journal, "_move")])
        with pytest.raises(Death):
            write(workspace, 2)
    with locked(workspace.storage):
        assert state(workspace) == NEW


def test_a_reader_tells_that_a_live_writer_is_still_at_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace.create(tmp_path / "ws", "")
    write(workspace, 1)
    monkeypatch.setattr("oddloop.lake.lock.PATIENCE_S", 0.05)
    with locked(workspace.storage):
        journal.decide(workspace.storage, {}, [])
        with pytest.raises(WorkspaceError, match="another oddloop process is writing"):
            Workspace.open(workspace.storage.url)


def test_a_table_that_is_gone_or_a_newer_journal_is_told(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", "")
    write(workspace, 1)
    file = tmp_path / "ws" / journal.JOURNAL_FILE
    moves = [{"aside": "lake/scenes/gone", "file": "lake/scenes/part-00000.parquet", "mark": "1-0"}]
    for content, message in (
        ({"format": 1, "moves": moves, "dropped": []}, "what it had written is gone; remove .*replacing.json"),
        ({"format": 9}, "format 9, and this oddloop reads 1"),
    ):
        file.write_text(json.dumps(content))
        with pytest.raises(WorkspaceError, match=message):
            Workspace.open(workspace.storage.url)
