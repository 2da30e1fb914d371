"""Pick scenes under the budget, where the picks are stale; nothing is recorded until `oddloop run`."""

from __future__ import annotations

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.stages import run_until
from oddloop.cli.terminal import err, print_json, print_table


def run(workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    derived = run_until("select", workspace, quiet=as_json)
    table = derived.storage.read_table("picks.parquet")
    picks, stopped = table.to_pylist(), (table.schema.metadata or {}).get(b"stopped", b"").decode()
    if as_json:
        print_json({"digest": derived.digest, "stopped": stopped, "picks": picks})
        return
    rows = [
        (p["rank"], p["scene_id"], p["cost"], p["cumulative_cost"], "\n".join(r["text"] for r in p["reasons"]))
        for p in picks
    ]
    print_table(f"{len(picks)} picks", ("rank", "scene", "cost", "so far", "why"), rows)
    err.print(f"Stopped: {stopped}.")
