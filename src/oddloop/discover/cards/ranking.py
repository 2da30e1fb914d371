"""The order of cards: how rare, times how much seems to be wrong, each at the lower end of what is known, times risk.

    need = max(error_lift_low, 0) + max(score_lift_low, 0) + max(novel_lift_low, 0)
    value = risk x rarity_bits_low x need

`error_lift` and `score_lift` are in standard deviations over scenes, novelty is a share. A cluster of which nothing is
surely wrong has the value 0; such follow by rarity x risk. What people called noise, or covered, comes last.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.discover.arrays import Floats

_PARTS = (("error_lift_low", "error"), ("score_lift_low", "uncertainty"), ("novel_lift_low", "novelty"))


def rank_cards(cards: pa.Table, risk: dict[str, float], settled: set[str]) -> pa.Table:
    """Put cards in order.

    Args:
        cards: CLUSTER_CARDS.
        risk: weight by cluster id, 0 or more; 1 where nobody has said.
        settled: clusters that people called noise or covered.

    Returns:
        the cards with `rank` (1 is first), `rank_value` and `rank_text`, in that order; ties go to the smaller id.

    >>> cards = pa.table({"cluster_id": ["a", "b"], "rarity_bits_low": [3.0, 5.0], "error_lift_low": [0.5, -0.1],
    ...     "score_lift_low": [None, 0.2], "novel_lift_low": pa.nulls(2, pa.float64())})
    >>> rank_cards(cards, {"b": 4.0}, set()).select(["cluster_id", "rank_text"]).to_pylist()[0]
    {'cluster_id': 'b', 'rank_text': 'risk 4 x rarity 5.0 bit x need 0.20 (uncertainty 0.20), all at least'}
    """
    ids = cards["cluster_id"].to_pylist()
    weight = np.array([risk.get(name, 1.0) for name in ids])
    rarity = np.maximum(_column(cards, "rarity_bits_low"), 0.0)
    parts = np.stack([np.maximum(_column(cards, name), 0.0) for name, _ in _PARTS])
    need = parts.sum(axis=0)
    value = weight * rarity * need
    last = np.array([name in settled for name in ids], dtype=bool)
    order = np.lexsort((np.array(ids, dtype=object).astype(str), -weight * rarity, -value, last))
    texts = [_text(weight[i], rarity[i], parts[:, i]) for i in range(len(ids))]
    ranked = cards.append_column("rank_value", pa.array(value)).append_column("rank_text", pa.array(texts, pa.string()))
    return ranked.take(pa.array(order)).add_column(0, "rank", pa.array(np.arange(1, len(ids) + 1)))


def _column(cards: pa.Table, name: str) -> Floats:
    values: Floats = pc.fill_null(cards[name].cast(pa.float64()), 0.0).to_numpy()
    return values


def _text(weight: float, rarity: float, parts: Floats) -> str:
    told = ", ".join(f"{name} {part:.2f}" for (_, name), part in zip(_PARTS, parts, strict=True) if part > 0)
    why = told or "nothing is surely worse than elsewhere"
    return f"risk {weight:g} x rarity {rarity:.1f} bit x need {parts.sum():.2f} ({why}), all at least"
