"""Ray on three nodes gives what threads give, and whatever dies costs no more than its tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.fleets import N_PARTS, bytes_of, failure, finish, make_fleet, n_parts, start_run, wait_until
from engine.ray_cluster import IMPATIENT, busy_workers, kill, load_ray, three_nodes

pytestmark = pytest.mark.system

PAUSE_S = 0.6
N_TASKS = 2 * N_PARTS
"""Partitions of predictions and of features."""


@pytest.fixture(scope="module")
def by_threads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fleet after a run of all stages by threads."""
    load_ray()
    folder = make_fleet(tmp_path_factory.mktemp("threads") / "fleet")
    assert finish(start_run(folder, "select"))["score"]["partitions"] == N_TASKS
    return folder


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with three_nodes() as found:
        yield found


def fleet_on(folder: Path, address: str) -> Path:
    return make_fleet(folder / "fleet", f'name = "ray"\naddress = "{address}"')


def test_all_stages_give_what_they_give_by_threads(by_threads: Path, cluster: Any, tmp_path: Path) -> None:
    """Scores, segments and picks to the byte, manifests included: the engine is no part of a recipe."""
    folder = fleet_on(tmp_path, cluster.address)
    told = finish(start_run(folder, "select"))
    assert told["score"]["partitions"] == N_TASKS
    for stage in ("score", "coverage", "discover", "select"):
        assert bytes_of(folder, stage) == bytes_of(by_threads, stage)


def test_a_worker_and_then_a_node_that_die_change_nothing(by_threads: Path, cluster: Any, tmp_path: Path) -> None:
    folder = fleet_on(tmp_path, cluster.address)
    node = cluster.worker_nodes.copy().pop()
    run = start_run(folder, "score", PAUSE_S)
    wait_until(lambda: n_parts(folder) >= 3 and any(kill(pid) for pid in busy_workers(node)), run)
    wait_until(lambda: n_parts(folder) >= 7, run)
    cluster.remove_node(node, allow_graceful=False)
    assert n_parts(folder) < N_TASKS
    finish(run)
    cluster.add_node(num_cpus=1)
    assert bytes_of(folder, "score") == bytes_of(by_threads, "score")


def test_after_the_driver_died_the_next_run_goes_on(by_threads: Path, cluster: Any, tmp_path: Path) -> None:
    folder = fleet_on(tmp_path, cluster.address)
    run = start_run(folder, "score", PAUSE_S)
    wait_until(lambda: n_parts(folder) >= 6, run)
    run.kill()
    run.communicate()
    assert not list((folder / "derived/score").glob("*/manifest.json"))
    n_kept = n_parts(folder)
    told = finish(start_run(folder))["score"]
    assert n_kept <= told["partitions_reused"] < told["partitions"] == N_TASKS
    assert bytes_of(folder, "score") == bytes_of(by_threads, "score")


def test_after_the_head_died_the_next_run_goes_on(
    by_threads: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in IMPATIENT.items():
        monkeypatch.setenv(name, value)
    with three_nodes() as doomed:
        address = doomed.address
        folder = fleet_on(tmp_path, address)
        run = start_run(folder, "score", PAUSE_S)
        wait_until(lambda: n_parts(folder) >= 6, run)
        doomed.head_node.kill_all_processes(check_alive=False)
        assert "Failed to connect to GCS" in failure(run)
    n_kept = n_parts(folder)
    with three_nodes() as anew:
        text = (folder / "oddloop.toml").read_text()
        (folder / "oddloop.toml").write_text(text.replace(address, anew.address))
        told = finish(start_run(folder))["score"]
    assert n_kept <= told["partitions_reused"] < told["partitions"] == N_TASKS
    assert bytes_of(folder, "score") == bytes_of(by_threads, "score")


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    load_ray()
    said = failure(start_run(fleet_on(tmp_path, "127.0.0.1:9")))
    assert "EngineError: Ray: [engine] address = '127.0.0.1:9' cannot be used" in said


def test_more_memory_than_any_node_has_is_refused(cluster: Any, tmp_path: Path) -> None:
    folder = fleet_on(tmp_path, cluster.address)
    with open(folder / "oddloop.toml", "a") as toml:
        toml.write("memory_mb = 100000000\n")
    assert "EngineError: [engine] memory_mb = 100000000: no node has as much" in failure(start_run(folder))
