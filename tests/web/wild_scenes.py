"""The toy workspace with scenes that are hard to show, and what its tables say of them."""

from __future__ import annotations

import collections
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
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
XSS = '"><script>window.harm=1</script><img src=x onerror="window.harm=1">'
STRANGE = f"<b>{XSS}/../%2e"
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


def make_seen(folder: Path, wild: Path) -> None:
    """The wild scenes with images, hostile ones too, and tracks of two scenes; one scene's id is hostile itself."""
    shutil.copytree(wild, folder)
    workspace = Workspace.open(folder)
    (scenes,) = (workspace.table("scenes").storage.path(file) for file in workspace.table("scenes").files)
    table = pq.read_table(scenes)
    ids = table["scene_id"].to_pylist()
    uris = ["https://example.com/a b?c=<d>", "javascript:alert(1)", *[None] * (len(ids) - 2)]
    table = table.append_column("media_uri", pa.array(uris, pa.string()))
    last = ids[-1]
    for path in [scenes, *map(str, (folder / "derived/coverage").glob("*/scene_values.parquet"))]:
        one = table if path == scenes else pq.read_table(path)
        names = pc.replace_substring_regex(one["scene_id"], f"^{last}$", STRANGE.replace("\\", "\\\\"))
        pq.write_table(one.set_column(one.column_names.index("scene_id"), "scene_id", names), path)
    rows = [
        {"scene_id": name, "agent_id": agent, "timestamp_ns": i * 500_000_000, "x_m": 2.0 * i + 5 * (agent == XSS),
         "y_m": 0.0, "heading_rad": 0.0, "is_ego": agent == "ego"}
        for name in (ids[0], ids[2]) for agent in ("ego", XSS) for i in range(6)
    ]  # fmt: skip
    (folder / "lake/tracks").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "lake/tracks/part-0.parquet")


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
