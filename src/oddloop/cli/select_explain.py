"""Why a scene is picked; or why not, and at what budget it would be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from oddloop.cli.terminal import out, print_json
from oddloop.errors import WorkspaceError
from oddloop.lake.derived import Derived
from oddloop.lake.workspace import Workspace
from oddloop.rounds.explain import Explanation, explain_scene
from oddloop.rounds.shell import Shell


def explain(workspace: Workspace, shell: Shell, done: Mapping[str, Derived], scene_id: str, *, as_json: bool) -> None:
    """Print it.

    Raises:
        WorkspaceError: there is no such scene.
    """
    found = explain_scene(workspace, shell, done, scene_id)
    if found is None:
        raise WorkspaceError(f"{workspace.storage.url}: there is no scene {scene_id!r}; see `oddloop scenes find`")
    if as_json:
        print_json(_plain(found))
        return
    out.print(found.verdict, highlight=False)
    for reason in found.reasons:
        out.print(f"  {reason}", highlight=False)


def _plain(found: Explanation) -> dict[str, Any]:
    return {"scene_id": found.scene_id, "verdict": found.verdict, "rank": found.rank, "reasons": list(found.reasons)}
