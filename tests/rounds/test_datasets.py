"""Versions of the labelled set: named by content alone, recorded before the training, listed and compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import toy
from oddloop.cli.app import app
from oddloop.engine import LocalEngine
from oddloop.errors import WorkspaceError
from oddloop.lake import Workspace
from oddloop.lake.row_hashes import hash_rows
from oddloop.rounds.datasets import dataset_digest, diff_content, diff_datasets, list_datasets, read_content
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.train_due import labelled_scenes


def objects_table(seed: int = 0) -> pa.Table:
    frames = toy.frames_table(toy.scenes_table())
    n = frames.num_rows
    boxes = [{"x_m": float(x), "y_m": 1.0} for x in np.random.default_rng(seed).normal(size=2 * n).round(3)]
    columns = {name: pa.concat_arrays([frames[name].combine_chunks()] * 2) for name in ("frame_id", "scene_id")}
    ids = [f"o{i // n}" for i in range(2 * n)]
    return pa.table({**columns, "object_id": ids, "category": ["car", "bus"] * n, "box": boxes})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy.make_workspace(tmp_path / "ws", train="")
    toy.write(tmp_path / "ws/lake/objects", objects_table())
    return tmp_path / "ws"


def digest_at(folder: Path) -> str:
    workspace = Workspace.open(folder)
    return dataset_digest(read_content(workspace, LocalEngine(2), labelled_scenes(workspace)))


def test_a_digest_depends_on_content_and_not_on_how_it_is_stored(folder: Path) -> None:
    before = digest_at(folder)
    assert len(before) == 32
    objects = objects_table()
    shuffled = objects.take(np.random.default_rng(1).permutation(objects.num_rows))
    toy.write(folder / "lake/objects", shuffled.slice(0, 100).select(objects.column_names[::-1]))
    toy.write(folder / "lake/objects", shuffled.slice(100), "part-1.parquet")
    labels = toy.labels_table(toy.scenes_table())
    moved = labels.set_column(1, "labelled_at_ns", pa.array([77] * labels.num_rows)).drop_columns(["cost"])
    toy.write(folder / "lake/labels", moved.append_column("cost", pa.array([9.0] * labels.num_rows)))
    toy.write(folder / "lake/labels", labels.slice(0, 2), "again.parquet")
    assert digest_at(folder) == before


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("objects", "category", "tram"), ("objects", "object_id", "o9"), ("labels", "guideline", "v2")],
)
def test_a_corrected_label_gives_another_digest(folder: Path, table: str, column: str, value: str) -> None:
    before = digest_at(folder)
    path = folder / f"lake/{table}/part-0.parquet"
    rows = pq.read_table(path).to_pylist()
    rows[0][column] = value
    toy.write(folder / f"lake/{table}", pa.Table.from_pylist([{column: None} | row for row in rows]))
    assert digest_at(folder) != before


def test_labels_of_scenes_that_are_not_trained_on_do_not_count(folder: Path) -> None:
    before = digest_at(folder)
    objects = objects_table().to_pylist()
    kept = [row for row in objects if row["scene_id"].startswith("log0")]
    toy.write(folder / "lake/objects", pa.Table.from_pylist(kept))
    assert digest_at(folder) == before


def test_each_training_records_its_dataset_before_and_the_next_names_it_as_parent(folder: Path) -> None:
    toy.run_at(folder)
    toy.label_all_picks(folder, "r001")
    toy.run_at(folder)
    workspace = Workspace.open(folder)
    first, second = list_datasets(workspace)
    assert (first.round_id, first.model_id, first.parent) == ("r000", "m000", None)
    assert (second.round_id, second.model_id, second.parent) == ("r001", "m001", first.digest)
    assert second.payload["n_scenes"] == first.payload["n_scenes"] + 3 == 9
    assert [second.payload[n] for n in ("n_added", "n_corrected", "n_removed")] == [3, 0, 0]
    manifest = json.loads(second.folder(workspace).read_bytes("manifest.json"))
    assert manifest["cost"] == pytest.approx(6 * 0.8 + 3 * 1.0)
    assert manifest["n_objects"] == 9 * 8
    assert manifest["segments"][0] == {
        "segment_id": "all",
        "n_scenes": 9,
        "duration_s": 90.0,
        "n_logs": manifest["n_logs"],
    }
    assert sum(s["n_scenes"] for s in manifest["segments"] if s["segment_id"].startswith("weather=")) == 9
    trained = next(e for e in open_ledger(workspace).events("r001") if e.kind == "trained")
    assert trained.payload["dataset"]["path"] == f"datasets/{second.digest}"


def test_the_next_version_says_which_scenes_came_went_and_were_corrected(folder: Path) -> None:
    toy.run_at(folder)
    toy.label_all_picks(folder, "r001")
    labels = toy.labels_table(toy.scenes_table())
    toy.write(folder / "lake/labels", labels.slice(1))  # log0/s0 was withdrawn
    rows = objects_table().to_pylist()
    changed = [{**row, "category": "tram"} if row["scene_id"] == "log0/s1" else row for row in rows]
    toy.write(folder / "lake/objects", pa.Table.from_pylist(changed))
    toy.run_at(folder)
    found = diff_datasets(Workspace.open(folder), "r000", "m001")
    told = found.to_json()
    assert (told["n_added"], told["n_corrected"], told["n_removed"]) == (3, 1, 1)
    assert {"scene_id": "log0/s1", "change": "corrected"} in told["changes"]
    assert {"scene_id": "log0/s0", "change": "removed"} in told["changes"]
    everything = next(s for s in told["segments"] if s["segment_id"] == "all")
    assert (everything["n_scenes_before"], everything["n_scenes_after"]) == (6, 8)


def test_without_a_training_command_the_labelled_event_has_the_dataset(tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    toy.make_workspace(folder)
    toy.run_at(folder)
    toy.label_all_picks(folder, "r001")
    toy.run_at(folder)
    only = list_datasets(Workspace.open(folder))
    assert [(e.round_id, e.model_id, e.payload["n_scenes"]) for e in only] == [("r001", "", 9)]


def test_the_command_line_lists_shows_and_compares(folder: Path) -> None:
    runner = CliRunner()
    where = ["--workspace", str(folder)]
    nothing = runner.invoke(app, ["datasets", *where])
    assert "No dataset yet" in nothing.stdout
    toy.run_at(folder)
    listed = json.loads(runner.invoke(app, ["datasets", *where, "--json"]).stdout)
    digest = listed[0]["digest"]
    assert digest[:8] in runner.invoke(app, ["datasets", *where]).stdout
    shown = json.loads(runner.invoke(app, ["datasets", "show", digest[:6], *where, "--json"]).stdout)
    assert (shown["digest"], shown["model_id"], shown["n_scenes"]) == (digest, "m000", 6)
    assert "weather=clear" in runner.invoke(app, ["datasets", "show", "r000", *where]).stdout
    same = runner.invoke(app, ["datasets", "diff", digest, "r000", *where])
    assert "0 added, 0 corrected, 0 removed" in same.stdout
    unknown = runner.invoke(app, ["datasets", "show", "zz", *where])
    assert isinstance(unknown.exception, WorkspaceError)
    assert f"there are: {digest[:8]} (r000)" in str(unknown.exception)


CONTENT = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("123"))


@given(CONTENT, CONTENT)
def test_a_difference_is_that_of_two_dictionaries(before: dict[str, str], after: dict[str, str]) -> None:
    tables = [
        pa.table({"scene_id": pa.array(list(d), pa.string()), "content": pa.array(list(d.values()), pa.string())})
        for d in (before, after)
    ]
    found = {row["scene_id"]: row["change"] for row in diff_content(*tables).to_pylist()}
    both = {k: "corrected" for k in before.keys() & after.keys() if before[k] != after[k]}
    added, removed = after.keys() - before.keys(), before.keys() - after.keys()
    assert found == both | dict.fromkeys(added, "added") | dict.fromkeys(removed, "removed")
    assert (dataset_digest(tables[0]) == dataset_digest(tables[1])) == (before == after)


@given(
    st.lists(st.tuples(st.one_of(st.none(), st.text(max_size=3)), st.lists(st.integers(-2, 2), max_size=3)), max_size=8)
)
def test_rows_have_one_hash_where_they_are_equal_and_else_not(rows: list[tuple]) -> None:
    table = pa.table(
        {
            "text": pa.array([r[0] for r in rows], pa.string()),
            "list": pa.array([r[1] for r in rows], pa.list_(pa.int64())),
            "struct": pa.array(
                [{"a": r[0], "b": r[1]} for r in rows], pa.struct([("a", pa.string()), ("b", pa.list_(pa.int8()))])
            ),
        }
    )
    hashes = hash_rows(table).tolist()
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            assert (hashes[i] == hashes[j]) == (a == b)
    chunked = pa.concat_tables([table.slice(0, 2), table.slice(2)])
    encoded = chunked.set_column(0, "text", chunked["text"].dictionary_encode())
    assert hash_rows(encoded.select(["struct", "list", "text"])).tolist() == hashes


def test_what_a_killed_run_left_of_a_version_is_swept_away(folder: Path) -> None:
    half = folder / f"datasets/abc.tmp-{'0' * 32}"
    half.mkdir(parents=True)
    (half / "scenes.parquet").write_bytes(b"half")
    toy.run_at(folder)
    assert [p.name for p in (folder / "datasets").iterdir()] == [
        e.digest for e in list_datasets(Workspace.open(folder))
    ]
