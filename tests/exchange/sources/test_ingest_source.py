"""The driver of all sources: parts are resumed, limited, labelled, left out; the lake changes at once or not at all."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from oddloop.errors import SourceError, WorkspaceError
from oddloop.exchange.sources import Part, PartError, Tables, ingest_source, make_source
from oddloop.lake.replace import replacing
from oddloop.lake.workspace import Workspace


class Toy:
    """Parts are files `<log>.txt` that hold the number of their scenes; `bad` is faulty, `die` kills the ingest."""

    def __init__(self, folder: Path, scene_s: float = 1.0) -> None:
        self.folder, self.was_read = folder, []

    def parts(self) -> list[Part]:
        return [Part(file.stem, (file,)) for file in sorted(self.folder.glob("*.txt"))]

    def read(self, part: Part) -> Tables:
        self.was_read.append(part.name)
        text = part.files[0].read_text()
        if text == "die":
            raise KeyboardInterrupt
        if text == "bad":
            raise PartError.of(part.files[0], "bad", "it says so")
        n = int(text)
        ids = [f"{part.name}/{i}" for i in range(n)]
        times = pa.array([i * 10**9 for i in range(n)], pa.int64())
        scenes = pa.table({"scene_id": ids, "log_id": [part.name] * n, "start_ns": times, "duration_s": [1.0] * n})
        extra = {} if part.name == "a" else {"weather": ["rain"] * n}
        frames = pa.table({"frame_id": ids, "scene_id": ids, "timestamp_ns": times})
        return {
            "scenes": pa.table({**dict(zip(scenes.column_names, scenes.columns, strict=True)), **extra}),
            "frames": frames,
        }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    for name, text in {"a": "2", "b": "3", "c": "1"}.items():
        (tmp_path / f"logs/{name}.txt").write_text(text)
    return tmp_path / "logs"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws", "")


def scenes(workspace: Workspace) -> pa.Table:
    return workspace.storage.read_table("lake/scenes/part-00000.parquet")


def test_parts_become_one_table_with_null_where_a_part_lacks_a_column(folder: Path, workspace: Workspace) -> None:
    summary = ingest_source(Toy(folder), folder, workspace)
    assert dict(summary.rows) == {"scenes": 6, "frames": 6}
    assert scenes(workspace)["weather"].to_pylist() == [None, None, "rain", "rain", "rain", "rain"]
    assert not workspace.storage.exists("derived/ingest")


def test_a_killed_ingest_goes_on_where_it_was(folder: Path, workspace: Workspace) -> None:
    (folder / "c.txt").write_text("die")
    with pytest.raises(KeyboardInterrupt):
        ingest_source(Toy(folder), folder, workspace)
    assert not workspace.storage.exists("lake")
    (folder / "c.txt").write_text("4")
    again = Toy(folder)
    assert ingest_source(again, folder, workspace).rows["scenes"] == 9
    assert again.was_read == ["c"]


@pytest.mark.parametrize("change", ["file", "settings"])
def test_a_part_is_read_again_when_what_it_comes_from_changes(change: str, folder: Path, workspace: Workspace) -> None:
    (folder / "c.txt").write_text("die")
    with pytest.raises(KeyboardInterrupt):
        ingest_source(Toy(folder), folder, workspace, settings=[1.0])
    (folder / "c.txt").write_text("4")
    if change == "file":
        (folder / "a.txt").write_text("22")
    again = Toy(folder)
    ingest_source(again, folder, workspace, settings=[1.0 if change == "file" else 2.0])
    assert again.was_read == (["a", "c"] if change == "file" else ["a", "b", "c"])


@pytest.mark.parametrize(("limit", "read"), [(1, ["a"]), (2, ["a"]), (3, ["a", "b"]), (99, ["a", "b", "c"])])
def test_a_limit_takes_the_first_scenes_and_reads_no_more(
    limit: int, read: list[str], folder: Path, workspace: Workspace
) -> None:
    toy = Toy(folder)
    summary = ingest_source(toy, folder, workspace, limit=limit)
    assert toy.was_read == read
    assert dict(summary.rows) == {"scenes": min(limit, 6), "frames": min(limit, 6)}


class Riskier(Toy):
    """The same with a table more."""

    def read(self, part: Part) -> Tables:
        tables = super().read(part)
        ids = tables["scenes"].select(["scene_id"])
        frames = ids.append_column("frame_id", ids["scene_id"]).append_column(
            "criticality", pa.repeat(0.5, ids.num_rows)
        )
        return {**tables, "predictions/risk/m": frames}


def test_tables_of_the_source_before_go_and_those_brought_otherwise_stay(folder: Path, workspace: Workspace) -> None:
    ingest_source(Riskier(folder), folder, workspace, labelled=["a"])
    own = pa.table(
        {"scene_id": ["a/0"], "model_id": ["m"], "stack": ["planning"], "metric": ["x"], "value": [1.0], "support": [1]}
    )
    with replacing(workspace) as lake:
        lake.write("metrics", own)
    assert workspace.storage.exists("lake/predictions/risk/m/part-00000.parquet")
    ingest_source(Toy(folder), folder, workspace)
    for gone in ("predictions/risk/m", "labels"):
        assert not workspace.storage.exists(f"lake/{gone}/part-00000.parquet")
    assert workspace.storage.read_table("lake/metrics/part-00000.parquet").num_rows == 1


def test_faults_refuse_everything_and_all_are_named(folder: Path, workspace: Workspace) -> None:
    ingest_source(Toy(folder), folder, workspace)
    (folder / "a.txt").write_text("bad")
    (folder / "c.txt").write_text("bad")
    with pytest.raises(SourceError) as raised:
        ingest_source(Toy(folder), folder, workspace)
    assert str(raised.value).splitlines() == [
        f"{folder}: 2 faults; nothing was written",
        f"  {folder}/a.txt: it says so [bad]",
        f"  {folder}/c.txt: it says so [bad]",
        "Mend them, or leave out the parts concerned with --skip-faulty",
    ]
    assert scenes(workspace).num_rows == 6


def test_faulty_parts_can_be_left_out_with_their_reasons(folder: Path, workspace: Workspace) -> None:
    (folder / "b.txt").write_text("bad")
    summary = ingest_source(Toy(folder), folder, workspace, skip_faulty=True)
    assert summary.rows["scenes"] == 3
    assert summary.refused.to_pylist() == [
        {"table": "source", "file": f"{folder}/b.txt", "row": -1, "reason": "it says so [bad]", "n_rows": 1}
    ]
    assert str(summary).splitlines()[-2:] == [
        "  What is faulty was left out, for 1 fault:",
        "    1 it says so [bad]",
    ]


def test_where_every_part_is_faulty_nothing_is_written(folder: Path, workspace: Workspace) -> None:
    for file in folder.iterdir():
        file.write_text("bad")
    with pytest.raises(SourceError, match="3 faults; nothing was written"):
        ingest_source(Toy(folder), folder, workspace, skip_faulty=True)
    assert not workspace.storage.exists("lake")


def test_a_part_without_scenes_is_refused(folder: Path, workspace: Workspace) -> None:
    (folder / "b.txt").write_text("0")
    with pytest.raises(SourceError, match=r"b: nothing in it makes a scene; leave it out \[no-scenes\]"):
        ingest_source(Toy(folder), folder, workspace)


class WithoutScenes(Toy):
    """Parts of which the author of the source forgot the scenes."""

    def read(self, part: Part) -> Tables:
        return {"frames": super().read(part)["frames"]}


def test_a_source_that_gives_no_table_of_scenes_is_told_so(folder: Path, workspace: Workspace) -> None:
    with pytest.raises(SourceError, match=r"b: its tables are frames; `scenes` must be one of them \[no-scenes\]"):
        ingest_source(WithoutScenes(folder), folder, workspace)


def test_a_mistake_in_a_source_names_the_part_that_was_read(folder: Path, workspace: Workspace) -> None:
    (folder / "b.txt").write_text("three")
    with pytest.raises(ValueError, match="three") as raised:
        ingest_source(Toy(folder), folder, workspace)
    assert raised.value.__notes__ == ["Part 'b' was being read."]


class Twins(Toy):
    """Two parts that give their scenes the same names."""

    def read(self, part: Part) -> Tables:
        return super().read(Part("a", part.files))


def test_a_scene_in_two_parts_is_refused(folder: Path, workspace: Workspace) -> None:
    with pytest.raises(SourceError, match=r"b: scene 'a/0' is in an earlier part, too; keep one of them"):
        ingest_source(Twins(folder), folder, workspace)


@pytest.mark.parametrize(
    ("labelled", "expected"), [(["b"], ["b/0", "b/1", "b/2"]), (["a", "c"], ["a/0", "a/1", "c/0"])]
)
def test_named_logs_count_as_labelled(
    labelled: list[str], expected: list[str], folder: Path, workspace: Workspace
) -> None:
    ingest_source(Toy(folder), folder, workspace, labelled=labelled)
    labels = workspace.storage.read_table("lake/labels/part-00000.parquet")
    assert labels["scene_id"].to_pylist() == expected


def test_a_log_that_shall_be_labelled_must_exist(folder: Path, workspace: Workspace) -> None:
    with pytest.raises(SourceError, match=r"'bb' is neither a log nor a split; did you mean 'b'\?"):
        ingest_source(Toy(folder), folder, workspace, labelled=["bb"])
    assert not workspace.storage.exists("lake")


def test_a_limit_below_one_is_refused(folder: Path, workspace: Workspace) -> None:
    with pytest.raises(SourceError, match="limit = 0: give a number of scenes, 1 or more"):
        ingest_source(Toy(folder), folder, workspace, limit=0)


def test_a_lake_elsewhere_is_only_read(folder: Path, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws2", '[lake]\nscenes = "s3://fleet/scenes"\n')
    with pytest.raises(WorkspaceError, match="scenes points outside the workspace"):
        ingest_source(Toy(folder), folder, workspace)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "argoverse",
            r"'argoverse' is not a source; known: kitti, argoverse2, .*own as \"package.module:Class\"",
        ),
        ("nowhere.at_all:Logs", r"nowhere.at_all:Logs: cannot be imported: No module named 'nowhere'"),
        ("oddloop.exchange.sources:Logs", r"cannot be imported: module 'oddloop.exchange.sources' has no attribute"),
    ],
)
def test_a_source_that_does_not_exist(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message):
        make_source(name, tmp_path, 20.0)
