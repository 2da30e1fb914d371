"""What holds for every engine: order, progress, failures as they were raised, and new attempts on failing storage."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine import tasks
from engine.engines import ENGINES, start
from oddloop.config import ScoreConfig
from oddloop.engine import Engine, LocalEngine, map_partitions
from oddloop.engine.partitions import PartitionJob
from oddloop.errors import EngineError
from oddloop.lake.scan import partitions
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import table_files
from oddloop.score import KERNELS
from oddloop.tables import TASKS


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return start(request.param)


def test_results_come_in_the_order_of_the_items(engine: Engine) -> None:
    assert engine.map(tasks.late_first, range(8)) == [i * i for i in range(8)]


def test_nothing_to_do_gives_nothing(engine: Engine) -> None:
    seen: list[tuple[int, int]] = []
    assert engine.map(abs, [], lambda *counts: seen.append(counts)) == []
    assert seen == []


def test_progress_counts_up_to_all_items_in_the_driver(engine: Engine) -> None:
    seen: list[tuple[int, int]] = []
    threads: set[int] = set()

    def on_done(done: int, total: int) -> None:
        seen.append((done, total))
        threads.add(threading.get_ident())

    engine.map(abs, [1, 2, 3], on_done)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert threads == {threading.get_ident()}


def test_work_runs_at_the_same_time(engine: Engine, tmp_path: Path) -> None:
    """Two items that wait for each other end well only if both have begun."""
    assert engine.map(partial(tasks.meet, tmp_path), [0, 1]) == [True, True]


def test_the_first_failure_is_raised_as_it_is_and_most_is_not_begun(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^item 1") as failure:
        engine.map(partial(tasks.fail_at_1, tmp_path), range(50))
    assert str(failure.value) == "item 1"
    assert tasks.told(tmp_path) < 10


def test_a_failure_to_tell_of_progress_ends_the_work_too(engine: Engine, tmp_path: Path) -> None:
    def on_done(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.map(partial(tasks.fail_at_1, tmp_path), range(2, 50), on_done)
    assert tasks.told(tmp_path) < 10


@pytest.mark.parametrize(("n_times", "kind"), [(1, OSError), (3, ConnectionError)])
def test_a_task_whose_storage_fails_is_run_again(
    engine: Engine, tmp_path: Path, n_times: int, kind: type[OSError]
) -> None:
    assert engine.map(partial(tasks.lose_storage, tmp_path, n_times, kind), [5, 6]) == [5, 6]
    assert tasks.told(tmp_path) == 2 * (n_times + 1)


@pytest.mark.parametrize(("n_times", "kind", "n_runs"), [(9, OSError, 4), (1, FileNotFoundError, 1)])
def test_storage_that_stays_away_fails_the_task(
    engine: Engine, tmp_path: Path, n_times: int, kind: type[OSError], n_runs: int
) -> None:
    """Four runs: one and three retries. What is not there will not come by waiting."""
    with pytest.raises(kind, match=r"^out of reach"):
        engine.map(partial(tasks.lose_storage, tmp_path, n_times, kind), [5])
    assert tasks.told(tmp_path) == n_runs


def test_scores_are_the_same_to_the_byte(engine: Engine, tmp_path: Path) -> None:
    """Compiled kernels included; the files hold the same rows in the same row groups."""
    probs = np.random.default_rng(0).dirichlet(np.ones(5), (400, 3)).astype(np.float32)
    for number in range(4):
        rows = probs[100 * number : 100 * (number + 1)].tolist()
        ids = [f"f{number}-{i:03d}" for i in range(100)]
        schema = pa.schema([f for f in TASKS["classification"].schema() if f.name in ("frame_id", "scene_id", "probs")])
        table = pa.table({"frame_id": ids, "scene_id": [i[:4] for i in ids], "probs": rows}, schema=schema)
        (tmp_path / "in").mkdir(exist_ok=True)
        pq.write_table(table, tmp_path / f"in/{number}.parquet")
    files = table_files(Storage.open(tmp_path / "in"), "predictions/classification/m")
    spec, kernel = TASKS["classification"], partial(KERNELS["classification"], config=ScoreConfig())
    found = []
    for name, runner in {"one": LocalEngine(1), "other": engine}.items():
        out = Storage.open(tmp_path / name)
        n_rows = map_partitions(runner, PartitionJob(kernel, spec, out, 64), partitions(files, spec))
        found.append((n_rows, [out.read_bytes(out.relative(info.path)) for info in out.list_files()]))
    assert found[0] == found[1]
    assert len(found[0][1]) == 4


@pytest.mark.system
@pytest.mark.parametrize("name", ["ray", "dask"])
def test_an_error_that_cannot_travel_is_told_by_its_text(name: str) -> None:
    with pytest.raises(EngineError, match=r"^OddError: very odd"):
        start(name).map(tasks.raise_odd, [1])
