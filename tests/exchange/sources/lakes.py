"""Data sets brought into a workspace beside them, and what is in its lake then."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from oddloop.cli import init
from oddloop.exchange.sources import ingest_source, make_source
from oddloop.lake.workspace import Workspace


def ingest(source: str, folder: Path, scene_s: float = 20.0) -> Workspace:
    """Ingest into a new workspace that has the source's taxonomy."""
    init.run(str(folder.parent / "ws"), source=source)
    workspace = Workspace.open(folder.parent / "ws")
    ingest_source(make_source(source, folder, scene_s), folder, workspace)
    return workspace


def read(workspace: Workspace, table: str) -> pa.Table:
    return workspace.storage.read_table(f"lake/{table}/part-00000.parquet")
