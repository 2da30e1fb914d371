"""New data is scored as it lands, whole and once, whatever is delivered twice, damaged, or killed."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.cli.app import main
from oddloop.lake import Workspace
from oddloop.lake.storage import Storage
from oddloop.rounds.run import run_stages
from oddloop.rounds.watch import Watch, take_in

MODEL = "predictions/classification/toy_model"


def of_logs(name: str, logs: range) -> pa.Table:
    """Rows of some logs of a lake table."""
    scenes = toy.scenes_table()
    frames = toy.frames_table(scenes)
    table = {"scenes": scenes, "frames": frames, MODEL: toy.predictions_table(frames)}[name]
    kept = pa.array([f"log{log}" for log in logs])
    return table.filter(pc.is_in(pc.list_element(pc.split_pattern(table["scene_id"], "/"), 0), value_set=kept))


def deliver(folder: Path, name: str, logs: range, file: str = "day.parquet") -> None:
    path = folder / name / file
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(of_logs(name, logs), path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with the scenes of four logs of eight."""
    folder = tmp_path / "ws"
    toy.make_workspace(folder)
    for name in ("scenes", "frames", MODEL):
        (folder / "lake" / name / "part-0.parquet").unlink()
        deliver(folder / "lake", name, range(4), "old.parquet")
    return folder


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    (tmp_path / "landing").mkdir()
    return tmp_path / "landing"


def watch(folder: Path, **more: object) -> Watch:
    return Watch(str(folder), lambda _: toy.shell(), **{"settled_s": 0.0, **more})  # type: ignore[arg-type]


def test_each_change_of_the_lake_is_one_batch(folder: Path) -> None:
    watched = watch(folder)
    first = watched.look()
    assert first is not None
    assert (first.counts["scene_scores"], first.counts["partitions"]) == (24, 1)
    assert watched.look() is None
    for name in ("scenes", "frames", MODEL):
        deliver(folder / "lake", name, range(4, 6), "new.parquet")
    second = watched.look()
    assert second is not None
    assert (second.counts["scene_scores"], second.counts["partitions_reused"]) == (36, 1)
    files = "frames/new.parquet, predictions/classification/toy_model/new.parquet, scenes/new.parquet"
    assert second.to_line() == f"lake: 3 new ({files}); 36 scenes, 1 of 2 partitions scored; {second.seconds:.1f} s"
    # Whoever starts anew finds it done.
    third = watch(folder).look()
    assert third is not None
    assert (third.digest, third.counts.get("partitions")) == (second.digest, None)
    assert "36 scenes, up to date" in third.to_line()


def test_a_failure_is_told_and_tried_again_after_longer_pauses(folder: Path) -> None:
    watched = watch(folder, every_s=10.0)
    broken = folder / "lake" / MODEL / "new.parquet"
    broken.write_bytes(b"half a file")
    pauses = []
    for _ in range(7):
        batch = watched.look()
        assert batch is not None
        assert "new.parquet: not a readable Parquet file" in batch.error
        assert "; failed: " in batch.to_line()
        pauses.append(watched.pause_s())
    assert pauses == [20, 40, 80, 160, 300, 300, 300]
    deliver(folder / "lake", MODEL, range(4, 6), "new.parquet")
    batch = watched.look()
    assert batch is not None
    assert (batch.error, batch.counts["scene_scores"], watched.pause_s()) == ("", 36, 10)


def test_a_notification_file_says_when_to_look(folder: Path, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    watched = watch(folder, notify=str(events))
    assert watched.look() is not None  # at first there is always something to look at
    deliver(folder / "lake", MODEL, range(4, 6), "new.parquet")
    assert watched.look() is None
    events.write_text("one\n")
    batch = watched.look()
    assert batch is not None
    assert batch.changes.new == (f"{MODEL}/new.parquet",)
    assert watched.look() is None


def test_what_is_delivered_goes_into_the_lake_once(folder: Path, landing: Path) -> None:
    watched = watch(folder, landing=str(landing))
    watched.look()
    # GIVEN a delivery, a file that the lake has under another name, and a correction
    deliver(landing, "scenes", range(4, 6))
    deliver(landing, MODEL, range(4, 6), "2026/day.parquet")
    shutil.copy(folder / "lake/scenes/old.parquet", landing / "scenes/renamed.parquet")
    deliver(landing, "frames", range(5), "old.parquet")
    batch = watched.look()
    assert batch is not None
    # THEN the lake has them, and the landing folder nothing more
    assert batch.landed.taken == ("frames/old.parquet", f"{MODEL}/2026/day.parquet", "scenes/day.parquet")
    assert batch.landed.again == ("scenes/renamed.parquet",)
    assert "1 delivered again" in batch.to_line()
    assert [p for p in landing.rglob("*") if p.is_file()] == []
    assert batch.changes.changed == ("frames/old.parquet",)
    assert batch.counts["scene_scores"] == 36
    assert pq.read_table(folder / "lake/frames/old.parquet").num_rows == 5 * 24
    # A kill after a file was put into the lake, and before it left the landing folder
    shutil.copy(folder / "lake/scenes/day.parquet", landing / "scenes/day.parquet")
    batch = watched.look()
    assert batch is not None
    assert (batch.landed.again, bool(batch.changes)) == (("scenes/day.parquet",), False)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("scenes/bad.parquet", b"half", "not a readable Parquet file"),
        ("scenes/other.parquet", pa.table({"scene_id": ["a"]}), "column `log_id` is missing"),
        (f"{MODEL}/typed.parquet", pa.table({"frame_id": [1], "scene_id": [2], "probs": [3]}), "is int64, not string"),
        ("weather/x.parquet", pa.table({"a": [1]}), "lies in the folder of no table; those are: scenes, frames"),
        ("features/x.parquet", pa.table({"a": [1]}), "features/<id>"),
    ],
)
def test_what_fits_no_table_stays_and_is_told_of_once(
    folder: Path, landing: Path, file: str, content: bytes | pa.Table, said: str
) -> None:
    path = landing / file
    path.parent.mkdir(parents=True)
    path.write_bytes(content) if isinstance(content, bytes) else pq.write_table(content, path)
    watched = watch(folder, landing=str(landing))
    batch = watched.look()
    assert batch is not None
    ((refused, why),) = batch.landed.refused
    assert (refused, said in why, path.exists()) == (file, True, True), why
    assert f"refused {file}" in batch.to_line()
    assert batch.error == ""  # the rest goes on
    assert watched.look() is None


def test_a_file_that_is_being_written_waits(folder: Path, landing: Path) -> None:
    deliver(landing, "scenes", range(4, 6))
    storage, workspace = Storage.open(landing), Workspace.open(folder)
    assert take_in(storage, workspace, settled_s=60).waiting == ("scenes/day.parquet",)
    assert take_in(storage, workspace, settled_s=0).taken == ("scenes/day.parquet",)


def test_it_takes_from_an_object_store(folder: Path) -> None:
    storage = Storage.open("memory://watched")
    storage.write_table("scenes/day.parquet", of_logs("scenes", range(4, 6)))
    assert take_in(storage, Workspace.open(folder), settled_s=0).taken == ("scenes/day.parquet",)
    assert list(storage.list_files()) == []
    assert pq.read_table(folder / "lake/scenes/day.parquet").num_rows == 12
    storage.fs.delete_dir("/watched")


def test_the_command_looks_once(
    folder: Path, landing: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (landing / "weather").mkdir()
    (landing / "weather/x.parquet").write_bytes(b"")
    for place, code in ((str(folder), 0), (str(landing), 1)):
        monkeypatch.setattr(sys, "argv", ["oddloop", "watch", place, "-w", str(folder), "--once", "--json"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == code
        (line,) = capsys.readouterr().out.splitlines()
        said = json.loads(line)
        assert (said["error"], said["counts"]["scene_scores"]) == ("", 24)
    assert said["landed"]["refused"][0][0] == "weather/x.parquet"


@pytest.mark.system
def test_kills_at_any_moment_lose_nothing(folder: Path, landing: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "oddloop", "watch", str(landing), "-w", str(folder), "--every", "0.1", "--json"]
    rng = random.Random(3)
    deliveries = [(name, log) for log in (4, 5) for name in ("scenes", "frames", MODEL)]
    rng.shuffle(deliveries)
    for name, log in deliveries:
        deliver(tmp_path / "aside", name, range(log, log + 1), f"{log}.parquet")
        (landing / name).mkdir(parents=True, exist_ok=True)
        os.replace(tmp_path / "aside" / name / f"{log}.parquet", landing / name / f"{log}.parquet")
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(rng.uniform(0.5, 6.0))
            process.send_signal(signal.SIGKILL)
    time.sleep(2.1)
    done = subprocess.run([*command, "--once"], capture_output=True, text=True, check=True)
    batch = json.loads(done.stdout)
    assert batch["counts"]["scene_scores"] == 36
    assert [p for p in landing.rglob("*") if p.is_file()] == []
    shutil.copytree(folder / "lake", tmp_path / "anew/lake")
    shutil.copy(folder / "oddloop.toml", tmp_path / "anew")
    anew = run_stages(Workspace.open(tmp_path / "anew"), toy.shell(), until="score")["score"]
    assert anew.digest == batch["digest"]
    found = folder / "derived/score" / batch["digest"] / "scene_scores.parquet"
    assert found.read_bytes() == anew.storage.read_bytes("scene_scores.parquet")
