"""Weigh the newest evaluated round, and record in the ledger what the evidence says: the event `evidence`.

The table LIFTS lies in `derived/evidence/<digest>/`; the event holds the sentence and its numbers. It is recorded again
only where there is something else to weigh, such as a control arm that has come as far. A training that fails costs the
evidence of this run, never the run: the next one tries again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage import Encoded, encode_scene_values
from oddloop.derived_tables import LIFTS
from oddloop.lake.derived import Derived, Recipe, derive
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.evidence.arm_rounds import arm_rounds, control_rounds, metric_to_follow
from oddloop.rounds.evidence.costs import label_costs, total
from oddloop.rounds.evidence.equal_cost import ArmRound, Side, at_equal_cost
from oddloop.rounds.evidence.halves import HALVES_FILE, PickedScenes, picked_scenes, run_halves
from oddloop.rounds.evidence.lifts import Better, compare_sides, lifts_table
from oddloop.rounds.evidence.payload import describe
from oddloop.rounds.evidence.within import arms_within
from oddloop.rounds.paired import compare_rounds
from oddloop.rounds.shell import Shell
from oddloop.rounds.stages.context import make_generator
from oddloop.rounds.state import RoundState
from oddloop.rounds.train_hook import LABELLED_FILE, trained_folder
from oddloop.tables import SCENES

LIFTS_FILE = "lifts.parquet"


@dataclass(frozen=True)
class Case:
    """What is weighed.

    Attributes:
        workspace: the policy's arm.
        rounds: its evaluated rounds, oldest first, the one that is weighed last.
        metric: the metric that is followed.
        labelled: scene_id, log_id, round_id and cost of what the round's model was trained on.
        picked: the same as base and picks.
        costs: cost of each labelled scene.
        n_assumed: of how many the real cost is not known.
    """

    workspace: Workspace
    rounds: Sequence[RoundState]
    metric: str
    labelled: pa.Table
    picked: PickedScenes
    costs: Mapping[str, float]
    n_assumed: int

    @property
    def state(self) -> RoundState:
        """The round that is weighed."""
        return self.rounds[-1]

    @property
    def better(self) -> Better:
        """The metric's direction."""
        return self.workspace.config.metrics[self.metric].better

    def cost_record(self) -> dict[str, Any]:
        """What the ledger keeps of costs."""
        parts = {"base": total(self.costs, self.picked.base), "picks": total(self.costs, self.picked.picks)}
        return {**parts, "n_picks": len(self.picked.picks), "n_assumed": self.n_assumed}

    @staticmethod
    def of(workspace: Workspace, rounds: Sequence[RoundState]) -> Case | None:
        """The newest evaluated round's case; None where none was evaluated by a metric that has a direction."""
        evaluated = [state for state in rounds if state.evaluation]
        metric = metric_to_follow(workspace, evaluated[-1]) if evaluated else ""
        folder = trained_folder(workspace, evaluated[-1]) if metric else None
        if folder is None or not folder.exists(LABELLED_FILE):
            return None
        labelled = folder.read_table(LABELLED_FILE)
        costs, n_assumed = label_costs(labelled, rounds)
        return Case(workspace, evaluated, metric, labelled, picked_scenes(labelled), costs, n_assumed)


def weigh(workspace: Workspace, rounds: Sequence[RoundState], shell: Shell) -> dict[str, Any] | None:
    """Payload of the `evidence` event of the newest evaluated round; None where there is nothing to weigh.

    Args:
        workspace: the workspace, held.
        rounds: all its rounds.
        shell: where to tell of progress.

    Raises:
        TrainError: a training on a half of the picks failed; those that ended before stay.
    """
    case = Case.of(workspace, rounds)
    if case is None:
        return None
    halves = _halves(case, shell, case.picked)
    if halves is None and not case.state.number:
        return None  # no picks, and nothing that a forecast could use
    sides, source = _sides(case, shell, halves)
    content = [case.metric, halves.digest if halves else "", source, _told(sides), case.cost_record()]
    inputs = {"compared": digest_of(content), **_coverage_inputs(case)}
    recipe = Recipe("evidence", inputs, {"better": case.better}, seed=workspace.config.workspace.seed)
    derived = derive(workspace.storage, recipe, lambda out: _write(case, sides, source, out))
    lifts = derived.storage.read_table(LIFTS_FILE)
    digests = {"digest": derived.digest, "halves": halves.digest if halves else "", "costs": case.cost_record()}
    return digests | describe(case.rounds, case.metric, lifts, sides, source, workspace.config)


def _halves(case: Case, shell: Shell, picked: PickedScenes) -> Derived | None:
    config = case.workspace.config
    if not config.evidence.splits or not config.train.command:
        return None
    return run_halves(case.workspace, shell, case.labelled, picked)


def _sides(case: Case, shell: Shell, halves: Derived | None) -> tuple[tuple[Side, Side] | None, str]:
    """The two arms at one cost, and where the other one is from: `control`, `within` or ""."""
    config = case.workspace.config.evidence
    if halves is None or not case.state.number:
        return None, ""
    if config.control:
        control = control_rounds(Workspace.open(case.workspace.resolve(config.control)))
        before = arm_rounds(case.workspace, case.rounds[:-1])
        return at_equal_cost([*before, _arm_round(case, halves, case.picked)], control), "control"
    if config.within:
        return _sides_within(case, shell), "within"
    return None, ""


def _sides_within(case: Case, shell: Shell) -> tuple[Side, Side] | None:
    arms = arms_within(case.rounds, case.picked, case.costs)
    if arms is None:
        return None
    made = [(picked, _halves(case, shell, picked)) for picked in (arms.policy, arms.control)]
    rounds = [_arm_round(case, halves, picked) for picked, halves in made if halves is not None]
    return Side(rounds[0], rounds[0], 0.0), Side(rounds[1], rounds[1], 0.0)


def _arm_round(case: Case, halves: Derived, picked: PickedScenes) -> ArmRound:
    metrics = halves.storage.read_table(HALVES_FILE)
    return ArmRound(case.state.round_id, total(case.costs, picked.picks), metrics, len(picked.picks), halves.digest)


def _told(sides: tuple[Side, Side] | None) -> list[Any]:
    """What a side is, as plain values: its rounds, costs, and the digest of their models."""
    both = [(side.share, one) for side in sides or () for one in (side.first, side.second)]
    return [[share, one.round_id, one.cost, one.n_picks, one.digest] for share, one in both]


def _coverage_inputs(case: Case) -> dict[str, str]:
    last = case.rounds[-2:]
    return {f"coverage_{state.round_id}": str(state.evaluation["coverage_digest"]) for state in last}


def _write(case: Case, sides: tuple[Side, Side] | None, source: str, out: Storage) -> dict[str, int]:
    parts = [LIFTS.empty()]
    if len(case.rounds) > 1:
        parts.append(_change(case))
    if sides is not None:
        scenes, encoded = _encoded(case)
        parts.append(compare_sides(source, sides, case.metric, case.better, scenes, encoded))
    table = pa.concat_tables(parts)
    out.write_table(LIFTS_FILE, table)
    return {"lifts": table.num_rows}


def _change(case: Case) -> pa.Table:
    """LIFTS of the round's model against the one before, paired by scene, with intervals over whole logs."""
    rng = make_generator(case.workspace.config.workspace.seed, "evidence")
    found = compare_rounds(case.workspace, case.rounds[-1], case.rounds[-2], case.metric, rng)
    sign = -1 if case.better == "lower" else 1
    low, high = (pc.multiply(found[name], sign) for name in ("ci_low", "ci_high"))
    n, nothing = found.num_rows, pa.nulls(found.num_rows, pa.float64())
    columns: dict[str, Any] = {
        "comparison": ["previous"] * n,
        "metric": [case.metric] * n,
        "segment_id": found["segment_id"].combine_chunks(),
        "value": found["first_value"].combine_chunks(),
        "other_value": found["second_value"].combine_chunks(),
        "lift": pc.multiply(found["difference"], sign).combine_chunks(),
        "ci_low": (low if sign > 0 else high).combine_chunks(),
        "ci_high": (high if sign > 0 else low).combine_chunks(),
        **dict.fromkeys(("luck", "held_out", "freedom", "p_value", "q_value"), nothing),
        "n_scenes": found["n_scenes"].combine_chunks(),
        "n_logs": found["n_logs"].combine_chunks(),
    }
    return lifts_table(columns)


def _encoded(case: Case) -> tuple[pa.Table, Encoded]:
    """scene_id and log_id of the scenes that coverage saw when the round was evaluated, and their attributes."""
    folder = case.workspace.storage.sub(f"derived/coverage/{case.state.evaluation['coverage_digest']}")
    values = folder.read_table("scene_values.parquet")
    scenes = read_table(case.workspace.table("scenes"), SCENES, ["scene_id", "log_id"])
    place = pc.index_in(values["scene_id"].combine_chunks(), value_set=scenes["scene_id"].combine_chunks())
    known = pc.is_valid(place)
    return scenes.take(place.drop_null()), encode_scene_values(values.filter(known))
