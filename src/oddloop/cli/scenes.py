"""Find scenes: by attribute, score, cluster, scenario, words, and by being like some and unlike others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from oddloop.cli.discover_run import look_up
from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.scenes_replay import replay
from oddloop.cli.terminal import print_json, print_table
from oddloop.errors import TableError
from oddloop.lake.workspace import Workspace
from oddloop.rounds.discovery import SceneQuery, find_scenes

app = typer.Typer(no_args_is_help=True, help=__doc__)
app.command()(replay)
Texts = list[str]


@app.callback()
def scenes() -> None:
    """Commands on scenes."""


@app.command()
def find(
    where: Annotated[Texts, typer.Option("--where", help="attribute=value, or attribute=one|other; may be repeated.")]
    = [],  # noqa: B006  never changed
    score: Annotated[Texts, typer.Option("--score", help="'score >= 0.5'; may be repeated.")] = [],  # noqa: B006
    like: Annotated[Texts, typer.Option("--like", help="Scene to be like; may be repeated.")] = [],  # noqa: B006
    unlike: Annotated[Texts, typer.Option("--unlike", help="Scene to be unlike; may be repeated.")] = [],  # noqa: B006
    vector: Annotated[Path | None, typer.Option("--vector", help="A .npy file with one scene vector to be like.")]
    = None,
    cluster: Annotated[str, typer.Option("--cluster", help="Cluster, such as c0007.")] = "",
    scenario: Annotated[str, typer.Option("--scenario", help="Name of a scenario.")] = "",
    text: Annotated[str, typer.Option("--text", help="Words in values, tags, ids, names and notes.")] = "",
    labelled: Annotated[bool | None, typer.Option("--labelled/--unlabelled", help="Only with, or without, labels.")]
    = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Scenes to show, at most.")] = 20,
    workspace: WorkspaceOption = ".",
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Find scenes; every condition that is given must hold."""
    query = SceneQuery(_where(where), tuple(score), cluster, scenario, text, labelled, tuple(like), tuple(unlike),
                       _vector(vector), top)  # fmt: skip
    found = find_scenes(look_up(Workspace.open(workspace)), query)
    if as_json:
        print_json(found.to_pylist())
        return
    rows = [[_shown(cell) for cell in row.values()] for row in found.to_pylist()]
    print_table(f"{found.num_rows} scenes", found.column_names, rows)


def _where(conditions: Texts) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for condition in conditions:
        name, sign, values = condition.partition("=")
        if not sign or not name.strip() or not values.strip():
            raise TableError(f"--where {condition!r} is not of the form attribute=value")
        found[name.strip()] = tuple(value.strip() for value in values.split("|"))
    return found


def _vector(path: Path | None) -> tuple[float, ...]:
    if path is None:
        return ()
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise TableError(f"{path}: cannot be read as a .npy file: {error}") from error
    if values.ndim != 1 or not np.issubdtype(values.dtype, np.number):
        raise TableError(f"{path}: holds {values.dtype} of shape {values.shape}; one vector of numbers is wanted")
    return tuple(values.astype(float).tolist())


def _shown(cell: object) -> object:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return ", ".join(map(str, cell)) if isinstance(cell, list) else cell
