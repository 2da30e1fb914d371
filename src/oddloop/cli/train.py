"""Call the training command, where a round's labels are in or there is no model yet."""

from __future__ import annotations

from oddloop.cli.options import JsonOption, WorkspaceOption
from oddloop.cli.shell import make_shell
from oddloop.cli.terminal import Talk, out, print_json
from oddloop.lake.workspace import Workspace
from oddloop.rounds.run import train_if_due


def run(workspace: WorkspaceOption = ".", as_json: JsonOption = False) -> None:
    opened = Workspace.open(workspace)
    with Talk(quiet=as_json) as talk:
        training = train_if_due(opened, make_shell(opened, talk))
    if as_json:
        print_json(training)
    elif training:
        out.print(f"Trained {training['model_id']}. Next: `oddloop run --workspace {workspace}`")
    else:
        out.print("Nothing to train: no round waits for a training.")
