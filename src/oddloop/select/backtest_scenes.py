"""A backtest from tables: measured scenes as the pool of every policy, each with the score that it ranks by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import CostConfig, SelectConfig
from oddloop.ids import Ids, id_array
from oddloop.select.arrays import gather
from oddloop.select.assemble import assemble_pool, labelled_with_vector
from oddloop.select.backtest import backtest
from oddloop.select.candidates import build_candidates
from oddloop.select.pool import Pool
from oddloop.select.registry import find_policy
from oddloop.select.scores import first_match, resolve_score, score_columns


def backtest_score(policy: str, scene_scores: pa.Table | None) -> str:
    """Score that a policy ranks by; "" where it needs none.

    Raises:
        ConfigError: there is no such policy, or it needs a score and there is none.
    """
    found, columns = find_policy(policy), score_columns(scene_scores)
    return resolve_score(found.name, "", found.scores, columns) or first_match(found.optional_scores, columns)


def backtest_scenes(
    scenes: pa.Table,
    labelled_ids: Ids,
    scene_scores: pa.Table | None,
    vectors: pa.Table | None,
    errors: pa.Table,
    policies: Sequence[str],
    config: SelectConfig,
    cost: CostConfig,
    *,
    n_draws: int = 20,
    seed: int = 0,
) -> pa.Table:
    """Let policies pick from the measured scenes as if they had no labels; see `backtest`.

    Args:
        scenes: SCENES.
        labelled_ids: scenes that have labels; those that are not measured count as labelled before.
        scene_scores: SCENE_SCORES, or None.
        vectors: SCENE_VECTORS, or None.
        errors: `scene_id` and `errors` of the measured scenes.
        policies: names or import paths.
        config: settings of `gap_driven`; the needs of segments are left out, since they are made of the same errors.
        cost: prices.
        n_draws, seed: as `backtest`.

    Returns:
        BACKTEST.

    Raises:
        ConfigError, TableError, PolicyError: see `backtest`, `select`.
    """
    known = scenes.filter(pc.is_in(id_array(scenes["scene_id"]), value_set=id_array(errors["scene_id"])))
    known = known.drop_columns([name for name in ("split",) if name in known.column_names])
    labelled = labelled_with_vector(scenes, labelled_ids, vectors)
    labelled = labelled.filter(pc.invert(pc.is_in(labelled, value_set=id_array(errors["scene_id"]))))
    pools: dict[str, Pool] = {}
    for name in policies:
        column = backtest_score(name, scene_scores)
        candidates, _ = build_candidates(known, [], scene_scores, column, cost)
        pools[name] = replace(assemble_pool(candidates, known, vectors, labelled), gap_driven=config.gap_driven)
    candidates, _ = build_candidates(known, [], scene_scores, "", cost)
    ids = id_array(candidates["scene_id"])
    pools = pools or {"random": assemble_pool(candidates, known, vectors, labelled)}
    logs = candidates["log_id"].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    found = gather(errors, "errors", ids).to_numpy(zero_copy_only=False).astype(np.float64)
    n_objects = candidates["n_objects"].to_numpy().astype(np.float64)
    return backtest(pools, found, n_objects, logs.astype(np.int64), n_draws=n_draws, seed=seed)
