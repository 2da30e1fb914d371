"""Predicted against real labelling cost, of one round or of all: from the picks, the pool snapshot and `labels`.

It is worked out anew each time, so that a cost that was corrected later counts. Nothing is changed by it.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.lake.scan import read_table
from oddloop.lake.workspace import Workspace
from oddloop.rounds.stages import make_generator
from oddloop.rounds.state import RoundState
from oddloop.select import CostCheck, reconcile_costs
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
    picks = pa.concat_tables([_NO_PICKS, *(_picks(workspace, state) for state in states if state.picks)])
    paid = read_paid(workspace) if paid is None else paid
    places = pc.index_in(picks["scene_id"].combine_chunks(), value_set=paid["scene_id"].combine_chunks())
    mine = picks.filter(pc.is_valid(places))
    if not mine.num_rows:
        return None
    real = paid["cost"].take(places.drop_null()).to_numpy()
    columns = {name: mine[name].to_numpy() for name in (*_COUNTS, "cost")}
    counts = None if mine["n_frames"].null_count else (columns["n_frames"], columns["n_objects"])
    logs = mine["log_id"].to_numpy().astype(str)
    rng = make_generator(workspace.config.workspace.seed, "costs")
    return reconcile_costs(columns["cost"], real, logs, counts, workspace.config.cost, rng)


def read_paid(workspace: Workspace) -> pa.Table:
    """scene_id and real cost (null: not known) of each labelled scene; one that two files name was paid once."""
    labels = read_table(workspace.table("labels"), LABELS, ["scene_id", "cost"])
    once = labels.group_by("scene_id", use_threads=False).aggregate([("cost", "max")])
    return pa.table({"scene_id": once["scene_id"], "cost": once["cost_max"].cast(pa.float64())})


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
