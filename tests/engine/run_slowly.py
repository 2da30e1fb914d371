"""Run the stages of a workspace in a process of its own: `python -m engine.run_slowly WORKSPACE UNTIL PAUSE_S`.

Each task takes so much longer. Prints as JSON each step's digest and counts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from engine.tasks import Slow
from oddloop.engine import Engine, open_engine
from oddloop.engine.base import Item, OnDone, Result
from oddloop.errors import OddloopError
from oddloop.lake import Workspace
from oddloop.rounds.run import run_stages
from oddloop.rounds.shell import Shell, Step


@dataclass(frozen=True)
class SlowEngine:
    """Another engine, with slower tasks."""

    engine: Engine
    pause_s: float

    def map(self, task: object, items: Sequence[Item], on_done: OnDone | None = None) -> list[Result]:
        return self.engine.map(Slow(task, self.pause_s), items, on_done)  # type: ignore[arg-type]


def main(url: str, until: str, pause_s: float) -> None:
    workspace = Workspace.open(url)
    engine = SlowEngine(open_engine(workspace.config.engine), pause_s)
    steps: list[Step] = []
    run_stages(workspace, Shell("tester", engine, now_ns=lambda: 1, on_step=steps.append), until=until)
    print(json.dumps({step.name: {**step.detail, "digest": step.digest} for step in steps}))


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
    except OddloopError as error:
        sys.exit(f"{type(error).__name__}: {error}")
