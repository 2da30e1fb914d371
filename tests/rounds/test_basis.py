"""The basis in use: kept for good, reused while it suits, fitted anew with a reason, checked when it is read."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import toy
from oddloop.config import VectorsConfig
from oddloop.discover import fit_basis, gather_material, maps
from oddloop.errors import WorkspaceError
from oddloop.lake import Workspace
from oddloop.lake.storage import Storage
from oddloop.rounds.discovery.basis import FOLDER, load_basis, read_in_use, save_basis
from oddloop.rounds.run import run_stages
from oddloop.rounds.shell import Shell, Step

VECTORS = "scene_vectors.parquet"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy.make_workspace(tmp_path / "ws")
    return tmp_path / "ws"


def discover(folder: Path, **options) -> tuple[pa.Table, pa.Table, list[Step]]:
    """Vectors and map, and what was told of the basis."""
    told: list[Step] = []
    shell = Shell("me", toy.shell().engine, now_ns=toy.shell().now_ns, on_step=told.append)
    found = run_stages(Workspace.open(folder), shell, until="discover", **options)["discover"].storage
    scene_map = found.read_table("scene_map.parquet").select(["scene_id", "x", "y"])
    return found.read_table(VECTORS), scene_map, [step for step in told if step.name == "basis"]


def add_scenes(folder: Path, n: int) -> None:
    """Put n more scenes in the lake that come before the others in the order of ids."""
    scenes = toy.scenes_table()[:n]
    for name in ("scene_id", "log_id"):
        scenes = scenes.set_column(
            scenes.column_names.index(name), name, pc.binary_join_element_wise("a", scenes[name], "")
        )
    at = scenes.column_names.index("ego_speed_mean_mps")
    scenes = scenes.set_column(at, "ego_speed_mean_mps", pc.multiply(scenes["ego_speed_mean_mps"], 1.7))
    frames = toy.frames_table(scenes)
    toy.write(folder / "lake/scenes", scenes, "part-1.parquet")
    toy.write(folder / "lake/frames", frames, "part-1.parquet")
    toy.write(folder / "lake/predictions/classification/toy_model", toy.predictions_table(frames, 9), "part-1.parquet")
    if (folder / "lake/features").exists():
        toy.write(folder / "lake/features/enc", toy.features_table(frames, seed=8), "part-1.parquet")


def with_features(folder: Path, **options) -> None:
    frames = toy.frames_table(toy.scenes_table())
    toy.write(folder / "lake/features/enc", toy.features_table(frames, **options))


def of_old(table: pa.Table) -> pa.Table:
    return table.filter(pc.starts_with(table["scene_id"], "log"))


@pytest.mark.parametrize("features", [False, True])
def test_a_fifth_more_scenes_move_no_vector_and_no_place(folder: Path, features) -> None:
    if features:
        with_features(folder)
    vectors, places, told = discover(folder)
    assert [(step.computed, step.detail) for step in told] == [(True, {"why": "new basis: first discovery"})]
    assert discover(folder)[2] == []
    add_scenes(folder, 10)
    more_vectors, more_places, told = discover(folder)
    assert told == []
    assert (more_vectors.num_rows, more_places.num_rows) == (58, 58)
    assert of_old(more_vectors).equals(vectors)
    assert of_old(more_places).equals(places)


def test_a_hint_when_scenes_have_more_than_doubled_and_refit_on_demand(folder: Path) -> None:
    vectors, _, _ = discover(folder)
    add_scenes(folder, 48)
    assert discover(folder)[2] == []  # twice as many
    folder_of_first = read_in_use(Storage.open(folder)).digest
    toy.write(folder / "lake/scenes", one_more(), "part-2.parquet")
    same, _, told = discover(folder)
    hint = "it was fitted on 48 scenes, there are 97 now: consider `oddloop discover --refit`"
    assert [(step.computed, step.detail) for step in told] == [(False, {"hint": hint})]
    assert of_old(same).equals(vectors)
    assert [step.detail for step in discover(folder)[2]] == [{"hint": hint}]  # until it is heeded
    moved, _, told = discover(folder, refit=True)
    assert [step.detail for step in told] == [{"why": "new basis: asked for"}]
    assert told[0].digest != folder_of_first
    assert not of_old(moved).equals(vectors)
    assert discover(folder)[0].equals(moved)  # stays in use
    _, _, told = discover(folder, refit=True)
    assert [step.detail for step in told] == [{"why": "new basis: asked for; it is the same again"}]
    assert (folder / FOLDER / folder_of_first).is_dir()


def one_more() -> pa.Table:
    scenes = toy.scenes_table()[:1]
    return scenes.set_column(0, "scene_id", pa.array(["b"])).set_column(1, "log_id", pa.array(["b"]))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda f: configure(f, "[model]\ndigest = 'abc'"), "of encoder 'enc, model toy_model', they are of encoder "
         "'enc, model toy_model abc'"),
        (lambda f: with_features(f, width=4), "its features have 6 numbers, theirs 8"),
        (lambda f: with_features(f, seed=77), "48 of 48 scenes that it was fitted on have other features now"),
        (lambda f: (f / "lake/features/enc").rename(f / "lake/features/new"), "they are of encoder 'new, model"),
        (lambda f: shutil.rmtree(f / "lake/features"), "they are of encoder 'no features, model toy_model'"),
        (lambda f: configure(f, "weights = { uncertainty = 3.0 }", "[discover.vectors]"), "other weights"),
        (lambda f: configure(f, "left_out = ['ego*']", "[discover.vectors]"), "other columns of telemetry: they have "
         "'duration_s', 'n_frames', 'start_ns' and they lack 'ego_speed_mean_mps'"),
    ],
)  # fmt: skip
def test_what_needs_a_new_basis_gets_one_and_says_why(folder: Path, change, why) -> None:
    with_features(folder)
    first = discover(folder)[2][0].digest
    change(folder)
    told = discover(folder)[2]
    assert len(told) == 1
    assert told[0].computed
    assert why in told[0].detail["why"]
    assert told[0].digest != first
    assert discover(folder)[2] == []


def configure(folder: Path, text: str, section: str = "") -> None:
    path = folder / "oddloop.toml"
    path.write_text(
        path.read_text().replace(section, f"{section}\n{text}") if section else f"{path.read_text()}\n{text}\n"
    )


def test_what_lies_in_derived_may_be_deleted_and_comes_back_the_same(folder: Path) -> None:
    discover(folder)
    add_scenes(folder, 10)
    vectors, places, _ = discover(folder)
    shutil.rmtree(folder / "derived")
    again, same, told = discover(folder)
    assert told == []
    assert again.equals(vectors)
    assert same.equals(places)


def test_a_run_killed_before_the_basis_was_in_use_makes_the_same_one_again(folder: Path) -> None:
    vectors, _, told = discover(folder)
    (folder / FOLDER / "in_use.json").unlink()
    again, _, told_again = discover(folder)
    assert told_again[0].digest == told[0].digest
    assert again.equals(vectors)
    assert len(list((folder / "derived/discover").iterdir())) == 1


def test_a_fitted_map_is_kept_and_a_change_of_map_moves_no_vector(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(maps, "_fit_tsne", lambda points, neighbours, seed: np.tanh(points[:, [0, 0]]) * [[9.0, -1.0]])
    vectors, plain, _ = discover(folder)
    configure(folder, "[discover.map]\nmethod = 'tsne'\nmax_scenes = 40")
    same, places, told = discover(folder)
    assert [step.detail for step in told] == [{"why": "new basis: other [discover.map]; vectors stay"}]
    assert same.equals(vectors)
    assert not places.equals(plain)
    add_scenes(folder, 10)
    monkeypatch.setattr(maps, "_fit_tsne", None)  # what is frozen needs no method any more
    _, more_places, told = discover(folder)
    assert told == []
    assert of_old(more_places).equals(places)
    assert more_places.num_rows == 58


def basis_of(n: int = 30, frozen: maps.FrozenMap | None = None):
    speed, gap = np.random.default_rng(0).normal(size=(2, n))
    table = pa.table({"scene_id": [f"s{i}" for i in range(n)], "speed_mps": speed, "gap_m": gap})
    basis = fit_basis(gather_material(table, None, None, VectorsConfig(), encoder="enc"), VectorsConfig())
    return dataclasses.replace(basis, map=frozen)


PLACES = np.array([[0.1, 1.0], [2.0, 3.0]])
MAP = maps.FrozenMap({"method": "umap"}, np.array(["ä", "b"]), np.float32([[1.0], [np.pi]]), PLACES)


@pytest.mark.parametrize(("n", "frozen"), [(0, None), (1, None), (30, None), (30, MAP)])
def test_storage_keeps_every_bit(tmp_path: Path, n, frozen) -> None:
    storage, basis = Storage.open(tmp_path), basis_of(n, frozen)
    assert save_basis(storage, basis) == basis.digest
    found = load_basis(storage, basis.digest)
    assert (found.digest, found.facts()) == (basis.digest, basis.facts())
    for name, array in basis.arrays().items():
        assert found.arrays()[name].tobytes() == array.tobytes()
        assert found.arrays()[name].dtype == array.dtype
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")}
    save_basis(storage, basis)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npz")} == before


def edit_facts(folder: Path, **facts) -> None:
    path = folder / "basis.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda f: shutil.rmtree(f),
            "this basis of scene vectors is gone; bring the folder back from a backup",
        ),
        (lambda f: (f / "arrays.npz").write_bytes(b"PK"), "is damaged; bring"),
        (lambda f: (f / "basis.json").write_text("{"), "is damaged; bring"),
        (lambda f: np.savez(f / "arrays.npz", factor=np.array([None])), "is damaged; bring"),
        (lambda f: edit_facts(f, encoder="other"), "damaged: the contents have the digest [0-9a-f]{32}; bring"),
        (lambda f: edit_facts(f, format=9), "basis.json: format 9, this oddloop reads 1; upgrade oddloop"),
    ],
)
def test_damage_is_found_and_refitting_mends_it(tmp_path: Path, damage, message) -> None:
    storage, basis = Storage.open(tmp_path), basis_of()
    digest = save_basis(storage, basis)
    damage(tmp_path / FOLDER / digest)
    with pytest.raises(WorkspaceError, match=message):
        load_basis(storage, digest)
    save_basis(storage, basis)
    assert load_basis(storage, digest).digest == digest


def test_a_record_of_the_basis_in_use_that_is_damaged_is_told(folder: Path) -> None:
    discover(folder)
    (folder / FOLDER / "in_use.json").write_text("{")
    with pytest.raises(WorkspaceError, match=r"in_use.json: damaged; bring it back from a backup, or remove it"):
        discover(folder)
