"""The toy workspace with scenes that are hard to show, and what its tables say of them."""

from __future__ import annotations

import collections
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.lake import Workspace
from oddloop.lake.scan import read_table
from oddloop.rounds.discovery import name_cluster
from oddloop.rounds.ledger import Author, open_ledger
from oddloop.tables import SCENES

HOSTILE = (
    "'; DROP TABLE scenes; --",
    "' OR '1'='1",
    "\" UNION SELECT * FROM read_csv('/etc/passwd') --",
    "%",
    "_",
    "\\",
    "\x00",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "a=b=c",
    "😀",
)
XSS = '"><script>alert(1)</script>'
Rows = list[dict[str, Any]]


def make_wild(folder: Path, toy: Path) -> None:
    """The toy with hostile and missing values, a rare one of many, several per scene, and a named cluster."""
    shutil.copytree(toy, folder)
    state = open_ledger(Workspace.open(folder)).round("r002")
    values = folder / f"derived/coverage/{state.proposal['stages']['coverage']}/scene_values.parquet"
    table = pq.read_table(values)
    n = table.num_rows
    rng = np.random.default_rng(0)
    told = [["car", XSS][: 1 + i % 2] if i % 5 else [] for i in range(n)]
    many = [f"v{i}" for i in np.minimum(rng.integers(0, 6, n) * rng.integers(1, 6, n), 20)]
    table = table.append_column("seen", pa.array(told, pa.list_(pa.string())))
    table = table.append_column("many", pa.array(many)).append_column("gone", pa.nulls(n, pa.string()))
    pq.write_table(table.take(pa.array(rng.permutation(n))), values)
    workspace = Workspace.open(folder)
    members = clusters(workspace)
    name_cluster(workspace, open_ledger(workspace), next(iter(members)), Author("ann", 1), name=f"Cut-in {XSS}")


def rows_of(wild: Path) -> Rows:
    """Every scene with all that is known of it, straight from the tables."""
    workspace = Workspace.open(wild)
    stages = open_ledger(workspace).round("r002").proposal["stages"]

    def read(stage: str, file: str) -> Rows:
        return workspace.storage.sub(f"derived/{stage}/{stages[stage]}").read_table(file).to_pylist()

    scenes = {row["scene_id"]: row for row in read_table(workspace.table("scenes"), SCENES).to_pylist()}
    scores = {row["scene_id"]: row for row in read("score", "scene_scores.parquet")}
    values = read("coverage", "scene_values.parquet")
    return [scenes[row["scene_id"]] | scores.get(row["scene_id"], {}) | row for row in values]


def clusters(workspace: Workspace) -> dict[str, set[str]]:
    event = [e for e in open_ledger(workspace).events("discovery") if e.kind == "clustered"][-1]
    found: dict[str, set[str]] = collections.defaultdict(set)
    for row in workspace.storage.sub(f"discovery/{event.payload['digest']}").read_table("members.parquet").to_pylist():
        if row["cluster_id"] is not None:
            found[row["cluster_id"]].add(row["scene_id"])
    return dict(found)
