"""Score the current model's predictions, where the scores are stale."""

from __future__ import annotations

import pyarrow.compute as pc

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.stages import run_until
from oddloop.cli.terminal import print_json, print_table


def run(workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    derived = run_until("score", workspace, quiet=as_json)
    table = derived.storage.read_table("scene_scores.parquet")
    names = [n for n in table.column_names if f"{n}_valid" in table.column_names]
    rows = [(n, pc.count(table[n]).as_py(), pc.mean(table[n]).as_py(), pc.max(table[n]).as_py()) for n in names]
    if as_json:
        print_json({"digest": derived.digest, "rows": derived.manifest["rows"]})
    else:
        print_table(f"Scene scores of {table.num_rows:,} scenes", ("score", "scenes", "mean", "max"), rows)
