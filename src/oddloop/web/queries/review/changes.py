"""How a round's picks differ from those of the round before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oddloop.rounds.state import RoundState
from oddloop.web.queries.review.scenes import Values, values_of
from oddloop.web.store import View

_SETTINGS = ("model_id", "policy", "policy_source", "score", "budget")


@dataclass(frozen=True)
class Kind:
    """A condition or a rule, and how many picks of it there are in this round and in the one before."""

    name: str
    now: int
    before: int


@dataclass(frozen=True)
class Setting:
    """A setting that is not what it was in the round before."""

    name: str
    now: str
    before: str


@dataclass(frozen=True)
class Changes:
    """This round against the one before.

    `kinds` are single conditions, `rules` the codes of the picks' first reasons, both with the largest change first;
    `again` are scenes that were picked before and are picked again.
    """

    round_id: str
    n_now: int
    n_before: int
    again: tuple[str, ...]
    kinds: tuple[Kind, ...]
    rules: tuple[Kind, ...]
    settings: tuple[Setting, ...]

    @property
    def new(self) -> tuple[Kind, ...]:
        """Conditions that the round before had no pick of."""
        return tuple(kind for kind in self.kinds if not kind.before)

    @property
    def gone(self) -> tuple[Kind, ...]:
        """Conditions that this round has no pick of any more."""
        return tuple(kind for kind in self.kinds if not kind.now)


def read_changes(
    view: View, state: RoundState, picks: Sequence[Mapping[str, Any]], values: Mapping[str, Values]
) -> Changes | None:
    """The kept picks against those of the newest round before that had any; None where there is none."""
    earlier = [other for other in view.rounds if other.number < state.number and other.picks]
    if not earlier:
        return None
    before = earlier[-1]
    theirs = values_of(view, before, before.pick_ids)
    now, then = [values.get(str(pick["scene_id"]), {}) for pick in picks], list(theirs.values())
    return Changes(
        round_id=before.round_id,
        n_now=len(picks),
        n_before=len(before.picks),
        again=tuple(sorted({str(pick["scene_id"]) for pick in picks} & set(before.pick_ids))),
        kinds=_compared(_conditions(now), _conditions(then)),
        rules=_compared(_rules(picks), _rules(before.picks)),
        settings=_settings(state, before),
    )


def _conditions(scenes: Sequence[Values]) -> Counter[str]:
    return Counter(f"{name}={value}" for scene in scenes for name, values in scene.items() for value in values)


def _rules(picks: Sequence[Mapping[str, Any]]) -> Counter[str]:
    return Counter(str(pick["reasons"][0]["code"]) for pick in picks if pick.get("reasons"))


def _compared(now: Counter[str], before: Counter[str]) -> tuple[Kind, ...]:
    kinds = (Kind(name, now[name], before[name]) for name in now.keys() | before.keys())
    return tuple(sorted(kinds, key=lambda kind: (-abs(kind.now - kind.before), kind.name)))


def _settings(state: RoundState, before: RoundState) -> tuple[Setting, ...]:
    both = ((name, state.proposal.get(name, ""), before.proposal.get(name, "")) for name in _SETTINGS)
    return tuple(Setting(name, str(now), str(then)) for name, now, then in both if now != then)
