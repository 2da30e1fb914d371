"""PostgreSQL gets the same rows, in one transaction that is there or not, and writes only what differs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import toy
from oddloop.derived_tables.star import STAR
from oddloop.errors import PublishError
from oddloop.publish.measures import measures_of
from oddloop.publish.superset.datasets import datasets
from postgres_server import QUOTED, PostgresServer
from publishing import change_settings, publish_at

pytestmark = pytest.mark.system


@pytest.fixture
def database(postgres: PostgresServer, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A schema of one's own, which the workspace publishes to; returns its name."""
    url = postgres.new_ledger(driver="")
    name = url.split("//")[1].split(":")[0]
    monkeypatch.setenv("PUBLISH_PASSWORD", QUOTED.replace("%40", "@").replace("%2F", "/"))
    settings = f'postgres = "{url.replace(":" + QUOTED, "")}"\npostgres_password_env = "PUBLISH_PASSWORD"'
    change_settings(workspace, "[publish]", f'[publish]\nschema = "{name}"\n{settings}')
    return name


def counts(postgres: PostgresServer, schema: str) -> dict[str, int]:
    asked = " UNION ALL ".join(f"SELECT '{s.name}', count(*) FROM {schema}.{s.name}" for s in STAR)
    return {name: int(n) for name, n in (line.split("|") for line in postgres.run(asked).splitlines())}


def test_every_row_is_there_with_its_values(postgres: PostgresServer, workspace: Path, database: str) -> None:
    publish_at(workspace)
    files = {s.name: pq.read_table(workspace / f"publish/parquet/{s.name}.parquet") for s in STAR}
    assert counts(postgres, database) == {name: table.num_rows for name, table in files.items()}
    asked = f"SELECT round_id, segment_id, value, gap, because IS NULL, is_judged FROM {database}.fact_segment_gap"
    found = {tuple(line.split("|")) for line in postgres.run(asked).splitlines()}
    sign = {True: "t", False: "f"}
    there = {
        (
            r["round_id"],
            r["segment_id"],
            *(str(r[n]) for n in ("value", "gap")),
            sign[r["because"] is None],
            sign[r["is_judged"]],
        )
        for r in files["fact_segment_gap"].to_pylist()
    }
    assert len(found & there) == len(there) - sum("None" in row for row in there)
    said = f"SELECT col_description('{database}.dim_scene'::regclass, 4)"
    assert postgres.run(said) == "length of the scene [s]"
    said = f"SELECT col_description('{database}.fact_round_lift'::regclass, 8)"
    assert postgres.run(said) == "lower end of its 95 % interval [the metric's]"


def test_only_what_differs_is_written(postgres: PostgresServer, workspace: Path, database: str) -> None:
    publish_at(workspace)
    written = f"SELECT xmin, round_id FROM {database}.fact_segment_gap WHERE segment_id = 'all' ORDER BY round_id"
    before = postgres.run(written).splitlines()
    toy.label_all_picks(workspace, "r002")
    toy.run_at(workspace)
    publish_at(workspace)
    after = postgres.run(written).splitlines()
    assert after[0] == before[0]  # a round of before, which did not change
    assert after[1] != before[1]  # its verdicts stood there while it was the newest
    assert len(after) == len(before) + 1


def test_the_queries_of_dashboards_run_there_too(postgres: PostgresServer, workspace: Path, database: str) -> None:
    publish_at(workspace)
    path = f"SET search_path = {database};"
    for dataset in datasets(["odd_weather", "odd_rain", "odd_speed"]):
        columns = ", ".join(f'"{name}"' for name, _ in dataset.columns)
        n_rows = int(
            postgres.run(f"{path} SELECT count(*) FROM (SELECT {columns} FROM ({dataset.sql}) AS q) AS p").split()[-1]
        )
        assert n_rows > 0
        for measure in measures_of(dataset.fact):
            postgres.run(f"{path} SELECT {measure.on()} FROM ({dataset.sql}) AS q")


def test_another_attribute_becomes_a_column(postgres: PostgresServer, workspace: Path, database: str) -> None:
    publish_at(workspace)
    change_settings(workspace, "[attributes.weather]", '[attributes.sky]\ncolumn = "weather"\n[attributes.weather]')
    toy.run_at(workspace)
    publish_at(workspace)
    assert (
        int(postgres.run(f"SELECT count(*) FROM {database}.dim_scene WHERE odd_sky IS DISTINCT FROM odd_weather")) == 0
    )
    assert int(postgres.run(f"SELECT count(odd_sky) FROM {database}.dim_scene")) == 48


def test_scenes_that_are_gone_go(postgres: PostgresServer, workspace: Path, database: str) -> None:
    publish_at(workspace)
    postgres.run(f"INSERT INTO {database}.dim_model (model_id, is_newest) VALUES ('stray', true)")
    change_settings(workspace, "target = 0.8", "target = 0.7")
    publish_at(workspace)
    assert postgres.run(f"SELECT count(*) FROM {database}.dim_model WHERE model_id = 'stray'") == "0"


def test_a_publication_that_is_killed_leaves_the_old_one(
    postgres: PostgresServer, workspace: Path, database: str
) -> None:
    """kill -9 while the last table waits for a lock that a reader holds: all other tables were written by then."""
    publish_at(workspace)
    asked = f"SELECT digest || (SELECT sum(gap) FROM {database}.fact_segment_gap) FROM {database}.publication"
    before = postgres.run(asked)
    change_settings(workspace, "target = 0.8", "target = 0.7")
    blocker = subprocess.Popen(
        postgres._ask(f"BEGIN; LOCK {database}.publication; SELECT pg_sleep(60)"),
        env=postgres._environment(),
        stdout=-3,
    )
    waiting = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{database}' AND wait_event_type = 'Lock'"
    publisher = subprocess.Popen(
        [sys.executable, "-m", "oddloop", "publish", "-w", str(workspace)], env=os.environ | {"PYTHONPATH": "src"}
    )
    try:
        end = time.monotonic() + 60
        while postgres.run(waiting) != "1":
            assert time.monotonic() < end
            assert publisher.poll() is None
        publisher.send_signal(signal.SIGKILL)
        publisher.wait()
    finally:
        blocker.kill()
        blocker.wait()
        postgres.run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
        )
    assert postgres.run(asked) == before
    publish_at(workspace)
    assert postgres.run(asked) != before


def test_a_database_that_is_down_changes_no_file(workspace: Path) -> None:
    pytest.importorskip("pg8000")
    record = (workspace / "publish/publication.json").read_bytes()
    change_settings(workspace, "[publish]", '[publish]\npostgres = "postgresql://nobody:secret@127.0.0.1:1/none"')
    with pytest.raises(PublishError, match=r"127\.0\.0\.1:1/none: not published, and left as it was") as refused:
        publish_at(workspace)
    assert "secret" not in str(refused.value)
    assert (workspace / "publish/publication.json").read_bytes() == record
