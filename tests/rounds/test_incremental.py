"""Yesterday's result and today's data give what computing everything anew gives, in whatever order data arrives."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.lake import Workspace
from oddloop.lake.parts import PARTS
from oddloop.rounds.drift import drift
from oddloop.rounds.run import run_stages
from toy import shell

N_SEQUENCES = int(os.environ.get("ODDLOOP_ARRIVALS", "30"))
CONFIG = toy.CONFIG + '[score.ood]\nmethods = ["auto"]\n[score.scenes]\nsummaries = ["mean", "p95", "time_above"]\n'
MODEL = "predictions/classification/toy_model"
COMPARED = {
    "score": ("scene_scores", "scene_thresholds"),
    "coverage": ("segments", "segment_metrics", "scene_values"),
    "discover": ("scene_vectors", "scene_map", "clusters", "cluster_members"),
    "drift": ("drift",),
}
"""Tables of which each sequence ends with some rows, by stage."""
Tables = dict[str, pa.Table]
Made = dict[str, bytes | dict[str, object]]


def all_tables() -> Tables:
    """What a fleet sends, by lake table; a model has seen the first log."""
    scenes = toy.scenes_table()
    frames = toy.frames_table(scenes)
    tables = {"scenes": scenes, "frames": frames, MODEL: toy.predictions_table(frames)}
    tables |= {"features/net": toy.features_table(frames), "metrics": toy.metrics_table(scenes)}
    return tables | {"objects": objects_table(frames), "labels": toy.labels_table(scenes)}


def objects_table(frames: pa.Table) -> pa.Table:
    """A car in every frame, and a pedestrian in some."""
    walks = np.random.default_rng(5).random(frames.num_rows) < 0.3
    rows = np.concatenate([np.arange(frames.num_rows), np.flatnonzero(walks)])
    categories = ["car"] * frames.num_rows + ["pedestrian"] * int(walks.sum())
    taken = frames.select(["frame_id", "scene_id"]).take(rows)
    return taken.append_column("object_id", pa.array(categories)).append_column("category", pa.array(categories))


def of_scenes(tables: Tables, scene_ids: list[str]) -> Tables:
    wanted = pa.array(scene_ids)
    return {name: table.filter(pc.is_in(table["scene_id"], value_set=wanted)) for name, table in tables.items()}


def deliver(folder: Path, name: str, tables: Tables, **how: int) -> None:
    for table_name, table in tables.items():
        path = folder / "lake" / table_name / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".aside")
        pq.write_table(table, aside, **{"row_group_size": 7, **how})
        aside.replace(path)


class Fleet:
    """Sends its scenes in random parts, late, again, and corrected."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.rng, self.tables = folder, np.random.default_rng(seed), all_tables()
        ids = self.tables["scenes"]["scene_id"].to_pylist()
        # Logs in parts of any size; of some scenes half of the frames come with a later part.
        self.parts = [list(part) for part in np.array_split(self.rng.permutation(ids), int(self.rng.integers(3, 6)))]
        self.late = set(self.rng.choice(self.parts[0], 2, replace=False))
        self.sent: dict[str, Tables] = {}

    def first(self) -> None:
        self.send("day-0", self.without_late(of_scenes(self.tables, self.parts[0])))

    def arrivals(self) -> Iterator[Callable[[], None]]:
        """What else happens, in random order."""
        days = [
            lambda i=i, part=part: self.send(f"day-{i}", of_scenes(self.tables, part))
            for i, part in enumerate(self.parts[1:], start=1)
        ]
        events = [*days, self.send_late_frames, self.send_again, self.write_again, self.correct, self.rename]
        yield from (events[i] for i in self.rng.permutation(len(events)))

    def send(self, name: str, tables: Tables) -> None:
        self.sent[name] = tables
        deliver(self.folder, name, tables)

    def without_late(self, tables: Tables) -> Tables:
        keep = {"scenes": tables["scenes"], "metrics": tables["metrics"]}
        rest = {name: table.filter(pc.invert(self.is_late(table))) for name, table in tables.items()}
        return {**rest, **keep}

    def is_late(self, table: pa.Table) -> pa.Array:
        frames = table["frame_id"] if "frame_id" in table.column_names else table["scene_id"]
        late = pc.is_in(table["scene_id"], value_set=pa.array(sorted(self.late)))
        return pc.and_(late, pc.ends_with(frames, "f3"))

    def send_late_frames(self) -> None:
        """Frames of scenes of a log that was sent long ago."""
        late = {name: table.filter(self.is_late(table)) for name, table in self.tables.items()}
        self.send("a-late", {name: table for name, table in late.items() if table.num_rows})

    def send_again(self) -> None:
        """The same bytes under the same name."""
        name = self.some()
        deliver(self.folder, name, self.sent[name])

    def write_again(self) -> None:
        """The same rows, in other bytes."""
        name = self.some()
        deliver(self.folder, name, self.sent[name], row_group_size=11)

    def correct(self) -> None:
        """Other predictions in a part that is there."""
        name = self.some()
        changed = dict(self.sent[name])
        changed[MODEL] = toy.predictions_table(changed[MODEL], seed=int(self.rng.integers(100)))
        self.send(name, changed)

    def rename(self) -> None:
        """The same bytes under another name instead, which changes the order of the files."""
        name = self.some()
        tables = self.sent.pop(name)
        for table_name in tables:
            (self.folder / "lake" / table_name / f"{name}.parquet").unlink()
        self.send(f"0-{name}", tables)

    def some(self) -> str:
        return str(self.rng.choice(sorted(self.sent)))


def computed(folder: Path) -> Made:
    """Every stage's newest folder: digest, manifest and tables."""
    derived = run_stages(Workspace.open(folder), shell(), until="discover")
    found: Made = {}
    for stage in ("score", "coverage", "discover"):
        found[stage] = dict(derived[stage].manifest)
        storage = derived[stage].storage
        found |= {
            f"{stage}/{storage.relative(i.path)}": storage.read_bytes(storage.relative(i.path))
            for i in storage.list_files()
        }
    drifted = drift(Workspace.open(folder), shell(), "week")
    return found | {"drift": dict(drifted.manifest), "drift.parquet": drifted.storage.read_bytes("drift.parquet")}


def computed_anew(folder: Path, to: Path) -> Made:
    """The same in a workspace that has computed nothing yet; the basis of vectors is an input of it."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("derived", "history", "ledger.db*"))
    return computed(to)


def check_sequence(folder: Path, seed: int) -> None:
    toy.make_workspace(folder / "ws", config=CONFIG)
    for name in ("scenes", "frames", MODEL, "metrics", "labels"):
        (folder / "ws/lake" / name / "part-0.parquet").unlink()
    fleet = Fleet(folder / "ws", seed)
    fleet.first()
    computed(folder / "ws")
    for arrival in fleet.arrivals():
        arrival()
        if fleet.rng.random() < 0.7:  # else the next run finds two of them
            found = computed(folder / "ws")
    found = computed(folder / "ws")
    expected = computed_anew(folder / "ws", folder / "anew")
    assert sorted(found) == sorted(expected)
    assert [name for name in found if found[name] != expected[name]] == []
    refuse_empty(found)


def refuse_empty(found: Made) -> None:
    """Two tables without a row are equal whatever was forgotten."""
    rows = {f"{stage}/{table}": rows_of(found, stage)[table] for stage, tables in COMPARED.items() for table in tables}
    assert [name for name, n_rows in rows.items() if not n_rows] == []
    segments = pq.read_table(pa.BufferReader(found["coverage/segments.parquet"]))
    assert pc.sum(segments["n_objects_pedestrian"]).as_py() > 0


def rows_of(found: Made, stage: str) -> dict[str, int]:
    return dict(found[stage])["rows"]


@pytest.mark.system
@pytest.mark.parametrize("seed", range(1, N_SEQUENCES + 1))
def test_incremental_equals_full(seed: int, tmp_path: Path) -> None:
    check_sequence(tmp_path, seed)


def partitions_of(folder: Path) -> tuple[int, int]:
    """Partitions that scoring went through, and how many it found done."""
    steps = []
    told = shell()
    run_stages(Workspace.open(folder), type(told)("t", told.engine, on_step=steps.append), until="score")
    (detail,) = (step.detail for step in steps if step.name == "score")
    return detail.get("partitions", 0), detail.get("partitions_reused", 0)


def test_only_new_partitions_are_scored(tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    toy.make_workspace(folder)
    tables = all_tables()
    old, new = (tables["scenes"]["scene_id"].to_pylist()[part] for part in (slice(0, 30), slice(30, None)))
    (folder / "lake" / MODEL / "part-0.parquet").unlink()
    deliver(folder, "day-0", {MODEL: of_scenes(tables, old)[MODEL]})
    assert partitions_of(folder) == (1, 0)
    assert partitions_of(folder) == (0, 0)  # the whole folder is there
    deliver(folder, "day-1", {MODEL: of_scenes(tables, new)[MODEL]})
    assert partitions_of(folder) == (2, 1)
    # A setting of scenes alone leaves the frames as they are; one of frames does not.
    path = folder / "oddloop.toml"
    text = path.read_text()
    path.write_text(f'{text}[score.scenes]\nsummaries = ["mean"]\n')
    assert partitions_of(folder) == (2, 2)
    path.write_text(f'{text}[score]\nmeasures = ["margin"]\n')
    assert partitions_of(folder) == (2, 0)
    # What is kept may be deleted.
    path.write_text(f'{text}[score]\nmeasures = ["margin"]\n[score.scenes]\nsummaries = ["max"]\n')
    shutil.rmtree(folder / PARTS)
    assert partitions_of(folder) == (2, 0)


def test_only_parts_that_nobody_may_need_are_removed(tmp_path: Path) -> None:
    folder, tables = tmp_path / "ws", all_tables()
    toy.make_workspace(folder)
    config, text = folder / "oddloop.toml", (folder / "oddloop.toml").read_text()

    def scored(settings: str) -> tuple[int, int]:
        config.write_text(text + settings)
        return partitions_of(folder)

    def folders() -> set[Path]:
        return set((folder / "derived/score").iterdir())

    def n_parts(*, older_days: int = 0) -> int:
        parts = list((folder / PARTS).iterdir())
        for part in parts:
            at_s = part.stat().st_mtime - 86_400 * older_days
            os.utime(part, (at_s, at_s))
        return len(parts)

    # GIVEN a partition as it first came, as it was corrected, and as a run has left it that was killed
    assert scored("") == (1, 0)
    first = folders()
    deliver(folder, "part-0", {MODEL: toy.predictions_table(tables[MODEL], seed=9)})
    assert scored("") == (1, 0)
    whole = folders()
    assert scored('[score]\nmeasures = ["margin"]\n') == (1, 0)
    killed = folders() - whole
    shutil.rmtree(killed.pop())
    assert n_parts(older_days=13) == 3
    # WHEN others have been made within two weeks THEN it goes on from what it had
    assert scored('[score]\nmeasures = ["entropy"]\n') == (1, 0)
    assert scored('[score]\nmeasures = ["margin"]\n') == (1, 1)
    assert n_parts(older_days=99) == 4
    # WHEN the folder of what first came is gone, and a later part is made
    shutil.rmtree(first.pop())
    assert scored('[score]\nmeasures = ["least_confidence"]\n') == (1, 0)
    # THEN its part is removed, and nothing else
    assert n_parts() == 4
    assert scored('[score.scenes]\nsummaries = ["mean"]\n') == (1, 1)
    assert scored('[score]\nmeasures = ["margin"]\n[score.scenes]\nsummaries = ["mean"]\n') == (1, 1)


def test_a_killed_run_goes_on_from_its_parts_however_old(tmp_path: Path) -> None:
    folder, tables = tmp_path / "ws", all_tables()
    toy.make_workspace(folder)
    ids = tables["scenes"]["scene_id"].to_pylist()
    (folder / "lake" / MODEL / "part-0.parquet").unlink()
    deliver(folder, "day-0", {MODEL: of_scenes(tables, ids[:30])[MODEL]})
    assert partitions_of(folder) == (1, 0)
    shutil.rmtree(folder / "derived/score")  # as if it had been killed before all was there
    (part,) = (folder / PARTS).iterdir()
    os.utime(part, (0, 0))
    deliver(folder, "day-1", {MODEL: of_scenes(tables, ids[30:])[MODEL]})
    assert partitions_of(folder) == (2, 1)
    assert part.exists()
