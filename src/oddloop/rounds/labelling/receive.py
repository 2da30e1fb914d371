"""Take a delivery: finished scenes become objects and labels, the rest stays open, and what is known stays as it is.

All of a delivery is checked before anything is written. Objects are written before labels, and a scene counts as
labelled by its row in `labels` alone: a run that was killed in between is finished by the same delivery again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from oddloop.exchange.labelling.delivery import Delivery, Sent
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.lock import locked
from oddloop.lake.replace import refuse_unwritable
from oddloop.lake.workspace import Workspace
from oddloop.rounds.costs import read_paid
from oddloop.rounds.labelling.finished import FinishedScene, finished_scenes, refuse_strange_classes
from oddloop.rounds.labelling.objects import is_same, replace_costs, stored_objects, write_objects
from oddloop.rounds.labelling.prepare import known_classes
from oddloop.rounds.labelling.sent import read_sent
from oddloop.rounds.labels import receive_labels
from oddloop.rounds.ledger import Author, Ledger, open_ledger
from oddloop.rounds.state import RoundState

_UNTOLD: Mapping[str, float] = {}


@dataclass(frozen=True)
class Taken:
    """What became of a delivery, by scene id.

    Attributes:
        tool: whose delivery it was.
        new: labelled now.
        unchanged: labelled before, and said to be the same.
        corrected: labelled before, and now said to be otherwise; taken only where `replaced`.
        replaced: whether corrections were taken.
        skipped: looked at and left without labels, all of it.
        n_open: scenes of which something is not answered yet.
        n_objects: objects that were written.
        n_foreign: items of the tool that were not sent from here.
        cost: real cost of the scenes in `new`; None where one is not known.
    """

    tool: str
    new: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    corrected: tuple[str, ...] = ()
    replaced: bool = False
    skipped: tuple[str, ...] = ()
    n_open: int = 0
    n_objects: int = 0
    n_foreign: int = 0
    cost: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain content for `--json`."""
        return asdict(self)

    @property
    def sentence(self) -> str:
        """What was taken, for people."""
        parts = [f"{len(self.new)} scenes are labelled now, with {self.n_objects:,} objects"]
        if self.unchanged:
            parts.append(f"{len(self.unchanged)} are as they were")
        if self.corrected:
            what = (
                "were replaced"
                if self.replaced
                else "differ from what is stored and were left as they are; to take them, give --replace"
            )
            parts.append(f"{len(self.corrected)} ({', '.join(self.corrected[:3])}) {what}")
        if self.skipped:
            parts.append(f"{len(self.skipped)} were skipped")
        parts.append(f"{self.n_open} are open")
        return "; ".join(parts)


def receive(
    workspace: Workspace,
    author: Author,
    read: Callable[[Sent, Ledger], Delivery],
    *,
    replace_known: bool = False,
    times_s: Mapping[str, float] = _UNTOLD,
) -> Taken:
    """Read a delivery and take it, holding the workspace.

    Args:
        workspace: the workspace.
        author: who takes it.
        read: reads the delivery; it is given what was sent, and the ledger.
        replace_known: take corrections of scenes that have labels already.
        times_s: what scenes took, in s, where the tool itself does not say it.

    Raises:
        LabellingError: the delivery is faulty, or nothing was sent; nothing was written.
    """
    with locked(workspace.storage), contextlib.closing(open_ledger(workspace)) as ledger:
        rounds = ledger.rounds()
        sent = read_sent(workspace, rounds)
        return take(workspace, read(sent, ledger), sent, ledger, author, replace_known=replace_known, times_s=times_s)


def take(
    workspace: Workspace,
    delivery: Delivery,
    sent: Sent,
    ledger: Ledger,
    author: Author,
    *,
    replace_known: bool = False,
    times_s: Mapping[str, float] = _UNTOLD,
) -> Taken:
    """Take a delivery that was read; hold the workspace's lock around it.

    Raises:
        LabellingError: it has classes that the workspace does not know; nothing was written.
    """
    refuse_unwritable(workspace, ["objects", "labels"])
    refuse_strange_classes(delivery, known_classes(workspace))
    scenes, n_open = finished_scenes(delivery, sent, workspace.config, times_s)
    sorted_out = _sort_out(workspace, scenes)
    ids = {name: tuple(scene.scene_id for scene in found) for name, found in sorted_out.items()}
    wanted = [*sorted_out["new"], *(sorted_out["corrected"] if replace_known else ())]
    write_objects(workspace, wanted)
    _label(workspace, sorted_out["new"], ledger.rounds(), author)
    if replace_known and sorted_out["corrected"]:
        known = {s.scene_id: s.cost for s in sorted_out["corrected"] if s.cost is not None}
        replace_costs(workspace, known)  # what was paid stays known where a correction tells no time
    _record(ledger, author, delivery.tool, wanted, sorted_out["skipped"])
    costs = [s.cost for s in sorted_out["new"]]
    return Taken(
        delivery.tool,
        ids["new"],
        ids["unchanged"],
        ids["corrected"],
        replace_known,
        ids["skipped"],
        n_open,
        sum(len(s.rows) for s in wanted),
        delivery.n_foreign,
        None if None in costs or not costs else sum(c for c in costs if c is not None),
    )


def _sort_out(workspace: Workspace, scenes: Sequence[FinishedScene]) -> dict[str, list[FinishedScene]]:
    paid = read_paid(workspace)
    labelled = dict(zip(paid["scene_id"].to_pylist(), paid["cost"].to_pylist(), strict=True))
    stored = stored_objects(workspace, scenes)
    found: dict[str, list[FinishedScene]] = {name: [] for name in ("new", "unchanged", "corrected", "skipped")}
    for scene in scenes:
        is_known = scene.scene_id in labelled
        if is_known and is_same(scene, stored[scene.scene_id]) and scene.cost in (None, labelled[scene.scene_id]):
            found["unchanged"].append(scene)
        elif is_known:
            found["corrected"].append(scene)
        else:
            found["skipped" if scene.is_skipped else "new"].append(scene)
    return found


def _label(workspace: Workspace, scenes: Sequence[FinishedScene], rounds: Sequence[RoundState], author: Author) -> None:
    for state in rounds:
        mine = [scene for scene in scenes if scene.round_id == state.round_id]
        if mine:
            ids = pa.array([s.scene_id for s in mine], pa.string())
            costs = pa.array([s.cost for s in mine], pa.float64())
            receive_labels(workspace, pa.table({"scene_id": ids, "cost": costs}), state, at_ns=author.at_ns)


def _record(
    ledger: Ledger, author: Author, tool: str, taken: Sequence[FinishedScene], skipped: Sequence[FinishedScene]
) -> None:
    """Record per round what was taken, and what was skipped that was not before; nothing new records nothing."""
    for round_id in sorted({scene.round_id for scene in (*taken, *skipped)}):
        mine = [scene for scene in taken if scene.round_id == round_id]
        before = ledger.round(round_id).skipped
        left = sorted(s.scene_id for s in skipped if s.round_id == round_id and s.scene_id not in before)
        if not mine and not left:
            continue
        payload = {
            "tool": tool,
            "scenes": {scene.scene_id: {"cost": scene.cost, "n_objects": len(scene.rows)} for scene in mine},
            "skipped_frames": {scene.scene_id: list(scene.skipped) for scene in mine if scene.skipped},
            "skipped": left,
        }
        rows = [[dict(row) for row in scene.rows] for scene in mine]
        ledger.append(round_id, "received", payload, key=digest_of([payload, rows]), author=author)
