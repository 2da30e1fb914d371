"""What the drift of a score depends on, as a digest: where it is the same, so is the drift."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

import numpy as np

from oddloop.score.columns import own_scores
from oddloop.score.drift.scores import DriftConfig, DriftSides
from oddloop.score.scene_frames import valid_values


def score_keys(sides: DriftSides, config: DriftConfig | None = None) -> dict[str, str]:
    """Digest by score of all that its row of `measure_drift` depends on, the generator aside.

    Args:
        sides: what would be compared.
        config: how; None is the defaults.

    Returns:
        32 hex digits by each score that both sides have. Time grows with the scores' bytes.

    >>> import pyarrow as pa
    >>> scores = pa.table({"risk_max": [1.0, 2.0], "risk_max_valid": [True, True], "log_id": ["a", "b"]})
    >>> keys = [score_keys(DriftSides(scores, scores, ("m1", name), True)) for name in ("m2", "m2", "m3")]
    >>> keys[0] == keys[1], keys[1] == keys[2]
    (True, False)
    """
    common = hashlib.blake2b(digest_size=16)
    common.update(json.dumps([sides.names, sides.is_paired, asdict(config or DriftConfig())]).encode())
    for table in (sides.reference, sides.current):
        _update(common, np.unique(table["log_id"].to_numpy(), return_inverse=True)[1])
    return {
        name: _key(common, sides, name) for name in own_scores(sides.reference) if name in own_scores(sides.current)
    }


def _key(common: hashlib.blake2b, sides: DriftSides, name: str) -> str:
    state = common.copy()
    state.update(name.encode())
    for table in (sides.reference, sides.current):
        _update(state, valid_values(table, name))
    return state.hexdigest()


def _update(state: hashlib.blake2b, values: np.ndarray) -> None:
    state.update(f"{len(values)} {values.dtype.str} ".encode())
    state.update(np.ascontiguousarray(values).data)
