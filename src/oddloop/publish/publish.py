"""Publish: take the moment, make the tables aside, make what each tool wants of them, and bring it all to its place.

Where nothing has changed since the last publication nothing is done. A publication that is killed at any moment leaves
what was there, and the next one does it all; PostgreSQL gets its transaction before files take their places.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from oddloop import __version__
from oddloop.derived_tables.star import DIM_SCENE, PUBLICATION
from oddloop.errors import PublishError
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.publish.duckdb_file import write_duckdb
from oddloop.publish.look import look_at
from oddloop.publish.looker import write_project
from oddloop.publish.moment import Moment, take_moment
from oddloop.publish.place import RECORD, place, remove_leftovers
from oddloop.publish.postgres import write_postgres
from oddloop.publish.star import write_star
from oddloop.publish.superset import write_bundle
from oddloop.publish.tableau import write_extracts
from oddloop.rounds.ledger import Ledger, open_ledger

TABLES = "parquet"
DUCKDB_FILE = "oddloop.duckdb"
SUPERSET_FILE = "superset.zip"
TABLEAU_FOLDER = "tableau"
LOOKER_FOLDER = "looker"


@dataclass(frozen=True)
class Published:
    """What lies where dashboards read it.

    Attributes:
        url: the folder.
        digest: of all that the tables were made of.
        published_at: when, ISO 8601 in UTC.
        rows: rows by table.
        entries: what the folder holds, in the order of names.
        written: whether it was written just now.
    """

    url: str
    digest: str
    published_at: str
    rows: dict[str, int]
    entries: list[str]
    written: bool


def publish(workspace: Workspace, now_ns: int) -> Published:
    """Write the star schema to where `[publish]` says, unless it is there already.

    Call it while nobody else writes to the workspace (`lake.lock.locked`).

    Args:
        workspace: the workspace.
        now_ns: the time, ns since the Unix epoch.

    Raises:
        WorkspaceError: no segment was counted yet.
        PublishError: PostgreSQL cannot be reached or refuses; files are as they were, too.
        MissingExtraError: a format is asked for whose package is not installed.
    """
    with contextlib.closing(open_ledger(workspace)) as ledger:
        moment = take_moment(workspace, ledger)
        return _publish(moment, ledger, datetime.fromtimestamp(now_ns / 1e9, UTC))


def _publish(moment: Moment, ledger: Ledger, now: datetime) -> Published:
    config, digest = moment.workspace.config.publish, moment.digest()
    target = Storage.open(moment.workspace.resolve(config.folder))
    settings = digest_of([digest, asdict(config)])
    found = _read_record(target)
    if found and found["settings"] == settings and all(target.exists(entry) for entry in found["entries"]):
        return _published(target, found, written=False)
    with _aside(target) as built:
        rows = write_star(moment, ledger, built / TABLES)
        _write_publication(built / TABLES, moment, digest, rows, now)
        _make_formats(built, moment, target)
        entries = sorted(entry.name for entry in built.iterdir())
        record = {"digest": digest, "published_at": now.isoformat(), "rows": rows, "entries": entries}
        record |= {"settings": settings, "version": __version__, "workspace": moment.workspace.config.workspace.name}
        (built / RECORD).write_text(json.dumps(record, indent=1, sort_keys=True))
        if config.postgres:
            write_postgres(built / TABLES, config)
        place(built, target)
    return _published(target, record, written=True)


def _make_formats(built: Path, moment: Moment, target: Storage) -> None:
    """What the tools want beside Parquet files."""
    config = moment.workspace.config.publish
    name, odd, look = moment.workspace.config.workspace.name, _odd_columns(built), look_at(moment)
    if "duckdb" in config.formats:
        write_duckdb(built / TABLES, built / DUCKDB_FILE)
    if "superset" in config.formats:
        uri = config.superset_database or _duckdb_uri(target)
        schema = config.schema if uri.startswith("postgres") else "main"
        write_bundle(built / SUPERSET_FILE, name, uri, schema, odd, look)
    if "looker" in config.formats:
        write_project(built / LOOKER_FOLDER, name, config.looker_connection, config.schema, odd, look)
    if "tableau" in config.formats:
        write_extracts(built / TABLES, built / TABLEAU_FOLDER)


def _duckdb_uri(target: Storage) -> str:
    if not target.is_local:
        raise PublishError(
            f"[publish] folder = {target.url!r}: Superset cannot read a DuckDB file there; set `superset_database`, "
            "or leave `superset` out of `formats`"
        )
    return f"duckdb:///{target.local_path(DUCKDB_FILE)}"


def _odd_columns(built: Path) -> list[str]:
    names = pq.read_schema(built / TABLES / "dim_scene.parquet").names
    return [name for name in names if DIM_SCENE.column(name) is None]


def _write_publication(tables: Path, moment: Moment, digest: str, rows: dict[str, int], now: datetime) -> None:
    row = {
        "workspace": moment.workspace.config.workspace.name,
        "published_at": now,
        "digest": digest,
        "oddloop_version": __version__,
        "n_segment_gaps": rows["fact_segment_gap"],
        "n_scene_scores": rows["fact_scene_score"],
        "n_round_lifts": rows["fact_round_lift"],
    }
    pq.write_table(pa.Table.from_pylist([row], PUBLICATION.schema()), tables / "publication.parquet")


@contextlib.contextmanager
def _aside(target: Storage) -> Iterator[Path]:
    """An empty local folder, on the target's disk where that is local; it is gone afterwards."""
    if not target.is_local:
        with tempfile.TemporaryDirectory() as elsewhere:
            yield Path(elsewhere)
        return
    remove_leftovers(target)
    folder = target.local_path(target.write_aside("new"))
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _read_record(target: Storage) -> dict[str, Any] | None:
    """The record of the last publication; None where there is none, or it cannot be read."""
    if not target.exists(RECORD):
        return None
    try:
        record = json.loads(target.read_bytes(RECORD))
    except ValueError:
        return None
    return record if isinstance(record, dict) and {"settings", "entries"} <= set(record) else None


def _published(target: Storage, record: dict[str, Any], *, written: bool) -> Published:
    return Published(
        target.url, record["digest"], record["published_at"], record["rows"], record["entries"], written=written
    )
