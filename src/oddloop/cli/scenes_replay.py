"""Write a scene's replay for Rerun: road users from above, the model's scores on the same timeline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_shell
from oddloop.cli.terminal import Talk, out, print_json
from oddloop.errors import WorkspaceError
from oddloop.exchange.players import write_replay
from oddloop.lake.workspace import Workspace
from oddloop.rounds.replays import scores_over_time
from oddloop.rounds.run import run_stages


def replay(
    scene_id: Annotated[str, typer.Argument(help="The scene.")],
    file: Annotated[Path, typer.Argument(help="File to write, such as scene.rrd.")],
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:
    """Write a scene's replay for Rerun: road users from above, the model's scores on the same timeline."""
    from oddloop.report.cards_drawings import read_tracks_of, track_files  # here: slow to load, and `find` has no use

    opened = Workspace.open(workspace)
    tracks = read_tracks_of(track_files(opened), [scene_id]).get(scene_id)
    if tracks is None:
        raise WorkspaceError(
            f"there are no tracks of scene {scene_id!r}; is the name right, and does the lake have `tracks`?"
        )
    scores = None
    if opened.table("frames").files:
        with Talk(quiet=as_json) as talk:
            scored = run_stages(opened, make_shell(opened, talk), until="score")["score"]
        scores = scores_over_time(opened, scored.storage, scene_id)
    n_instants = write_replay(file, scene_id, tracks, scores)
    names = [] if scores is None else scores.column_names[1:]
    if as_json:
        print_json({"file": str(file), "scene_id": scene_id, "n_instants": n_instants, "scores": names})
    else:
        out.print(f"{n_instants:,} instants and {len(names)} scores of {scene_id} are in {file}")
