"""A derived folder is a pure function of its recipe: computed once, and again only where it is not complete."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from oddloop.errors import WorkspaceError
from oddloop.lake.derived import MANIFEST_FILE, Derived, Recipe, derive, find, folder_of, read_manifest
from oddloop.lake.storage import Storage


@dataclass(frozen=True)
class Settings:
    depth: int = 2
    names: tuple[str, ...] = ("a", "b")


RECIPE = Recipe("stage", {"scenes": "d1", "frames": "d2"}, Settings(), seed=7)


def write(out: Storage) -> dict[str, int]:
    out.write_table("a.parquet", pa.table({"x": [1, 2]}))
    out.write_table("sub/b.parquet", pa.table({"x": [3]}))
    return {"a": 2, "b": 1}


def refuse(_: Storage) -> dict[str, int]:
    raise AssertionError("computed a second time")


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage.open(tmp_path)


@pytest.fixture
def folder(storage: Storage) -> Path:
    """A complete derived folder."""
    derive(storage, RECIPE, write)
    return storage.local_path(folder_of(RECIPE))


def test_a_folder_is_computed_once(storage: Storage) -> None:
    first = derive(storage, RECIPE, write)
    second = derive(storage, RECIPE, refuse)
    assert (first.computed, second.computed) == (True, False)
    assert first.digest == second.digest == RECIPE.digest()
    assert second.storage.read_table("sub/b.parquet")["x"].to_pylist() == [3]


def test_the_manifest_says_what_the_folder_is_made_of(storage: Storage, folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST_FILE).read_bytes())
    sizes = {name: (folder / name).stat().st_size for name in ("a.parquet", "sub/b.parquet")}
    version = manifest.pop("version")
    assert isinstance(version, str)
    assert manifest == {
        "format": 1,
        "stage": "stage",
        "digest": RECIPE.digest(),
        "inputs": {"scenes": "d1", "frames": "d2"},
        "settings": {"depth": 2, "names": ["a", "b"]},
        "seed": 7,
        "rows": {"a": 2, "b": 1},
        "files": sizes,
    }


OTHERS = {
    "another stage": Recipe("other", RECIPE.inputs, RECIPE.settings, seed=7),
    "another input": Recipe("stage", {"scenes": "d1", "frames": "d3"}, RECIPE.settings, seed=7),
    "one input more": Recipe("stage", {**RECIPE.inputs, "labels": "d4"}, RECIPE.settings, seed=7),
    "one input less": Recipe("stage", {"scenes": "d1"}, RECIPE.settings, seed=7),
    "another setting": Recipe("stage", RECIPE.inputs, Settings(depth=3), seed=7),
    "another seed": Recipe("stage", RECIPE.inputs, RECIPE.settings, seed=8),
    "no seed": Recipe("stage", RECIPE.inputs, RECIPE.settings),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_each_part_of_the_recipe_changes_the_digest(other: Recipe, storage: Storage, folder: Path) -> None:
    assert other.digest() != RECIPE.digest()
    assert derive(storage, other, write).computed
    assert not derive(storage, RECIPE, refuse).computed  # the other folder stays


def test_the_version_changes_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    before = RECIPE.digest()
    monkeypatch.setattr("oddloop.lake.derived.__version__", "99.0")
    assert RECIPE.digest() != before


def test_neither_order_nor_kind_of_mapping_changes_the_digest() -> None:
    other = Recipe("stage", {"frames": "d2", "scenes": "d1"}, {"names": ["a", "b"], "depth": 2}, seed=7)
    assert other.digest() == RECIPE.digest()


def test_a_folder_that_moved_is_not_computed_again(storage: Storage, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tmp_path, tmp_path.parent / f"{tmp_path.name}-moved")
    moved = derive(Storage.open(tmp_path.parent / f"{tmp_path.name}-moved"), RECIPE, refuse)
    assert not moved.computed


def cut_table(folder: Path) -> None:
    (folder / "a.parquet").write_bytes((folder / "a.parquet").read_bytes()[:-1])


def cut_manifest(folder: Path) -> None:
    (folder / MANIFEST_FILE).write_bytes((folder / MANIFEST_FILE).read_bytes()[:-10])


DAMAGES = {
    "a file cut short": cut_table,
    "a file missing": lambda folder: (folder / "sub/b.parquet").unlink(),
    "the manifest cut short": cut_manifest,
    "the manifest missing": lambda folder: (folder / MANIFEST_FILE).unlink(),
    "the manifest empty": lambda folder: (folder / MANIFEST_FILE).write_bytes(b""),
    "the manifest no mapping": lambda folder: (folder / MANIFEST_FILE).write_bytes(b"[]"),
    "the manifest not text": lambda folder: (folder / MANIFEST_FILE).write_bytes(b"\xff\xfe"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_folder_is_computed_again(damage: object, storage: Storage, folder: Path) -> None:
    stray = folder / "stray.txt"
    stray.touch()
    damage(folder)  # type: ignore[operator]
    assert find(storage, RECIPE) is None
    again = derive(storage, RECIPE, write)
    assert again.computed
    assert not stray.exists()
    assert isinstance(find(storage, RECIPE), Derived)


def test_a_manifest_of_another_format_is_refused_with_both_numbers(storage: Storage, folder: Path) -> None:
    (folder / MANIFEST_FILE).write_text('{"format": 2}')
    with pytest.raises(WorkspaceError) as caught:
        find(storage, RECIPE)
    assert str(caught.value) == (
        f"{storage.url}/{folder_of(RECIPE)}/manifest.json: format 2, this oddloop reads format 1; upgrade oddloop, or "
        "remove the folder to have it made again"
    )


def test_a_failed_stage_leaves_nothing(storage: Storage) -> None:
    with pytest.raises(AssertionError):
        derive(storage, RECIPE, refuse)
    assert [p for p in storage.local_path().rglob("*") if p.is_file()] == []
    assert read_manifest(storage.sub(folder_of(RECIPE))) is None
