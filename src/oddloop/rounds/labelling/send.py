"""Send a round to a labelling tool as files.

The file of all units is written first, then what the tool gets, then the ledger's `sent` event: a run that was killed
in between is simply repeated. The same picks sent again to the same place add nothing.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from oddloop.errors import LabellingError, LedgerError
from oddloop.exchange.labelling import coco, cvat, label_studio, sheets
from oddloop.exchange.labelling.batch import Batch
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.lock import locked
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.labelling.prepare import prepare_batch
from oddloop.rounds.labelling.sent import batch_digest, write_units
from oddloop.rounds.ledger import Author, Ledger, open_ledger
from oddloop.rounds.required import refuse_to_send
from oddloop.rounds.state import BEFORE_LABELS, newest_open


@dataclass(frozen=True)
class Sending:
    """What was sent.

    Attributes:
        tool, round_id: where to, and what.
        n_scenes, n_units, n_boxes: picked scenes; frames (or scenes without images); pre-labels.
        place: the folder, or the tool's URL.
        project: the tool's project or task; "" for files.
        is_new: whether the ledger did not have it yet.
    """

    tool: str
    round_id: str
    n_scenes: int
    n_units: int
    n_boxes: int
    place: str
    project: str
    is_new: bool

    def to_json(self) -> dict[str, Any]:
        """Plain content for `--json`."""
        return asdict(self)


def send_files(workspace: Workspace, tool: str, author: Author, *, folder: str = "", round_id: str = "") -> Sending:
    """Write the tasks of a round for a labelling tool, and record that they were sent.

    Args:
        workspace: the workspace.
        tool: `label-studio`, `cvat`, `coco` or `csv`.
        author: who sends.
        folder: where to; "" is `rounds/<round_id>/<tool>` in the workspace.
        round_id: the round; "" is the open one.

    Raises:
        LabellingError: there is no such tool, or the tool cannot take the round; nothing was recorded.
        LedgerError: no round waits for labels.
    """
    if tool not in MAKERS:
        raise LabellingError(f"no labelling tool is called {tool!r}; there are: {', '.join(MAKERS)}")
    with locked(workspace.storage), contextlib.closing(open_ledger(workspace)) as ledger:
        batch = batch_to_send(workspace, ledger, round_id)
        contents = MAKERS[tool](batch, workspace)
        digest = write_units(workspace, batch)
        target = Storage.open(folder) if folder else workspace.storage.sub(f"rounds/{batch.round_id}/{tool}")
        for name, content in contents.items():
            target.write_bytes(name, content.encode())
        return record_sent(ledger, batch, author, tool=tool, digest=digest, place=target.url if folder else "")


def batch_to_send(workspace: Workspace, ledger: Ledger, round_id: str) -> Batch:
    """The picks of a round that waits for labels.

    Raises:
        LedgerError: there is no such round, none of it waits for labels, or its review is not finished.
    """
    rounds = ledger.rounds()
    state = ledger.round(round_id) if round_id else newest_open(rounds)
    if state is None or state.status not in BEFORE_LABELS:
        what = f"round {state.round_id} is {state.status}" if state else "no round is open"
        raise LedgerError(f"{what}, so there is nothing to send; `oddloop run` proposes the next round")
    refuse_to_send(workspace, state)
    return prepare_batch(workspace, state, rounds)


def record_sent(
    ledger: Ledger,
    batch: Batch,
    author: Author,
    *,
    tool: str,
    digest: str,
    place: str = "",
    project: str = "",
    jobs: Mapping[str, Any] | None = None,
) -> Sending:
    """Record that a batch was sent; the same batch to the same place is recorded once."""
    payload = {"tool": tool, "project": project, "url": place, "jobs": dict(jobs or {}), "digest": digest}
    key = digest_of([tool, place, project, digest])
    before = ledger.round(batch.round_id).n_events
    ledger.append(batch.round_id, "sent", payload, key=key, author=author)
    is_new = ledger.round(batch.round_id).n_events > before
    n_boxes = sum(len(frame.boxes) for _, frame in batch.frames())
    n_units = len(batch.units())
    shown = place or f"rounds/{batch.round_id}/{tool}"
    return Sending(tool, batch.round_id, len(batch.scenes), n_units, n_boxes, shown, project, is_new)


def _label_studio(batch: Batch, _workspace: Workspace) -> dict[str, str]:
    return {
        "tasks.json": _json(label_studio.make_tasks(batch)),
        "label_config.xml": label_studio.label_config(batch) + "\n",
    }


def _cvat(batch: Batch, workspace: Workspace) -> dict[str, str]:
    digest = batch_digest(batch)
    request = cvat.task_request(batch, digest)
    # A server gives its own ids to labels; here they are numbered in their order.
    ids = cvat.LabelIds.of(cvat.labels_of(batch))
    storage = workspace.config.labelling.cloud_storage_id
    return {
        "task.json": _json(request),
        "data.json": _json(cvat.data_request(batch, cloud_storage_id=storage)),
        "manifest.jsonl": cvat.manifest(batch),
        "annotations.xml": "".join(cvat.annotations_xml(batch, digest)),
        "annotations.json": _json(cvat.annotations_json(batch, ids)),
    }


def _coco(batch: Batch, _workspace: Workspace) -> dict[str, str]:
    return {"annotations.json": _json(coco.make_dataset(batch)), "manifest.json": _json(coco.make_sidecar(batch))}


def _csv(batch: Batch, _workspace: Workspace) -> dict[str, str]:
    return {"manifest.csv": sheets.make_manifest(batch), "boxes.csv": sheets.make_boxes(batch)}


MAKERS: Mapping[str, Callable[[Batch, Workspace], dict[str, str]]] = {
    label_studio.TOOL: _label_studio,
    cvat.TOOL: _cvat,
    coco.TOOL: _coco,
    sheets.TOOL: _csv,
}
"""What each tool gets, file name by file name."""


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
