"""Predicted against real labelling cost, of one round or of all: from the picks, the pool snapshot and `labels`.

It is worked out anew each time, so that a cost that was corrected later counts. Nothing is changed by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import CostConfig
from oddloop.lake.scan import read_table
from oddloop.lake.workspace import Workspace
from oddloop.rounds.stages import make_generator
from oddloop.rounds.state import RoundState
from oddloop.select import CostCheck, predict_cost, reconcile_costs
from oddloop.tables import LABELS

_COUNTS = ("n_frames", "n_objects")


def check_costs(workspace: Workspace, states: Sequence[RoundState], paid: pa.Table | None = None) -> CostCheck | None:
    """Compare predicted and real costs of the labelled picks of these rounds.

    Args:
        workspace: the workspace.
        states: the rounds.
        paid: what `read_paid` gives, where it is asked of several rounds; None reads it.

    Returns:
        what was found; None where none of their picks has labels yet. Prices are fitted only where the pool snapshots
        of all rounds (`rounds/<round_id>/pool.parquet`) are there, which hold the counts behind the predictions.
    """
    mine = _labelled_picks(workspace, states, paid)
    if not mine.num_rows:
        return None
    columns = {name: mine[name].to_numpy() for name in (*_COUNTS, "cost", "real")}
    counts = None if mine["n_frames"].null_count else (columns["n_frames"], columns["n_objects"])
    return _reconciled(workspace, mine, columns["cost"], counts)


def check_prices(workspace: Workspace, states: Sequence[RoundState]) -> CostCheck | None:
    """Compare what the prices in `[cost]`, as they are now, say of the labelled picks with what was paid.

    Unlike `check_costs` it does not go by what was predicted at the time, with whatever prices there were then.

    Args:
        workspace: the workspace.
        states: the rounds; those not labelled as a whole do not count, so that prices move between rounds only.

    Returns:
        what was found; None where no such pick has labels, or a pool snapshot with its counts is gone.
    """
    mine = _labelled_picks(workspace, [state for state in states if state.labels], None)
    if not mine.num_rows or mine["n_frames"].null_count:
        return None
    counts = mine["n_frames"].to_numpy(), mine["n_objects"].to_numpy()
    return _reconciled(workspace, mine, predict_cost(*counts, workspace.config.cost), counts)


def refitted(config: CostConfig, check: CostCheck | None) -> CostConfig:
    """The prices that fit what was paid, where it surely differs; else the prices as they are.

    A part that cannot be told from the others is 0, since the others were fitted without it.
    """
    if check is None or check.finding not in ("too_low", "too_high") or not check.prices:
        return config
    fitted = {price.name: price.value for price in check.prices}
    if not any(fitted.values()):
        return config
    per_scene, per_frame, per_object = (fitted.get(name, 0.0) for name in ("per_scene", "per_frame", "per_object"))
    return replace(config, per_scene=per_scene, per_frame=per_frame, per_object=per_object)


def with_fitted_prices(workspace: Workspace, states: Sequence[RoundState]) -> Workspace:
    """The workspace as its `[cost] refit` wants it: with fitted prices, where that is set and they surely differ."""
    config = workspace.config
    if not config.cost.refit:
        return workspace
    cost = refitted(config.cost, check_prices(workspace, states))
    return replace(workspace, config=replace(config, cost=cost))


def read_paid(workspace: Workspace) -> pa.Table:
    """scene_id and real cost (null: not known) of each labelled scene; one that two files name was paid once."""
    labels = read_table(workspace.table("labels"), LABELS, ["scene_id", "cost"])
    once = labels.group_by("scene_id", use_threads=False).aggregate([("cost", "max")])
    return pa.table({"scene_id": once["scene_id"], "cost": once["cost_max"].cast(pa.float64())})


def _labelled_picks(workspace: Workspace, states: Sequence[RoundState], paid: pa.Table | None) -> pa.Table:
    """Labelled picks of the rounds, with what was predicted, the counts behind it, and the real cost (NaN: unknown)."""
    picks = pa.concat_tables([_NO_PICKS, *(_picks(workspace, state) for state in states if state.picks)])
    paid = read_paid(workspace) if paid is None else paid
    places = pc.index_in(picks["scene_id"].combine_chunks(), value_set=paid["scene_id"].combine_chunks())
    real = pa.array(paid["cost"].take(places.drop_null()).to_numpy())
    return picks.filter(pc.is_valid(places)).append_column("real", real)


def _reconciled(
    workspace: Workspace, mine: pa.Table, predicted: np.ndarray, counts: tuple[np.ndarray, np.ndarray] | None
) -> CostCheck:
    logs = mine["log_id"].to_numpy().astype(str)
    rng = make_generator(workspace.config.workspace.seed, "costs")
    return reconcile_costs(predicted, mine["real"].to_numpy(), logs, counts, workspace.config.cost, rng)


_TEXT = ("scene_id", "log_id")
_NO_PICKS = pa.schema(
    [(n, pa.string()) for n in _TEXT] + [("cost", pa.float64())] + [(n, pa.int64()) for n in _COUNTS]
).empty_table()


def _picks(workspace: Workspace, state: RoundState) -> pa.Table:
    """Picks with predicted cost and the counts that it was made of; null counts where the snapshot is gone."""
    rows = [{name: pick[name] for name in ("scene_id", "log_id", "cost")} for pick in state.picks]
    picks = pa.Table.from_pylist(rows, schema=_NO_PICKS.schema)
    folder = workspace.storage.sub(f"rounds/{state.round_id}")
    if not folder.exists("pool.parquet"):
        return picks
    pool = folder.read_table("pool.parquet", ["scene_id", *_COUNTS])
    places = pc.index_in(picks["scene_id"].combine_chunks(), value_set=pool["scene_id"].combine_chunks())
    for name in _COUNTS:
        picks = picks.set_column(picks.column_names.index(name), name, pool[name].take(places).cast(pa.int64()))
    return picks
