"""How the demo's picks become labels: approved, sent as Label Studio tasks, answered by the simulation, received.

The simulation knows the futures of every scene, and a clock says how long an annotator would have needed: the predicted
cost at the hourly rate of the settings.
"""

from __future__ import annotations

import contextlib
import json

from oddloop.demo.annotator import annotate
from oddloop.lake.workspace import Workspace
from oddloop.rounds.labelling import receive_file, send_files
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.review import finish
from oddloop.rounds.shell import Shell

TOOL = "label-studio"
COST_PER_HOUR = 30.0
"""In the demo's cost unit, EUR."""


def label_round(workspace: Workspace, round_id: str, shell: Shell) -> int:
    """Approve a round's picks, send them, answer the tasks and take the answers; returns the number of scenes."""
    with contextlib.closing(open_ledger(workspace)) as ledger:
        if ledger.round(round_id).status == "proposed":
            finish(ledger, round_id, shell.stamp(), approve_rest=True)
        picks = ledger.round(round_id).picks
    send_files(workspace, TOOL, shell.stamp(), round_id=round_id)
    folder = workspace.storage.sub(f"rounds/{round_id}/{TOOL}")
    seconds = {str(pick["scene_id"]): pick["cost"] / COST_PER_HOUR * 3600.0 for pick in picks}
    answers = annotate(json.loads(folder.read_bytes("tasks.json")), seconds_by_scene=seconds)
    folder.write_bytes("export.json", json.dumps(answers).encode())
    return len(receive_file(workspace, folder.local_path("export.json"), shell.stamp(), tool=TOOL).new)
