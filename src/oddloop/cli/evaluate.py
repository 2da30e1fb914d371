"""Call the evaluation command, where a trained model was not evaluated yet."""

from __future__ import annotations

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_shell
from oddloop.cli.terminal import Talk, out, print_json
from oddloop.lake.workspace import Workspace
from oddloop.rounds.run import evaluate_if_due


def run(workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    opened = Workspace.open(workspace)
    with Talk(quiet=as_json) as talk:
        done = evaluate_if_due(opened, make_shell(opened, talk))
    if as_json:
        print_json(done)
    elif done:
        out.print(f"Evaluated {done['model_id']}. Next: `oddloop run --workspace {workspace}`")
    elif opened.config.evaluate.command:
        out.print("Nothing to evaluate: no newly trained model waits for it.")
    else:
        out.print("Nothing to evaluate with: set `command` in [evaluate] of oddloop.toml.")
