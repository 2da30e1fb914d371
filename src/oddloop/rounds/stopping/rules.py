"""The rules that `[stop]` sets, each asked with what the workspace and the ledger know.

Only rules that are set read anything. Time and memory are those of the costliest: `kappa` reads the last two models'
classes, the plateau resamples the held-out logs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from oddloop.config import StopConfig
from oddloop.lake.derived import Derived
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import Workspace
from oddloop.rounds.diagnosis import run_diagnosis
from oddloop.rounds.ledger import Ledger
from oddloop.rounds.propose import score_column_of
from oddloop.rounds.state import RoundState
from oddloop.rounds.stopping.agreement import compare_classes, compare_ranks
from oddloop.rounds.stopping.progress import ask_plateau, ask_small_gain, ask_worth
from oddloop.rounds.train_due import labelled_scenes
from oddloop.select import stopping
from oddloop.select.stopping import Answer
from oddloop.tables import SCENES, is_held_out


@dataclass(frozen=True)
class Question:
    """What a rule may look at.

    Attributes:
        workspace: the workspace.
        ledger: its ledger.
        rounds: all rounds so far, oldest first, none of them open.
        stages: the stages' folders of this run.
        proposal: what the next round would be; None before its picks are made, when rules on them are not asked.
        now_ns: now, ns since the Unix epoch.
    """

    workspace: Workspace
    ledger: Ledger
    rounds: list[RoundState]
    stages: Mapping[str, Derived]
    proposal: Mapping[str, Any] | None
    now_ns: int

    @property
    def done(self) -> list[RoundState]:
        """The rounds without round zero."""
        return [state for state in self.rounds if state.number]

    @property
    def stop(self) -> StopConfig:
        """The rules."""
        return self.workspace.config.stop


def ask(question: Question) -> list[Answer]:
    """What each rule that is set says, in the order of the settings."""
    rules = _RULES if question.proposal is not None else [r for r in _RULES if r not in _OF_PICKS]
    return [rule(question) for is_set, rule in rules if is_set(question.stop)]


def needs_picks(stop: StopConfig) -> bool:
    """Whether a rule is set that looks at what would be picked, or from what.

    >>> needs_picks(StopConfig(rounds=3)), needs_picks(StopConfig(budget=10.0))
    (False, True)
    """
    return any(is_set(stop) for is_set, _ in _OF_PICKS)


def _budget(question: Question) -> Answer:
    spent = [state.labels.get("cost") for state in question.done]
    costs = [s.cost if cost is None else cost for s, cost in zip(question.done, spent, strict=True)]
    unit = question.workspace.config.cost.unit
    next_cost, limit = (question.proposal or {}).get("cost", 0.0), question.stop.budget or 0.0
    return stopping.stop_at_budget(sum(costs), next_cost, limit, unit, len(costs), spent.count(None))


def _hours(question: Question) -> Answer:
    first = question.done[:1]
    events = question.ledger.events(first[0].round_id) if first else []
    first_ns = next((event.at_ns for event in events if event.kind == "proposed"), None)
    return stopping.stop_at_hours(question.now_ns, first_ns, question.stop.hours or 0.0)


def _share(question: Question) -> Answer:
    scenes = read_table(question.workspace.table("scenes"), SCENES)
    n_pool = scenes.num_rows - int(pc.sum(is_held_out(scenes)).as_py() or 0)
    n_labelled = labelled_scenes(question.workspace).num_rows
    return stopping.stop_at_share(n_labelled, n_pool, question.stop.labelled_share or 1.0)


def _low_scores(question: Question) -> Answer:
    candidates = question.stages["select"].storage.read_table("candidates.parquet")
    scores = candidates.filter(candidates["score_valid"])["score"].to_numpy()
    threshold, limit = question.stop.uncertain_score or 0.0, question.stop.uncertain_share
    return stopping.stop_at_low_scores(scores, score_column_of(candidates), threshold, limit)


def _targets(question: Question) -> Answer:
    found = run_diagnosis(question.workspace, question.stages["coverage"].digest).storage
    keys = ["segment_id", "model_id", "metric"]
    verdicts = found.read_table("verdicts.parquet").select([*keys, "verdict"])
    gaps = found.read_table("gaps.parquet").select([*keys, "support"])
    joined = verdicts.join(gaps, keys, join_type="inner").sort_by([(key, "ascending") for key in keys])
    return stopping.stop_at_targets(joined["verdict"].to_pylist(), joined["support"].to_numpy())


_Rule = tuple[Callable[[StopConfig], bool], Callable[[Question], Answer]]
_BUDGET: _Rule = (lambda stop: stop.budget is not None, _budget)
_UNCERTAIN: _Rule = (lambda stop: stop.uncertain_score is not None, _low_scores)
_KAPPA: _Rule = (
    lambda stop: stop.kappa is not None,
    lambda q: compare_classes(q.workspace, q.rounds, q.stages["select"]),
)
_RANKS: _Rule = (lambda stop: stop.rank_agreement is not None, lambda q: compare_ranks(q.workspace, q.done, q.stages))
_OF_PICKS = (_BUDGET, _UNCERTAIN, _KAPPA, _RANKS)
"""Rules that look at candidates or picks."""
_RULES: tuple[_Rule, ...] = (
    _BUDGET,
    (lambda stop: stop.rounds is not None, lambda q: stopping.stop_at_rounds(len(q.done), q.stop.rounds or 0)),
    (lambda stop: stop.hours is not None, _hours),
    (lambda stop: bool(stop.until), lambda q: stopping.stop_at_time(q.now_ns, q.stop.until_ns or 0, q.stop.until)),
    (lambda stop: stop.labelled_share is not None, _share),
    (lambda stop: stop.plateau_rounds is not None, lambda q: ask_plateau(q.workspace, q.rounds)),
    (lambda stop: stop.gain_under_noise, lambda q: ask_small_gain(q.workspace, q.rounds)),
    (lambda stop: stop.gain_per_cost is not None, lambda q: ask_worth(q.workspace, q.rounds)),
    _UNCERTAIN,
    _KAPPA,
    _RANKS,
    (lambda stop: stop.targets_met, _targets),
)
"""Whether a rule is set, and how it is asked, in the order of the settings."""
