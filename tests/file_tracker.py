"""A tracker of a team's own: a JSON file per round; and one that cannot be made."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from oddloop.config import TrackerConfig
from oddloop.rounds.tracking import Loop, Promotion, RoundRecord


class FileTracker:
    """Keeps a file per round in the folder that `[tracker] options` names.

    A file `down` there stands for an outage; one called `die` has it killed after it has done its work.
    """

    def __init__(self, config: TrackerConfig, loop: Loop) -> None:
        self.folder = Path(config.options["folder"]) / loop.loop_id

    def push_round(self, record: RoundRecord) -> str:
        self._write(record.round_id, {"status": record.status, "seq": record.seq, **dict(record.metrics)})
        return f"{record.round_id}.json"

    def push_promotion(self, promotion: Promotion) -> str:
        self._write("in_service", {"model_id": promotion.model_id, "why": promotion.why})
        return "in_service.json"

    def _write(self, name: str, content: dict[str, object]) -> None:
        if (self.folder.parent / "down").exists():
            raise ConnectionError("http://me:hunter2@tracker:5000 refused the connection\nsecond line")
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{name}.json").write_text(json.dumps(content))
        with (self.folder / "calls.txt").open("a") as file:
            file.write(f"{name} {content.get('seq', '')}\n")
        if (self.folder.parent / "die").exists():
            os.kill(os.getpid(), signal.SIGKILL)


class NoTracker:
    """Cannot be made."""

    def __init__(self, config: TrackerConfig, loop: Loop) -> None:
        raise SystemExit(3)
