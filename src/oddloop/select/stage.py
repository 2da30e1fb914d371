"""The select stage: scenes, scores and vectors to picks under a budget, with reasons.

Everything is sorted by scene_id before a policy sees it, so the order of the input rows never matters. Growth is that
of the policy and of the reasons; everything else is O(n log n) time and O(n) memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import CostConfig, SelectConfig
from oddloop.derived_tables import PICKS
from oddloop.errors import ConfigError
from oddloop.ids import Ids, id_array
from oddloop.select.arrays import StoredVectors, in_pool, rows_of
from oddloop.select.assemble import assemble_pool, labelled_with_vector
from oddloop.select.candidates import build_candidates
from oddloop.select.cost import amount
from oddloop.select.guard import run_policy
from oddloop.select.in_parts import pick_in_parts
from oddloop.select.objectives import with_objectives
from oddloop.select.pool import NO_PICKS, Bools, Picks, Pool
from oddloop.select.reasons import Evidence, Reason, build_reasons
from oddloop.select.redundancy import Redundancy, redundancy_of
from oddloop.select.registry import Policy, find_policy
from oddloop.select.scores import first_match, resolve_score, score_columns
from oddloop.select.wishes import unmet, with_wishes
from oddloop.tasks import Run, run_here

_ROUNDING = 1e-9
"""Relative: what is left of a budget below this is the rounding of sums."""


_NOTHING: Mapping[str, Ids] = {}


@dataclass(frozen=True)
class SelectResult:
    """What the stage chose.

    Attributes:
        candidates: CANDIDATES, sorted by scene_id; the metadata of its schema names the `score_column`.
        picks: PICKS, in greedy order; the metadata of its schema holds `policy` and `stopped`.
        n_excluded: how many scenes could not be picked, by reason: `not_in_pool`, `labelled` (or picked already),
            `no_frame_count`, `flagged`, `below_limit` and the reasons of `set_aside` are no candidates; `no_score`,
            `no_vector` are candidates that this policy cannot rank.
        policy: name of the policy.
        score_column: the scene score that it ranked by; "" where it used none.
        stopped: why there are no more picks, in one sentence.
    """

    candidates: pa.Table
    picks: pa.Table
    n_excluded: dict[str, int]
    policy: str
    score_column: str
    stopped: str


def select(
    scenes: pa.Table,
    labelled_ids: Ids,
    scene_scores: pa.Table | None,
    vectors: pa.Table | StoredVectors | None,
    segments: pa.Table | None,
    config: SelectConfig,
    cost: CostConfig,
    rng: np.random.Generator,
    *,
    scene_values: pa.Table | None = None,
    gaps: pa.Table | None = None,
    verdicts: pa.Table | None = None,
    set_aside: Mapping[str, Ids] = _NOTHING,
    chosen_ids: Ids = (),
    run: Run = run_here,
) -> SelectResult:
    """Pick the scenes to label next.

    Args:
        scenes: SCENES.
        labelled_ids: ids of the scenes that have labels: an Arrow column or a collection of strings.
        scene_scores: SCENE_SCORES, or None.
        vectors: SCENE_VECTORS of candidates and labelled scenes, or None; or what reads them on demand, for a choice
            in parts.
        segments: SEGMENTS, for reasons and for what `gaps` speak of, or None.
        config: policy, score and budget.
        cost: prices.
        rng: source of chance of policies that draw.
        scene_values: scene_id and the taxonomy's value of each attribute, for quotas, needs and reasons; None takes the
            columns of `scenes` that bear an attribute's name.
        gaps, verdicts: GAPS and VERDICTS, for a policy that asks what segments need; None where nothing is known.
        set_aside: ids of scenes that people have set aside, by why, such as `rejected`; they are never picked.
        chosen_ids: scenes that are picked already under another budget: they are not picked again, what they stand for
            is stood for, and they count for quotas.
        run: how the parts of a choice in parts are run, where `config.parts` asks for several.

    Returns:
        candidates, and picks that cost at most the budget. Without candidates that the policy can rank there are no
        picks, and `stopped` says so.

    Raises:
        ConfigError: the policy or the score is not known, the policy needs vectors and there are none, or the budget
            does not pay for a single candidate.
        TableError: a scene is there twice, or a table holds values that it must not.
        PolicyError: a policy of the team's own failed, or broke the rules.

    >>> scenes = pa.table({"scene_id": ["a", "b", "c"], "log_id": ["l"] * 3, "n_frames": [10, 10, 10]})
    >>> scores = pa.table({"scene_id": ["a", "b", "c"], "n_frames_scored": [10] * 3, "n_objects_sum": [0] * 3,
    ...     "classification_entropy_mean": [0.1, 0.7, 0.4], "classification_entropy_mean_valid": [True] * 3})
    >>> result = select(scenes, ["a"], scores, None, None, SelectConfig(budget=1.3), CostConfig(),
    ...     np.random.default_rng(0))
    >>> result.picks["scene_id"].to_pylist(), result.stopped
    (['b'], '0.1 of 1.3 cost units are left, and the cheapest candidate left costs 1.2')
    """
    policy = find_policy(config.policy)
    scene_scores, combined, below = with_objectives(scene_scores, config.objectives, config.combine, policy.name)
    columns = score_columns(scene_scores)
    score_column = resolve_score(policy.name, combined or config.score, policy.scores, columns)
    score_column = score_column or first_match(policy.optional_scores, columns)
    chosen = id_array(chosen_ids)
    taken = pa.concat_arrays([id_array(labelled_ids), chosen])
    aside = {**({"below_limit": below} if config.objectives else {}), **set_aside}
    candidates, n_excluded = build_candidates(scenes, taken, scene_scores, score_column, cost, config.exclude, aside)
    labelled = labelled_with_vector(scenes, taken, vectors)
    attributes = scenes if scene_values is None else scene_values
    pool = assemble_pool(candidates, scenes, vectors, labelled)
    teaching = _of_pool(scenes, labelled_ids)
    pool = replace(pool, redundancy=_redundancy(scenes, pool, _of_pool(scenes, taken), config))
    pool = with_wishes(pool, (attributes, teaching, chosen), config, segments, gaps, verdicts)
    usable = _usable(policy, pool)
    if policy.scores:
        n_excluded["no_score"] = int((~pool.score_valid).sum())
    if policy.needs_vectors:
        n_excluded["no_vector"] = int((~pool.has_vector).sum())
    _check_feasible(policy, pool, usable, vectors, config.budget, cost.unit)
    picks = _pick(policy, pool, config, rng, run) if usable.any() else NO_PICKS
    missed = unmet(pool, picks.rows, is_bound="quota" in policy.rules)
    stopped = "; ".join([_stopped(pool, usable, picks, n_excluded, config.budget, cost.unit), *missed])
    n_frames, n_objects = candidates["n_frames"].to_numpy(), candidates["n_objects"].to_numpy()
    names = _named(labelled, chosen)
    evidence = Evidence(score_column, names, n_frames, n_objects, cost.unit, segments, attributes)
    table = _picks_table(candidates, picks, build_reasons(policy, picks, pool, evidence))
    table = table.replace_schema_metadata({"policy": policy.name, "stopped": stopped})
    return SelectResult(candidates, table, n_excluded, policy.name, score_column, stopped)


def _pick(policy: Policy, pool: Pool, config: SelectConfig, rng: np.random.Generator, run: Run) -> Picks:
    if config.parts > 1:
        return pick_in_parts(policy, pool, config.budget, rng, config.parts, run)
    return run_policy(policy, pool, config.budget, rng)


def _of_pool(scenes: pa.Table, labelled_ids: Ids) -> pa.Array:
    """Labelled scenes that a model learns from, which are those that a target counts."""
    ids = id_array(scenes["scene_id"]).filter(pa.array(in_pool(scenes)))
    return ids.filter(pc.is_in(ids, value_set=id_array(labelled_ids)))


def _redundancy(scenes: pa.Table, pool: Pool, labelled: pa.Array, config: SelectConfig) -> Redundancy | None:
    mine, theirs = rows_of(scenes, id_array(pool.scene_ids)), rows_of(scenes, labelled)
    return redundancy_of(scenes, mine.to_numpy(), theirs.to_numpy(), config.redundancy)


def _named(labelled: pa.Array, chosen: pa.Array) -> list[str]:
    """Ids for reasons; what is picked and not labelled yet is called so."""
    if not len(chosen):
        return list(labelled.to_pylist())
    ids, is_chosen = labelled.to_pylist(), pc.is_in(labelled, value_set=chosen).to_pylist()
    return [f"{name} (picked)" if picked else name for name, picked in zip(ids, is_chosen, strict=True)]


def _usable(policy: Policy, pool: Pool) -> Bools:
    """Candidates that the policy can rank at all."""
    usable = np.ones(len(pool), dtype=bool)
    if policy.scores:
        usable &= pool.score_valid
    if policy.needs_vectors:
        usable &= pool.has_vector
    return usable


def _check_feasible(
    policy: Policy, pool: Pool, usable: Bools, vectors: pa.Table | StoredVectors | None, budget: float, unit: str
) -> None:
    if not len(pool):
        return
    if policy.needs_vectors and (vectors is None or not vectors.num_rows):
        raise ConfigError(
            f"policy `{policy.name}` compares scene vectors, and there are none; run `oddloop discover` first, "
            "or set another [select] policy"
        )
    if usable.any() and (cheapest := pool.costs[usable].min()) > budget:
        raise ConfigError(
            f"[select] budget = {amount(budget)} {unit} does not pay for one scene: the cheapest of "
            f"{usable.sum():,} candidates costs {amount(cheapest)}; raise the budget, or lower the prices in [cost]"
        )


def _stopped(pool: Pool, usable: Bools, picks: Picks, n_excluded: dict[str, int], budget: float, unit: str) -> str:
    left = usable.copy()
    left[picks.rows] = False
    if not usable.any():
        counts = ", ".join(f"{n:,} {reason.replace('_', ' ')}" for reason, n in n_excluded.items() if n)
        return f"no scene can be picked: {counts or 'there are no scenes'}"
    if not left.any():
        return f"all {usable.sum():,} candidates that the policy can rank are picked"
    rest, cheapest = budget - pool.costs[picks.rows].sum(), pool.costs[left].min()
    rest = rest if rest > _ROUNDING * budget else 0.0
    left_over = f"{amount(rest)} of {amount(budget)} {unit} are left"
    if cheapest > rest:
        return f"{left_over}, and the cheapest candidate left costs {amount(cheapest)}"
    return f"the policy wants no more; {left_over}"


def _picks_table(candidates: pa.Table, picks: Picks, reasons: list[list[Reason]]) -> pa.Table:
    chosen = candidates.take(pa.array(picks.rows))
    columns = {
        "rank": np.arange(1, len(picks.rows) + 1),
        "scene_id": chosen["scene_id"],
        "log_id": chosen["log_id"],
        "gain": pa.array(picks.gains, pa.float64(), from_pandas=True),  # NaN to null
        "cost": chosen["cost"],
        "cumulative_cost": np.cumsum(chosen["cost"].to_numpy()),
        "reasons": pa.array(reasons, PICKS.schema().field("reasons").type),
    }
    return pa.table(columns, schema=PICKS.schema())
