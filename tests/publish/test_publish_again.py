"""Publishing again: nothing where nothing changed, all of it where something did, and never a half."""

from __future__ import annotations

import importlib
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import fsspec
import pyarrow.parquet as pq
import pytest

import toy
from oddloop.cli.app import main
from oddloop.cli.run import publish_if_asked
from oddloop.errors import ConfigError, OddloopError, PublishError, WorkspaceError
from oddloop.lake import Workspace
from publishing import change_settings, publish_at

package = importlib.import_module("oddloop.publish.publish")


def contents(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in (folder / "publish").rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_same_again_writes_nothing(workspace: Path) -> None:
    before = contents(workspace)
    again = publish_at(workspace, 1)
    assert not again.written
    assert contents(workspace) == before


def test_the_file_is_read_only_and_says_what_it_is(workspace: Path) -> None:
    file = workspace / "publish/oddloop.duckdb"
    assert file.stat().st_mode & 0o777 == 0o444
    record = json.loads((workspace / "publish/publication.json").read_text())
    with duckdb.connect(str(file), read_only=True) as reader:
        (row,) = reader.execute("SELECT workspace, digest, epoch_us(published_at) FROM publication").fetchall()
        (said,) = reader.execute("SELECT comment FROM duckdb_columns() WHERE column_name = 'hours_labelled'").fetchall()
    assert row == ("toy", record["digest"], 1_800_000_000_000_000)
    assert said == ("their time [h]",)


@pytest.mark.parametrize("step", ["write_duckdb", "place"])
def test_what_fails_half_way_changes_nothing(workspace: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    before = contents(workspace)
    change_settings(workspace, "target = 0.8", "target = 0.7")

    def fail(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(package, step, fail)
        with pytest.raises(OSError, match="no space left"):
            publish_at(workspace)
    assert contents(workspace) == before


def test_another_target_moves_the_gaps_and_what_a_killed_publication_left_is_swept(workspace: Path) -> None:
    left = workspace / "publish" / f"new.tmp-{'0' * 32}"
    (left / "parquet").mkdir(parents=True)
    change_settings(workspace, "target = 0.8", "target = 0.7")
    assert publish_at(workspace).written
    found = sorted(path.name for path in (workspace / "publish").iterdir())
    assert found == ["oddloop.duckdb", "parquet", "publication.json"]
    gap = "SELECT gap + value FROM fact_segment_gap WHERE segment_id = 'all' AND round_id = 'r001'"
    with duckdb.connect(str(workspace / "publish/oddloop.duckdb"), read_only=True) as reader:
        assert reader.execute(gap).fetchall() == [(pytest.approx(0.7),)]


def test_a_file_that_somebody_removed_comes_back(workspace: Path) -> None:
    (workspace / "publish/oddloop.duckdb").unlink()
    assert publish_at(workspace).written
    assert (workspace / "publish/oddloop.duckdb").exists()


def test_in_an_object_store_the_tables_are_the_same(workspace: Path) -> None:
    """fsspec's store in memory, as one that knows no rename, for the workspace and for what is published."""
    settings = f'[ledger]\nurl = "sqlite:///{workspace}/ledger.db"\n[publish]\nfolder = "memory://published/here"'
    change_settings(workspace, "[publish]", settings)
    store = fsspec.filesystem("memory")
    inputs = (path for path in workspace.rglob("*") if path.is_file() and "publish" not in path.parts)
    for path in inputs:
        store.pipe(f"/remote/{path.relative_to(workspace)}", path.read_bytes())
    assert package.publish(Workspace.open("memory://remote"), 1_800_000_000_000_000_000).written
    files = {path.relative_to(workspace / "publish").as_posix(): path for path in (workspace / "publish").rglob("*.*")}
    found = [path.removeprefix("/published/here/") for path in store.find("/published")]
    assert sorted(found) == sorted(files)
    for name in (name for name in found if name.endswith(".parquet")):
        table = pq.read_table(io.BytesIO(store.cat(f"/published/here/{name}")))
        assert table.to_pylist() == pq.read_table(files[name]).to_pylist(), name


def test_a_run_publishes_its_round_and_old_readers_keep_what_they_read(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = "SELECT max(round_id) FROM fact_segment_gap"
    change_settings(workspace, "[publish]", "[publish]\nafter_run = true")
    toy.label_all_picks(workspace, "r002")
    with duckdb.connect(str(workspace / "publish/oddloop.duckdb"), read_only=True) as reader:
        monkeypatch.setattr(sys, "argv", ["oddloop", "run", "-w", str(workspace), "--json"])
        with pytest.raises(SystemExit) as left:
            main()
        assert left.value.code == 0
        assert json.loads(capsys.readouterr().out)["published"]["written"]
        assert reader.execute(newest).fetchall() == [("r001",)]
    with duckdb.connect(str(workspace / "publish/oddloop.duckdb"), read_only=True) as reader:
        assert reader.execute(newest).fetchall() == [("r002",)]
        assert reader.execute("SELECT round_id FROM dim_round WHERE is_newest").fetchall() == [("r002",)]


def test_segments_alone_can_be_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scenes without a model, a metric, a label or a round: exposure is there, under round zero."""
    folder = tmp_path / "ws"
    toy.write(folder / "lake/scenes", toy.scenes_table())
    Workspace.create(folder, '[attributes.weather]\n[publish]\nformats = ["duckdb"]\n')
    with pytest.raises(WorkspaceError, match="no segment was counted yet; run `oddloop run` or `coverage`"):
        publish_at(folder)
    monkeypatch.setattr(sys, "argv", ["oddloop", "coverage", "-w", str(folder), "--json"])
    with pytest.raises(SystemExit):
        main()
    capsys.readouterr()
    assert publish_at(folder).rows["dim_segment"] == 3
    with duckdb.connect(str(folder / "publish/oddloop.duckdb"), read_only=True) as reader:
        rows = reader.execute(
            "SELECT round_id, metric, value, n_scenes_unlabelled FROM fact_segment_gap WHERE segment_id = 'all'"
        )
        assert rows.fetchall() == [("r000", "", None, 36)]


def test_a_run_is_not_held_up_by_a_database_that_is_down(workspace: Path) -> None:
    told: list[str] = []
    settings = '[publish]\nafter_run = true\nscores = ["nonsense"]'
    change_settings(workspace, "[publish]", settings)
    shell = replace(toy.shell(), warn=told.append)
    assert publish_if_asked(Workspace.open(workspace), shell) is None
    assert "nonsense" in told[0]


def test_a_score_that_is_not_there_is_named(workspace: Path) -> None:
    change_settings(workspace, "[publish]", '[publish]\nscores = ["classification_entropy_sun"]')
    with pytest.raises(
        PublishError, match=r"no scene score 'classification_entropy_sun'; such as classification_entropy_"
    ):
        publish_at(workspace)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('postgres = "mysql://x"', "postgres.*begins with postgresql://"),
        ('web_url = "odd.example"', "web_url.*begins with http"),
        ('formats = ["excel"]', r"publish\.formats"),
        ('formats = ["superset"]', "uperset needs a database"),
        ('schema = "Drop Table"', r"publish\.schema"),
        ('postgres_password_env = "X"', "set both or neither"),
    ],
)
def test_settings_that_cannot_be_followed_are_refused(line: str, said: str) -> None:
    from oddloop.config import load_config

    with pytest.raises(ConfigError, match=said):
        load_config(f"[publish]\n{line}\n")


def test_without_pg8000_the_cure_is_told(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change_settings(workspace, "[publish]", '[publish]\npostgres = "postgresql://nobody@127.0.0.1:1/none"')
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(OddloopError, match=r"pip install 'oddloop\[postgres\]'"):
        publish_at(workspace)
