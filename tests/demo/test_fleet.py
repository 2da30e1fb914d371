"""The fleet folder: whole or not there, the same for the same seed, and in the tables that oddloop reads."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oddloop.demo import ATTRIBUTES, Fleet, load_fleet, simulate_fleet, small_fleet
from oddloop.demo import fleet as fleet_module
from oddloop.demo.logs import make_log
from oddloop.errors import MissingExtraError, OddloopError
from oddloop.tables import FRAMES, LABELS, SCENES, TableSpec, is_compatible


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and "cache" not in path.parts)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize("spec", [SCENES, FRAMES, LABELS], ids=lambda spec: spec.name)
def test_tables_are_as_declared(small: Fleet, spec: TableSpec) -> None:
    table = pq.read_table(small.folder / "lake" / spec.name)
    for column in spec.required():
        assert is_compatible(table.schema.field(column.name).type, column.type), column.name
        assert column.nullable or table[column.name].null_count == 0
    keys = table.select(list(spec.key))
    assert keys.group_by(list(spec.key)).aggregate([]).num_rows == table.num_rows


def test_attributes_hold_declared_values(small: Fleet) -> None:
    scenes = pq.read_table(small.folder / "lake" / "scenes")
    for name, attribute in ATTRIBUTES.items():
        column = scenes[attribute.get("column", name)]
        if attribute["kind"] == "binned":
            assert np.isfinite(column.to_numpy()).all()
        elif attribute["kind"] == "multilabel":
            assert {value for row in column.to_pylist() for value in row} <= set(attribute["values"])
        else:
            assert set(column.to_pylist()) <= set(attribute["values"])


def test_nothing_secret_is_a_column(small: Fleet) -> None:
    columns = " ".join(pq.read_schema(small.folder / "lake" / "scenes" / "part-0.parquet").names)
    assert not any(word in columns for word in ("style", "stop", "planted", "careful", "aggressive"))


def test_eval_scenes_are_all_labelled_and_pool_scenes_are_few(small: Fleet) -> None:
    scenes = pq.read_table(small.folder / "lake" / "scenes")
    labelled = set(pq.read_table(small.folder / "lake" / "labels")["scene_id"].to_pylist())
    split = dict(zip(scenes["scene_id"].to_pylist(), scenes["split"].to_pylist(), strict=True))
    assert {scene_id for scene_id, name in split.items() if name == "eval"} <= labelled
    assert 0 < sum(split[scene_id] == "pool" for scene_id in labelled) <= small.settings.n_initial_scenes


def test_splits_are_by_log(small: Fleet) -> None:
    scenes = pq.read_table(small.folder / "lake" / "scenes", columns=["log_id", "split"])
    assert scenes.group_by(["log_id", "split"]).aggregate([]).num_rows == small.n_logs


def test_observed_tracks_name_only_what_is_true(small: Fleet) -> None:
    keys = ["scene_id", "frame", "agent_id"]
    observed, truth = (pq.read_table(small.folder / "tracks" / f"{name}.parquet") for name in ("observed", "truth"))
    assert observed.num_rows < truth.num_rows
    assert observed.join(truth.select(keys), keys, join_type="left anti").num_rows == 0
    own = [table.filter(pa.compute.equal(table["agent_id"], "ego")) for table in (observed, truth)]
    assert own[0].equals(own[1])  # the ego vehicle knows its own pose
    assert own[0].num_rows == small.n_frames


def test_tracks_have_the_times_of_their_frames_so_that_scenes_can_be_drawn(small: Fleet) -> None:
    observed = pq.read_table(small.folder / "tracks" / "observed.parquet")
    assert observed["is_ego"].to_pylist() == pa.compute.equal(observed["agent_id"], "ego").to_pylist()
    wanted = ["scene_id", "timestamp_ns"]
    frames = pq.read_table(small.folder / "lake" / "frames", columns=wanted)
    own = observed.filter(observed["is_ego"]).select(wanted)
    assert sorted(map(tuple, map(dict.values, own.to_pylist()))) == sorted(
        map(tuple, map(dict.values, frames.to_pylist()))
    )


def test_same_seed_same_bytes_whatever_the_number_of_workers(small: Fleet, tmp_path: Path) -> None:
    again = simulate_fleet(tmp_path / "again", settings=small_fleet(), n_workers=1)
    assert digests(again.folder) == digests(small.folder)


def test_a_complete_fleet_is_not_simulated_again(small: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_module, "make_log", None)
    assert simulate_fleet(small.folder, settings=small_fleet()) == small


def test_progress_counts_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: Fleet) -> None:
    seen: list[tuple[str, int, int]] = []
    simulate_fleet(tmp_path / "f", settings=small_fleet(), seed=1, progress=lambda *step: seen.append(step))
    assert seen == [("simulate", done, 6) for done in range(1, 7)]


def test_a_killed_simulation_leaves_nothing_behind_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*arguments: object) -> object:
        if killed.calls == 3:
            raise KeyboardInterrupt
        killed.calls += 1
        return make_log(*arguments)

    killed.calls = 0
    monkeypatch.setattr(fleet_module, "make_log", killed)
    with pytest.raises(KeyboardInterrupt):
        simulate_fleet(tmp_path / "fleet", settings=small_fleet(), n_workers=1)
    assert not (tmp_path / "fleet").exists()
    with pytest.raises(OddloopError, match="holds no complete fleet"):
        load_fleet(tmp_path / "fleet")


def test_an_incomplete_folder_and_old_leftovers_are_replaced(small: Fleet, tmp_path: Path) -> None:
    folder, left, fresh = tmp_path / "fleet", tmp_path / ".fleet.partial-old", tmp_path / ".fleet.partial-new"
    for path in (folder / "tracks", left, fresh):
        path.mkdir(parents=True)
    os.utime(left, (time.time() - 7_200, time.time() - 7_200))
    (folder / "truth.json").write_text("half a file")
    rebuilt = simulate_fleet(folder, settings=small_fleet())
    assert digests(rebuilt.folder) == digests(small.folder)
    assert not left.exists()
    assert fresh.exists()  # another run may be writing it


def test_other_settings_or_format_mean_another_fleet(small: Fleet) -> None:
    assert fleet_module.is_complete(small.folder, 0, small_fleet())
    assert not fleet_module.is_complete(small.folder, 1, small_fleet())
    assert not fleet_module.is_complete(small.folder, 0, fleet_module.FleetSettings())


def test_another_format_is_refused_by_name_and_numbers(small: Fleet, tmp_path: Path) -> None:
    manifest = json.loads((small.folder / "fleet.json").read_text()) | {"format": 99}
    (tmp_path / "fleet.json").write_text(json.dumps(manifest))
    with pytest.raises(OddloopError, match=r"fleet\.json has format 99, this oddloop reads format 2"):
        load_fleet(tmp_path)


def test_a_foreign_folder_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "oddloop.toml").write_text("")
    with pytest.raises(OddloopError, match="is not empty and holds no simulated fleet"):
        simulate_fleet(tmp_path, settings=small_fleet())
    assert (tmp_path / "oddloop.toml").exists()


def test_without_sumo_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'oddloop\[demo\]'"):
        simulate_fleet(tmp_path / "fleet", settings=small_fleet())
    assert not (tmp_path / "fleet").exists()


def test_importing_the_demo_loads_neither_sumo_nor_scikit_learn() -> None:
    code = "import sys, oddloop.demo; print([name for name in ('sumo', 'sklearn', 'libsumo') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
