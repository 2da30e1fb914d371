"""Two arms at one cost: whole rounds where their costs agree, else one arm between two of its rounds.

What is compared are means over models trained on halves of the picks, so the cost of each side is half of what its
picks had cost, beside what both had labelled before. Between two rounds an arm's values are taken to change with cost
along a straight line; beyond its last round nothing is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage import HalfValues

SAME_COST = 0.02
"""Costs that differ by less than this share are called equal: scenes are picked whole, so no two sums are the same."""


@dataclass(frozen=True, eq=False)
class ArmRound:
    """What an arm had picked and measured after a round.

    Attributes:
        round_id: the round.
        cost: real cost of all its picks so far, in the cost unit.
        metrics: HALF_METRICS of the models that were trained on halves of them.
        n_picks: how many picks.
        digest: of the models' folder; tells one set of models from another.
    """

    round_id: str
    cost: float
    metrics: pa.Table
    n_picks: int = 0
    digest: str = ""


@dataclass(frozen=True, eq=False)
class Side:
    """An arm at a cost: `share` of the way from a round to a later one; 0 is the first itself."""

    first: ArmRound
    second: ArmRound
    share: float

    @property
    def cost(self) -> float:
        """Cost of its picks, in the cost unit."""
        return (1 - self.share) * self.first.cost + self.share * self.second.cost

    @property
    def n_picks(self) -> float:
        """How many picks it has had."""
        return (1 - self.share) * self.first.n_picks + self.share * self.second.n_picks

    @property
    def named(self) -> str:
        """The round, or the two that it lies between.

        >>> rounds = [ArmRound(name, cost, pa.table({})) for name, cost in (("r001", 10.0), ("r002", 20.0))]
        >>> Side(*rounds, 0.5).named, Side(rounds[0], rounds[0], 0.0).named
        ('between r001 and r002', 'r001')
        """
        return f"between {self.first.round_id} and {self.second.round_id}" if self.share else self.first.round_id


def at_equal_cost(ours: Sequence[ArmRound], theirs: Sequence[ArmRound]) -> tuple[Side, Side] | None:
    """Put our last round beside theirs of equal cost; or ours of the cost of their last one, where they spent less.

    Args:
        ours: rounds of one arm, by rising cost.
        theirs: rounds of the other.

    Returns:
        both sides; None where an arm has no round of at most that cost.

    >>> ours = [ArmRound("r001", 10.0, pa.table({})), ArmRound("r002", 20.0, pa.table({}))]
    >>> theirs = [ArmRound("r001", 12.0, pa.table({})), ArmRound("r002", 28.0, pa.table({}))]
    >>> one, two = at_equal_cost(ours, theirs)
    >>> one.named, two.named, two.share, two.cost
    ('r002', 'between r001 and r002', 0.5, 20.0)
    """
    if not ours or not theirs:
        return None
    cost = min(ours[-1].cost, theirs[-1].cost)
    sides = _side_at(ours, cost), _side_at(theirs, cost)
    return None if sides[0] is None or sides[1] is None else (sides[0], sides[1])


def _side_at(rounds: Sequence[ArmRound], cost: float) -> Side | None:
    for found in rounds:
        if abs(found.cost - cost) <= SAME_COST * cost:
            return Side(found, found, 0.0)
    below = [found for found in rounds if found.cost < cost]
    above = [found for found in rounds if found.cost > cost]
    if not below or not above:
        return None
    return Side(below[-1], above[0], (cost - below[-1].cost) / (above[0].cost - below[-1].cost))


def scenes_in_common(sides: Sequence[Side], metric: str) -> pa.Array:
    """Held-out scenes that every model of both sides has measured, sorted."""
    tables = [side_round.metrics for side in sides for side_round in (side.first, side.second)]
    common: set[str] | None = None
    for table in tables:
        mine = _usable(table, metric)
        n_models = len(mine.group_by(["split", "half"]).aggregate([]))
        counts = mine.group_by("scene_id").aggregate([("value", "count")])
        whole = set(counts.filter(pc.equal(counts["value_count"], n_models))["scene_id"].to_pylist())
        common = whole if common is None else common & whole
    return pa.array(sorted(common or ()), pa.string())


def side_values(side: Side, metric: str, scene_ids: pa.Array) -> HalfValues:
    """What a side's models have measured on these scenes."""
    first = _values(side.first.metrics, metric, scene_ids)
    return first.towards(_values(side.second.metrics, metric, scene_ids), side.share) if side.share else first


def _usable(metrics: pa.Table, metric: str) -> pa.Table:
    mine = metrics.filter(pc.equal(metrics["metric"], metric))
    return mine.filter(pc.and_(pc.is_finite(mine["value"]), pc.greater(mine["support"], 0)))


def _values(metrics: pa.Table, metric: str, scene_ids: pa.Array) -> HalfValues:
    mine = _usable(metrics, metric)
    place = pc.index_in(mine["scene_id"].combine_chunks(), value_set=scene_ids)
    mine = mine.filter(pc.is_valid(place))
    at = place.drop_null().to_numpy(zero_copy_only=False)
    split, half = mine["split"].to_numpy(), mine["half"].to_numpy()
    shape = int(split.max(initial=-1)) + 1, 2, len(scene_ids)
    values, supports = np.zeros(shape), np.zeros(shape)
    supports[split, half, at] = mine["support"].to_numpy()
    values[split, half, at] = mine["value"].to_numpy() * mine["support"].to_numpy()
    return HalfValues(values, supports)
