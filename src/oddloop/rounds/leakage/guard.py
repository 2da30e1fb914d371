"""Ask the rules of `[leakage]` before a training: refuse it, leave scenes out of it, or say what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import LeakageConfig
from oddloop.errors import LeakageError
from oddloop.ids import Ids, id_array
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import Workspace
from oddloop.rounds.leakage.find import Leak, find_copies, find_neighbours, find_shared_logs
from oddloop.rounds.ledger import read_rounds
from oddloop.rounds.state import RoundState
from oddloop.tables import LABELS, SCENES, is_held_out, refuse_unknown_splits

_COLUMNS = ("scene_id", "log_id", "vehicle_id", "start_ns", "duration_s", "split")
_SHOWN = 5
"""Pairs that a message names, and a record keeps."""
_WHAT = {
    "logs": "of the log of a held-out scene",
    "neighbours": "of the log or vehicle of a held-out scene, at most {gap_s:g} s from it",
    "near_duplicates": "nearly the same as a held-out scene",
}
_CURE = (
    "Hold out whole logs: give all scenes of a log, and of drives that follow each other, one `split` in `scenes`. "
    'Or set [leakage] {rules} = "leave_out" to train without these scenes, or to "warn" or "allow" to train on them, '
    "which flatters the model"
)


@dataclass(frozen=True)
class Guarded:
    """A training set that the rules let pass.

    Attributes:
        labelled: the scenes to train on, without those that were left out.
        leaks: what was found by rules that say `leave_out` or `warn`.
        rules: what each rule says.
    """

    labelled: pa.Table
    leaks: tuple[Leak, ...]
    rules: LeakageConfig

    def to_json(self) -> dict[str, Any]:
        """For the ledger: by rule what it says, how many scenes it concerns, and the first pairs."""
        return {
            leak.rule: {"rule": getattr(self.rules, leak.rule), "n_scenes": len(leak), "pairs": _pairs(leak)}
            for leak in self.leaks
        }


def guard_training(workspace: Workspace, labelled: pa.Table, rounds: Sequence[RoundState] = ()) -> Guarded:
    """The scenes to train on, once every rule of `[leakage]` was asked.

    Args:
        workspace: the workspace; its `scenes` say what is held out.
        labelled: scenes to train on, with `scene_id`.
        rounds: the last one with picks says where near-duplicates were found; before it none are known.

    Raises:
        LeakageError: a rule that says `refuse` found a pair, or `leave_out` leaves nothing; nothing is changed.
    """
    rules = workspace.config.leakage
    found = [leak for leak in find_leaks(workspace, labelled["scene_id"], rounds) if len(leak)]
    refused = [leak for leak in found if getattr(rules, leak.rule) == "refuse"]
    if refused:
        raise LeakageError(_refusal(workspace, refused, rules))
    left_out = [leak.training for leak in found if getattr(rules, leak.rule) == "leave_out"]
    if left_out:
        out = pc.is_in(labelled["scene_id"], value_set=pa.concat_arrays(left_out).cast(labelled["scene_id"].type))
        labelled = labelled.filter(pc.invert(out)).combine_chunks()
        if not labelled.num_rows:
            place = workspace.storage.url
            raise LeakageError(f"{place}: [leakage] leaves out every labelled scene; hold out whole logs instead")
    return Guarded(labelled, tuple(found), rules)


def find_leaks(workspace: Workspace, scene_ids: Ids, rounds: Sequence[RoundState] = ()) -> list[Leak]:
    """What each rule finds that does not say `allow`; see `guard_training`."""
    scenes, rules = read_table(workspace.table("scenes"), SCENES, _COLUMNS), workspace.config.leakage
    refuse_unknown_splits(scenes)
    held_out = scenes.filter(is_held_out(scenes))
    wanted = pc.is_in(scenes["scene_id"], value_set=id_array(scene_ids).cast(scenes["scene_id"].type))
    training = scenes.filter(pc.and_(wanted, pc.invert(is_held_out(scenes))))
    found = []
    if rules.logs != "allow":
        found.append(find_shared_logs(training, held_out))
    if rules.neighbours != "allow":
        found.append(find_neighbours(training, held_out, rules.gap_s))
    duplicates = None if rules.near_duplicates == "allow" else _near_duplicates(workspace, rounds)
    if duplicates is not None:
        found.append(find_copies(training, held_out, duplicates, rules.cosine))
    return found


def check_leakage(workspace: Workspace) -> list[Leak]:
    """What the rules find among all labelled scenes now; rules that find nothing are left out."""
    labels = read_table(workspace.table("labels"), LABELS, ["scene_id"])
    return [leak for leak in find_leaks(workspace, labels["scene_id"], read_rounds(workspace)) if len(leak)]


def describe_leak(leak: Leak, rules: LeakageConfig) -> str:
    """One line: how many scenes, what of, and the first pairs."""
    pairs = [f"`{a}` (held out: `{b}`)" for a, b in _pairs(leak)]
    more = f" and {len(leak) - len(pairs):,} more" if len(leak) > len(pairs) else ""
    scenes = "1 scene is" if len(leak) == 1 else f"{len(leak):,} scenes are"
    return f"{leak.rule}: {scenes} {_WHAT[leak.rule].format(gap_s=rules.gap_s)}: {', '.join(pairs)}{more}"


def _near_duplicates(workspace: Workspace, rounds: Sequence[RoundState]) -> pa.Table | None:
    """What the last discovery that a round refers to found; None where there is none (any more)."""
    for state in reversed(rounds):
        digest = state.proposal.get("stages", {}).get("discover")
        file = f"derived/discover/{digest}/near_duplicates.parquet"
        if digest and workspace.storage.exists(file):
            return workspace.storage.read_table(file)
    return None


def _refusal(workspace: Workspace, refused: list[Leak], rules: LeakageConfig) -> str:
    heading = f"{workspace.storage.url}: scenes to train on are too close to held-out ones; nothing was trained"
    lines = [f"  {describe_leak(leak, rules)}" for leak in refused]
    return "\n".join([heading, *lines, f"  {_CURE.format(rules=', '.join(leak.rule for leak in refused))}"])


def _pairs(leak: Leak) -> list[list[str]]:
    """The first pairs: the scene to train on, and the held-out one."""
    return [list(p) for p in zip(leak.training[:_SHOWN].to_pylist(), leak.held_out[:_SHOWN].to_pylist(), strict=True)]
