"""A workspace is made once, opened by its URL, and finds its tables where `[lake]` says."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from oddloop.errors import ConfigError, WorkspaceError
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace

TABLE = pa.table({"x": [1]})


def test_what_is_made_can_be_opened(tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", "[workspace]\nname = 'x'\n")
    assert Workspace.open(tmp_path / "ws").config == made.config


def test_a_workspace_is_never_overwritten(tmp_path: Path) -> None:
    Workspace.create(tmp_path, "")
    with pytest.raises(WorkspaceError) as caught:
        Workspace.create(tmp_path, "")
    assert str(caught.value) == f"{tmp_path}: already a workspace; edit its oddloop.toml or choose another folder"


def test_a_faulty_text_makes_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Workspace.create(tmp_path / "ws", "[nonsense]\n")
    assert not (tmp_path / "ws").exists()


def test_a_folder_without_configuration_is_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError) as caught:
        Workspace.open(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: no oddloop.toml here; run `oddloop init {tmp_path}` or give another --workspace"
    )


def test_faults_of_the_configuration_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "oddloop.toml").write_text("[nonsense]\n")
    with pytest.raises(ConfigError, match=rf"^{tmp_path}/oddloop\.toml: 1 fault\n  nonsense: unknown key"):
        Workspace.open(tmp_path)


POINTERS = [
    # pointer, where the files are, from the folder above the workspace
    ("lake/scenes", "ws/lake/scenes"),
    ("./tables//scenes/", "ws/tables/scenes"),
    ("../team/scenes", "team/scenes"),
    ("lake/../../team/scenes", "team/scenes"),
    ("..hidden/scenes", "ws/..hidden/scenes"),
    ("{above}/team/scenes", "team/scenes"),
    ("file://{above}/team/scenes", "team/scenes"),
]


@pytest.mark.parametrize(("pointer", "folder"), POINTERS)
def test_tables_are_found_where_lake_points(pointer: str, folder: str, tmp_path: Path) -> None:
    Storage.open(tmp_path).write_table(f"{folder}/part=1/a.parquet", TABLE)
    pointer = pointer.replace("{above}", str(tmp_path))
    files = Workspace.create(tmp_path / "ws", f'[lake]\nscenes = "{pointer}"\n').table("scenes")
    assert (files.name, files.files) == ("scenes", ("part=1/a.parquet",))
    assert files.storage.root == str(tmp_path / folder)


def test_pointers_work_from_an_object_store_too() -> None:
    Storage.open("memory://pointed/team/scenes").write_table("a.parquet", TABLE)
    workspace = Workspace.create("memory://pointed/ws", '[lake]\nscenes = "../team/scenes"\n')
    assert workspace.table("scenes").files == ("a.parquet",)
    workspace.storage.fs.delete_dir("/pointed")


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    Storage.open(tmp_path).write_table("home/scenes/a.parquet", TABLE)
    workspace = Workspace.create(tmp_path / "ws", '[lake]\nscenes = "~/scenes"\n')
    assert workspace.table("scenes").files == ("a.parquet",)


def test_models_are_listed_with_their_tasks_and_encoders_by_name(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path, "")
    for name in ("predictions/detection/b", "predictions/classification/a", "predictions/trajectory/a", "features/e"):
        workspace.storage.write_table(f"lake/{name}/0.parquet", TABLE)
    assert workspace.models() == {"a": ("classification", "trajectory"), "b": ("detection",)}
    assert workspace.encoders() == ["e"]


def test_a_table_without_files_is_false(tmp_path: Path) -> None:
    assert not Workspace.create(tmp_path, "").table("labels")
