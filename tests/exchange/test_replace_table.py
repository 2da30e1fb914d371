"""Replacing lake tables: old or new, never a mix, whatever happens in between."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oddloop.errors import TableError, WorkspaceError
from oddloop.lake import Workspace
from oddloop.lake.replace import PART, refuse_unwritable, replacing
from oddloop.tables import SCENES


def numbers(*values: int) -> pa.Table:
    return pa.table({"n": pa.array(values, pa.int64())})


def replace_table(workspace: Workspace, name: str, batches: Iterable[pa.Table] | pa.Table) -> int:
    with replacing(workspace) as tables:
        return tables.write(name, batches)


def content(workspace: Workspace, name: str) -> list[int]:
    files = workspace.table(name)
    return [n for file in files.files for n in files.storage.read_table(file)["n"].to_pylist()]


def everything(workspace: Workspace) -> list[str]:
    """All files of the workspace, hidden and staged ones included."""
    return sorted(p.relative_to(workspace.storage.root).as_posix() for p in Path(workspace.storage.root).rglob("*"))


@pytest.fixture(params=["local", "memory"])
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Workspace:
    """On a local disk, and in an object store."""
    url = str(tmp_path / "ws") if request.param == "local" else f"memory://{tmp_path.name}"
    return Workspace.create(url, "")


@pytest.fixture
def local(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws", "")


@pytest.mark.parametrize("name", ["scenes", "labels", "predictions/detection/v1", "features/enc", "ignore_regions"])
def test_a_table_is_written_and_replaced(name: str, workspace: Workspace) -> None:
    assert replace_table(workspace, name, numbers(1, 2)) == 2
    assert replace_table(workspace, name, iter([numbers(3), numbers(4, 5)])) == 3
    folder = workspace.storage.sub(f"lake/{name}")
    assert [i.base_name for i in folder.list_files()] == [PART]
    assert folder.read_table(PART)["n"].to_pylist() == [3, 4, 5]


def test_no_batch_gives_the_declared_empty_table(workspace: Workspace) -> None:
    assert replace_table(workspace, "scenes", iter([])) == 0
    assert workspace.table("scenes").storage.read_table(PART).schema.equals(SCENES.schema())


def test_no_batch_of_an_undeclared_table_is_refused(workspace: Workspace) -> None:
    with pytest.raises(TableError, match="sightings: no rows, and no declared table of that name"):
        replace_table(workspace, "sightings", iter([]))


def test_a_pointer_inside_the_workspace_is_followed(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", '[lake]\nscenes = "mine/scenes"\n')
    replace_table(workspace, "scenes", numbers(1))
    assert (tmp_path / "ws/mine/scenes" / PART).exists()
    assert content(workspace, "scenes") == [1]


def test_batches_that_differ_are_refused(workspace: Workspace) -> None:
    replace_table(workspace, "scenes", numbers(1))
    with pytest.raises(TableError, match=r"scenes: a later batch has the columns \['m'\], the first had \['n'\]"):
        replace_table(workspace, "scenes", iter([numbers(2), pa.table({"m": [1]})]))
    assert content(workspace, "scenes") == [1]


def test_a_failure_changes_no_table_and_leaves_nothing_behind(local: Workspace) -> None:
    replace_table(local, "scenes", numbers(1))
    before = everything(local)

    def broken() -> Iterator[pa.Table]:
        yield numbers(3)
        raise ZeroDivisionError

    def write_two() -> None:
        with replacing(local) as lake:
            lake.write("scenes", numbers(2))
            lake.write("predictions/detection/v1", broken())

    with pytest.raises(ZeroDivisionError):
        write_two()
    assert content(local, "scenes") == [1]
    assert everything(local) == before


def test_several_tables_appear_together_at_the_end(workspace: Workspace) -> None:
    with replacing(workspace) as lake:
        lake.write("scenes", numbers(1))
        lake.write("frames", numbers(2))
        assert not workspace.table("scenes")
        assert workspace.models() == {}
    assert (content(workspace, "scenes"), content(workspace, "frames")) == ([1], [2])


def test_an_unfinished_model_is_not_listed(local: Workspace) -> None:
    with replacing(local) as lake:
        lake.write("predictions/detection/v1", numbers(1))
        assert local.models() == {}
    assert local.models() == {"v1": ("detection",)}


def test_a_table_can_be_dropped(workspace: Workspace) -> None:
    replace_table(workspace, "labels", numbers(1))
    for _ in range(2):
        with replacing(workspace) as lake:
            lake.drop("labels")
        assert not workspace.table("labels")


def test_files_that_rounds_added_stay(workspace: Workspace) -> None:
    workspace.table("labels").storage.write_table("received-1.parquet", numbers(7))
    replace_table(workspace, "labels", numbers(1))
    assert content(workspace, "labels") == [1, 7]
    with replacing(workspace) as lake:
        lake.drop("labels")
    assert content(workspace, "labels") == [7]


def test_files_of_others_are_not_overwritten(workspace: Workspace) -> None:
    workspace.table("scenes").storage.write_table("a.parquet", numbers(7))
    workspace.table("scenes").storage.write_table("b.parquet", numbers(8))
    with pytest.raises(WorkspaceError) as raised:
        replace_table(workspace, "scenes", numbers(1))
    assert "scenes holds files that oddloop did not write (a.parquet and 1 more); move them away first" in str(
        raised.value
    )
    assert content(workspace, "scenes") == [7, 8]


@pytest.mark.parametrize("pointer", ["s3://bucket/scenes", "/somewhere/scenes", "../scenes", "lake/../../scenes"])
def test_a_table_elsewhere_is_only_read(pointer: str, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", f'[lake]\nscenes = "{pointer}"\n')
    with pytest.raises(WorkspaceError) as raised:
        refuse_unwritable(workspace, ["frames", "scenes"])
    assert str(raised.value).splitlines()[1:] == [
        f"  scenes: [lake] scenes points outside the workspace, to {pointer}, where oddloop only reads; "
        "bring the files there yourself, or remove the pointer from oddloop.toml"
    ]


def test_what_a_killed_run_left_aside_is_removed(local: Workspace) -> None:
    replace_table(local, "scenes", numbers(1))
    (Path(local.storage.root) / f"lake/scenes/scenes.tmp-{'0' * 32}").write_bytes(b"half")
    replace_table(local, "scenes", numbers(2))
    assert [file for file in everything(local) if "tmp-" in file] == []


WRITER = """
import sys, numpy as np, pyarrow as pa
from oddloop.lake import Workspace
from oddloop.lake.replace import replacing
workspace = Workspace.open(sys.argv[1])
print("ready", flush=True)
for version in range(int(sys.argv[2]), 10**9):
    with replacing(workspace) as lake:
        for name in ("scenes", "predictions/detection/v1"):
            lake.write(name, iter([pa.table({"n": np.full(50_000, version)})] * 3))
"""


def test_a_kill_at_any_moment_leaves_all_tables_old_or_new(local: Workspace) -> None:
    rng, names = random.Random(0), ("scenes", "predictions/detection/v1")
    before = dict.fromkeys(names, -1)
    n_kills = 0
    while n_kills < 5 or min(before.values()) < 0:  # a slow machine has written nothing after a quarter of a second
        n_kills += 1
        after_s = rng.uniform(0.05, 0.25) * max(1.0, n_kills - 4)
        _write_until_killed(local, first=max(0, *before.values()), after_s=after_s)
        opened = Workspace.open(local.storage.url)
        now = {name: _version(opened, name) for name in names}
        assert all(now[name] >= before[name] for name in names)  # what was there once is never lost
        assert now["scenes"] == now["predictions/detection/v1"]
        before = now
    # The next run clears away what the killed ones left.
    with replacing(local) as lake:
        for name in names:
            lake.write(name, numbers(1))
    assert [file for file in everything(local) if "tmp-" in file] == []


def _write_until_killed(workspace: Workspace, *, first: int, after_s: float) -> None:
    arguments = [sys.executable, "-c", WRITER, workspace.storage.root, str(first)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(after_s)
        writer.kill()


def _version(workspace: Workspace, name: str) -> int:
    """The version that all rows of a table have; -1 where the table is not there."""
    files = workspace.table(name)
    if not files:
        return -1
    table = pq.read_table(files.storage.path(files.files[0]))
    assert len(files.files) == 1
    assert table.num_rows == 150_000
    assert len(table["n"].unique()) == 1
    return table["n"][0].as_py()
