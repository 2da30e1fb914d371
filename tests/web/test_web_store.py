"""What pages read from: queries over Parquet, the cache, and which folders count."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oddloop.lake import Workspace
from oddloop.lake.journal import decide
from oddloop.lake.lock import locked
from oddloop.lake.workspace import TableFiles
from oddloop.rounds.ledger import open_ledger
from oddloop.web.store import NothingThereError, Store
from oddloop.web.store.cache import Cache
from toy import make_workspace


@pytest.fixture(scope="module")
def store(toy: Path) -> Iterator[Store]:
    made = Store(Workspace.open(toy))
    yield made
    made.close()


def test_a_query_sees_the_tables_that_it_is_given(store: Store) -> None:
    view = store.view()
    values = view.files("coverage", "scene_values.parquet")
    assert values is not None
    assert view.files("coverage", "nothing.parquet") is view.files("nothing", "x.parquet") is None
    found = view.query(
        "SELECT weather, count(*) AS n FROM scenes WHERE weather = ? GROUP BY 1", ["rain"], scenes=values
    )
    assert found.to_pylist() == [{"weather": "rain", "n": 24}]
    harmless = view.query("SELECT count(*) AS n FROM scenes WHERE weather = ?", ["' OR '1'='1"], scenes=values)
    assert harmless["n"].to_pylist() == [0]
    everything = view.workspace.table("scenes")
    assert view.query("SELECT count(*) AS n FROM t", t=everything)["n"].to_pylist() == [48]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/oddloop-web-escape.csv'",
        "ATTACH '/tmp/oddloop-web-escape.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SELECT * FROM read_text('{ws}/oddloop.toml')",
        "SELECT * FROM read_text('{ws}/derived/../oddloop.toml')",
        "SELECT * FROM read_blob('{ws}/ledger.db')",
        "COPY (SELECT 1) TO '{ws}/derived/escape.csv'",
        "CREATE TABLE t AS SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT * FROM values",  # a Python variable of ours
    ],
)
def test_a_query_opens_nothing_else_and_changes_nothing(store: Store, toy: Path, sql: str) -> None:
    values = pa.table({"secret": [1]})
    with pytest.raises((duckdb.Error, ValueError)):
        store.view().query(sql.replace("{ws}", str(toy)))
    assert values.num_rows == 1
    assert not (toy / "derived/escape.csv").exists()


def test_a_folder_of_any_name_is_read(tmp_path: Path) -> None:
    for name in ("it's [a] *star*", "plain"):
        folder = tmp_path / name
        make_workspace(folder)
        made = Store(Workspace.open(folder))
        scenes = made.view().workspace.table("scenes")
        assert made.view().query("SELECT count(*) AS n FROM t", t=scenes)["n"].to_pylist() == [48]
        # a table elsewhere, where the engine may not look itself
        elsewhere = TableFiles("own", Workspace.open(folder).storage.sub("rounds"), ("own.parquet",))
        (folder / "rounds").mkdir()
        pq.write_table(pa.table({"x": [1, 2]}), folder / "rounds/own.parquet")
        assert made.view().query("SELECT sum(x) AS n FROM t", t=elsewhere)["n"].to_pylist() == [3]
        made.close()


def test_a_query_does_not_see_the_tables_of_another(store: Store) -> None:
    view = store.view()
    view.query("SELECT 1 FROM mine", mine=view.workspace.table("scenes"))
    with pytest.raises(duckdb.Error, match="mine"):
        view.query("SELECT 1 FROM mine")


def test_queries_run_side_by_side(store: Store) -> None:
    view = store.view()
    frames = view.workspace.table("frames")
    found: list[int] = []

    def ask() -> None:
        counts = (view.query("SELECT count(*) AS n FROM frames", frames=frames) for _ in range(5))
        found.extend(count["n"][0].as_py() for count in counts)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [192] * 40


def test_the_newest_folders_count(store: Store, toy: Path) -> None:
    view = store.view()
    ledger = open_ledger(Workspace.open(toy))
    newest = ledger.round("r002")
    assert dict(view.stages) == dict(newest.proposal["stages"])
    assert view.open_round == newest
    assert view.stage("coverage", "0" * 32) is None
    assert view.table("coverage", "nothing.parquet") is None
    with pytest.raises(NothingThereError, match="no round 'r9'"):
        view.round("r9")


def test_a_view_is_read_while_a_run_holds_the_workspace(toy: Path) -> None:
    workspace = Workspace.open(toy)
    with locked(workspace.storage):
        made = Store(workspace)
        assert made.view().table("coverage", "segments.parquet") is not None
        made.close()


def test_a_view_ends_what_a_killed_ingest_began(toy: Path) -> None:
    workspace, now_s = Workspace.open(toy), [0.0]
    made = Store(workspace, clock_s=lambda: now_s[0])
    workspace.storage.write_bytes("lake/aside", b"new")
    with locked(workspace.storage):
        decide(workspace.storage, {"lake/sightings/part-00000.parquet": "lake/aside"}, [])
    now_s[0] = 1.0
    storage = made.view().workspace.storage
    assert storage.read_bytes("lake/sightings/part-00000.parquet") == b"new"
    made.close()


def test_the_cache_keeps_to_its_size_and_forgets_the_oldest() -> None:
    cache = Cache(1000)
    made: list[str] = []

    def table(name: str, n: int) -> pa.Table:
        made.append(name)
        return pa.table({"x": pa.array(range(n), pa.int64())})

    for name in ("a", "b", "a", "c", "a", "b"):
        cache.get(name, lambda name=name: table(name, 50))  # 400 bytes each
        assert cache.n_bytes <= 1000
    assert made == ["a", "b", "c", "b"]
    cache.get("large", lambda: table("large", 100))
    cache.get("large", lambda: table("large", 100))
    assert made[-2:] == ["large", "large"]


def test_a_value_is_made_once_by_many_threads() -> None:
    cache, made, begun = Cache(1000), [], threading.Barrier(8)

    def make() -> int:
        made.append(1)
        return len(made)

    def ask() -> None:
        begun.wait()
        assert cache.get("key", make) == 1

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_a_value_that_could_not_be_made_is_tried_again() -> None:
    cache = Cache(1000)
    with pytest.raises(ZeroDivisionError):
        cache.get("key", lambda: 1 // 0)
    assert cache.get("key", lambda: 7) == 7
