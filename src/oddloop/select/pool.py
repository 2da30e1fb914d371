"""What a policy sees, and what it answers: the pool of candidates and the picks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from oddloop.config import FunnelConfig, GapDrivenConfig
from oddloop.select.quotas import Quota
from oddloop.select.redundancy import Redundancy

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Pool:
    """The candidates, row by row, sorted by scene_id; a policy must change none of it.

    Attributes:
        scene_ids: (n,) str.
        costs: (n,) float64, finite, 0 or more, in the cost unit.
        score: (n,) float64, larger = more worth labelling; NaN where not valid.
        score_valid: (n,) bool.
        vectors: (n, d) float32 scene vectors; NaN rows where the scene has none; d is 0 without any vectors, and where
            they are read on demand.
        has_vector: (n,) bool.
        labelled_vectors: (m, d) float32 vectors of the labelled scenes that have one.
        scenes: the candidates' rows of SCENES with all columns of the team, in the same order; None if not at hand.
        need: (n,) how much the scene's segments need data, 1 for average; None where coverage says nothing,
            and for a policy that does not use it (`registry.Policy.uses_needs`).
        need_of: (n,) the segment that raises it most and its verdict; "" for none; None where `need` is.
        quotas: what the settings want of each segment, as rows of this pool.
        gap_driven: settings of that policy.
        groups: (n,) number of the group that each belongs to, for `funnel`; None where it balances nothing.
        funnel: settings of that policy.
        redundancy: what candidates are worth beside labelled and picked scenes; None where nothing is taken off.
        stands_for: (n,) how many scenes each stands for that are not in the pool, itself counted; None for one each.
        fair_sample: (n,) rows that were drawn at random from all scenes, where the pool is a choice of them: what is
            left to chance is drawn from these alone. None where all are.
        on_demand: reads the vectors of some rows, where they are too many to be held; see `in_parts`.
    """

    scene_ids: npt.NDArray[np.object_]
    costs: Floats
    score: Floats
    score_valid: Bools
    vectors: Vectors
    has_vector: Bools
    labelled_vectors: Vectors
    scenes: pa.Table | None = None
    need: Floats | None = None
    need_of: Sequence[tuple[str, str]] | None = None
    quotas: tuple[Quota, ...] = ()
    gap_driven: GapDrivenConfig = field(default_factory=GapDrivenConfig)
    groups: Ints | None = None
    funnel: FunnelConfig = field(default_factory=FunnelConfig)
    redundancy: Redundancy | None = None
    stands_for: Floats | None = None
    fair_sample: Bools | None = None
    on_demand: Callable[[Ints], Vectors] | None = None

    def __len__(self) -> int:
        """How many candidates there are."""
        return len(self.costs)

    def vectors_of(self, rows: Ints) -> Vectors:
        """(k, d) vectors of some rows, wherever they are."""
        return self.vectors[rows] if self.on_demand is None else self.on_demand(rows)


@dataclass(frozen=True)
class Picks:
    """Chosen rows of a pool, in greedy order: any prefix is a valid selection for a smaller budget.

    Attributes:
        rows: (k,) int64 row numbers, each once.
        gains: (k,) float64, what each brought when it was picked, in the policy's own unit; NaN where it has none.
        rules: (k,) name of the rule that let each in; None for a policy of one rule.
    """

    rows: Ints
    gains: Floats
    rules: tuple[str, ...] | None = None


NO_PICKS = Picks(np.zeros(0, dtype=np.int64), np.zeros(0))

PolicyFunction = Callable[[Pool, float, np.random.Generator], Picks]
"""A policy: (pool, budget, rng) to picks whose summed cost is at most the budget."""
