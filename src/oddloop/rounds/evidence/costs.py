"""What labels cost: the real figure, where none was delivered the predicted one, else what a scene costs on average."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa

from oddloop.rounds.state import RoundState


def label_costs(labelled: pa.Table, rounds: Sequence[RoundState]) -> tuple[dict[str, float], int]:
    """Cost of each labelled scene, and of how many no real cost is known.

    Args:
        labelled: scene_id and cost.
        rounds: whose picks have predicted costs.

    >>> label_costs(pa.table({"scene_id": ["a", "b"], "cost": [3.0, None]}), [])
    ({'a': 3.0, 'b': 3.0}, 1)
    """
    real = dict(zip(labelled["scene_id"].to_pylist(), labelled["cost"].to_pylist(), strict=True))
    predicted = {str(pick["scene_id"]): pick.get("cost") for state in rounds for pick in state.picks}
    told = {scene: predicted.get(scene) if cost is None else cost for scene, cost in real.items()}
    known = [cost for cost in told.values() if cost is not None]
    average = sum(known) / len(known) if known else 1.0
    found = {scene: average if cost is None else float(cost) for scene, cost in told.items()}
    return found, sum(cost is None for cost in real.values())


def total(costs: Mapping[str, float], scenes: Collection[str]) -> float:
    """Cost of these scenes together, in an order of its own, so that equal sets cost the same to the last bit.

    >>> total({"a": 1.0, "b": 2.0}, {"b", "a"})
    3.0
    """
    return sum(costs[scene] for scene in sorted(scenes))
