"""Parts of derived tables that no manifest names any more are removed, once no killed run may go on from them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from oddloop.lake.derived import MANIFEST_FILE, Derived, Recipe, derive
from oddloop.lake.parts import PARTS, SPARED_S, prune_parts
from oddloop.lake.storage import Storage


@pytest.fixture
def workspace(tmp_path: Path) -> Storage:
    return Storage.open(tmp_path)


def keep(workspace: Storage, *keys: str, older_ns: int = 10**18) -> None:
    """Keep parts that are so much older than one named `newest`."""
    for key in (*keys, "newest"):
        workspace.write_bytes(f"{PARTS}/{key}.parquet", b"rows")
        at_ns = 2 * 10**18 - (older_ns if key != "newest" else 0)
        os.utime(workspace.local_path(f"{PARTS}/{key}.parquet"), ns=(at_ns, at_ns))


def made_of(workspace: Storage, stage: str, *keys: str) -> Derived:
    def write(out: Storage) -> dict[str, int]:
        out.write_bytes("table.parquet", b"rows")
        return {"table": 1}

    return derive(workspace, Recipe(stage, {"of": stage}, {}), write, keys)


def kept(workspace: Storage) -> list[str]:
    return [info.base_name.removesuffix(".parquet") for info in workspace.list_files(PARTS)]


def test_a_manifest_names_the_parts_once_each_and_only_where_there_are_any(workspace: Storage) -> None:
    assert made_of(workspace, "score", "b", "a", "b").manifest["parts"] == ["a", "b"]
    assert "parts" not in made_of(workspace, "cards").manifest


def test_what_a_manifest_names_is_kept_however_old(workspace: Storage) -> None:
    keep(workspace, "of-score", "of-coverage", "of-both", "of-nobody")
    made_of(workspace, "score", "of-score", "of-both")
    made_of(workspace, "coverage", "of-coverage", "of-both")
    assert prune_parts(workspace) == ["of-nobody"]
    assert kept(workspace) == ["newest", "of-both", "of-coverage", "of-score"]


def test_what_is_young_is_kept_for_the_run_that_was_killed(workspace: Storage) -> None:
    keep(workspace, "a", older_ns=SPARED_S * 10**9)
    assert prune_parts(workspace) == []
    keep(workspace, "a", older_ns=SPARED_S * 10**9 + 1000)
    assert prune_parts(workspace) == ["a"]
    assert prune_parts(workspace) == []
    assert kept(workspace) == ["newest"]


def test_parts_of_a_folder_that_is_gone_go_too(workspace: Storage) -> None:
    keep(workspace, "a", "b")
    old = made_of(workspace, "score", "a", "b")
    made_of(workspace, "coverage", "b")
    assert prune_parts(workspace) == []
    workspace.delete_folder(f"derived/score/{old.digest}")
    assert prune_parts(workspace) == ["a"]


def test_a_damaged_folder_is_made_again_of_its_parts(workspace: Storage) -> None:
    keep(workspace, "a")
    made_of(workspace, "score", "a").storage.delete_file("table.parquet")
    assert prune_parts(workspace) == []


def test_nothing_is_removed_beside_what_a_newer_oddloop_made(workspace: Storage) -> None:
    keep(workspace, "a")
    made = made_of(workspace, "score")
    made.storage.write_bytes(MANIFEST_FILE, json.dumps({**made.manifest, "format": 999}).encode())
    assert prune_parts(workspace) == []


def test_parts_that_are_being_written_are_left_alone(workspace: Storage) -> None:
    keep(workspace, "a")
    aside = workspace.write_aside(f"{PARTS}/b.parquet")
    workspace.write_bytes(aside, b"ro")
    assert prune_parts(workspace) == ["a"]
    assert workspace.exists(aside)


def test_a_workspace_without_parts_has_none_to_remove(workspace: Storage) -> None:
    assert prune_parts(workspace) == []


def test_where_a_store_tells_no_times_nothing_is_removed() -> None:
    workspace = Storage.open("memory://prune")
    workspace.write_bytes(f"{PARTS}/a.parquet", b"rows")
    assert [info.mtime_ns for info in workspace.list_files(PARTS)] == [None]
    assert prune_parts(workspace) == []
    workspace.fs.delete_dir(workspace.root)
