"""The drift of every score between two models on the same scenes, or between two periods of one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.derived_tables import DRIFT
from oddloop.errors import TableError
from oddloop.score.arrays import FloatArray, IntArray
from oddloop.score.columns import VALID, own_scores
from oddloop.score.drift.measures import N_BINS, expected_psi, ks, psi
from oddloop.score.drift.resampled import LogCounts, Side, interval_of
from oddloop.score.scene_frames import valid_values

_ROUNDING = 1e-9


@dataclass(frozen=True)
class DriftConfig:
    """How drift is measured: bins, resamples, and the fewest logs on either side that give an interval."""

    n_bins: int = N_BINS
    n_resamples: int = 500
    min_logs: int = 5


@dataclass(frozen=True)
class DriftSides:
    """Two sets of scene scores.

    Attributes:
        reference: `derived_tables.SCENE_SCORES` with log_id.
        current: the same.
        names: what to call them, such as two model ids.
        is_paired: whether both are of the same scenes, in the same order; else their logs have nothing in common.
    """

    reference: pa.Table
    current: pa.Table
    names: tuple[str, str]
    is_paired: bool


def pair_scenes(reference: pa.Table, current: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The scenes that both tables have, in the order of the reference, with the scores that both have.

    Args:
        reference: `derived_tables.SCENE_SCORES` with log_id.
        current: `derived_tables.SCENE_SCORES`; the log_id of a scene is that of the reference.

    Raises:
        TableError: there is no such scene, or no such score.

    >>> scores = {"log_id": ["l", "l"], "risk_max": [1.0, 2.0], "risk_max_valid": [True, True]}
    >>> a, b = pa.table({"scene_id": ["a", "b"], **scores}), pa.table({"scene_id": ["b", "c"], **scores})
    >>> [table["risk_max"].to_pylist() for table in pair_scenes(a, b)]
    [[2.0], [1.0]]
    """
    theirs = current["scene_id"].combine_chunks()
    shared = reference.filter(pc.is_in(reference["scene_id"], theirs))
    names = [name for name in own_scores(reference) if name in own_scores(current)]
    if not shared.num_rows or not names:
        missing = "score" if shared.num_rows else "scene"
        raise TableError(f"drift: the two have no {missing} in common; score the same scenes with both models")
    matching = current.take(pc.index_in(shared["scene_id"].combine_chunks(), value_set=theirs))
    matching = pa.table({**dict(zip(matching.column_names, matching.columns, strict=True)), "log_id": shared["log_id"]})
    columns = ["scene_id", "log_id", *(column for name in names for column in (name, name + VALID))]
    return shared.select(columns), matching.select(columns)


def measure_drift(
    sides: DriftSides, rng: np.random.Generator, config: DriftConfig | None = None, scores: Sequence[str] = ()
) -> pa.Table:
    """Measure the drift of every score.

    Args:
        sides: what to compare.
        rng: source of the resamples; they are the same for every score.
        config: how; None is the defaults.
        scores: score columns; none means all that both sides have, but for normalised ones.

    Returns:
        `derived_tables.DRIFT`, most drifted first, by PSI. Where the sides are paired, a scene counts if its score is
        valid on both. Fewer than `min_logs` logs on a side give no interval and no swaps.

    >>> scores = {"risk_max": [1.0, 2.0, 3.0, 4.0], "risk_max_valid": [True] * 4, "log_id": ["a", "a", "b", "b"]}
    >>> old = pa.table(scores)
    >>> new = old.set_column(0, "risk_max", [[3.0, 4.0, 4.0, 4.0]])
    >>> found = measure_drift(DriftSides(old, new, ("m1", "m2"), True), np.random.default_rng(0))
    >>> found["ks"].to_pylist(), found["n_logs_current"].to_pylist()
    ([0.5], [2])
    """
    config = config or DriftConfig()
    names = scores or [name for name in own_scores(sides.reference) if name in own_scores(sides.current)]
    seed = int(rng.integers(2**63))
    logs = tuple(_numbers(table["log_id"].to_numpy()) for table in (sides.reference, sides.current))
    rows = []
    for name in names:
        samples = _samples(sides, logs, name)
        rows.append({"score": name, **_row(*samples, sides, np.random.default_rng(seed), config)})
    found = pa.Table.from_pylist(rows, schema=DRIFT.schema())
    return found.sort_by([("psi", "descending"), ("score", "ascending")])  # null goes last


def _samples(sides: DriftSides, logs: tuple[IntArray, ...], name: str) -> tuple[Side, Side]:
    values = [valid_values(table, name) for table in (sides.reference, sides.current)]
    known = [np.isfinite(v) for v in values]
    if sides.is_paired:
        known = [known[0] & known[1]] * 2
    ours, theirs = (Side(v[k], _numbers(n[k])) for v, k, n in zip(values, known, logs, strict=True))
    return ours, theirs


def _numbers(logs: npt.NDArray[np.generic]) -> IntArray:
    """(N,) numbers from 0 in the order of the logs."""
    numbers: IntArray = np.unique(logs, return_inverse=True)[1].astype(np.int64)
    return numbers


def _row(
    reference: Side, current: Side, sides: DriftSides, rng: np.random.Generator, config: DriftConfig
) -> dict[str, object]:
    """A row of DRIFT, its score left out."""
    n, m = len(reference.values), len(current.values)
    n_logs = [len(np.unique(side.logs)) for side in (reference, current)]
    row: dict[str, object] = {"reference": sides.names[0], "current": sides.names[1], "n_reference": n, "n_current": m}
    row |= {"n_logs_reference": n_logs[0], "n_logs_current": n_logs[1]}
    if not n or not m:
        return row
    found = psi(reference.values, current.values, n_bins=config.n_bins), ks(reference.values, current.values)
    counts = LogCounts(reference, current, config.n_bins, is_paired=sides.is_paired)
    row |= {"psi": found[0], "ks": found[1], "n_bins": counts.n_filled}
    row["psi_independent"] = expected_psi(n, m, counts.n_filled)
    if min(n_logs) >= config.min_logs:
        resamples = counts.resample(config.n_resamples, rng)
        for place, name in enumerate(("psi", "ks")):
            low, high = interval_of(counts.found[place], resamples.drawn[place], power=1 + place) or (None, None)
            row |= {f"{name}_low": low, f"{name}_high": high}
            row |= _chance(name, counts.found[place], resamples.swapped[place])
    return row


def _chance(name: str, value: float, swapped: FloatArray) -> dict[str, object]:
    """The mean without drift, and how often chance alone is as far apart; never 0, since the sample is one of them."""
    known = swapped[np.isfinite(swapped)]
    if not len(known):
        return {}
    p = (1 + np.count_nonzero(known >= value * (1 - _ROUNDING))) / (1 + len(known))
    return {f"{name}_no_drift": float(known.mean()), f"{name}_p": float(p)}
