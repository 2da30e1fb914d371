"""Map the scenes and group them, where the clusters are stale."""

from __future__ import annotations

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.stages import run_until
from oddloop.cli.terminal import print_json, print_table


def run(workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    derived = run_until("discover", workspace, quiet=as_json)
    clusters = derived.storage.read_table("clusters.parquet").to_pylist()
    if as_json:
        print_json({"digest": derived.digest, "clusters": clusters})
        return
    columns = ("cluster_id", "n_scenes", "n_logs", "duration_s", "n_labelled", "medoid_scene_id")
    print_table("Clusters", columns, [[c[name] for name in columns] for c in clusters])
