"""What is known of scenes that may make a cluster matter: errors, uncertainty, distance from the training scenes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.discover.arrays import Bools, Floats, row_of
from oddloop.discover.cards.membership import Membership
from oddloop.ids import Ids, id_array
from oddloop.intervals import GroupDifference, difference_by_log


@dataclass(frozen=True)
class Measured:
    """A number per scene, and how it counts.

    Attributes:
        name: metric or score column.
        table: `scene_id` and `value`; NaN and null are missing. Optional `support`, 1 where absent.
        worse: which direction needs labels.
    """

    name: str
    table: pa.Table
    worse: Literal["higher", "lower"] = "higher"


@dataclass(frozen=True)
class Lift:
    """A cluster's mean against all other scenes; (g,) each, NaN where it is not known.

    Attributes:
        difference: means in the measure's own unit, with interval.
        lift, low, high: the difference in standard deviations over scenes, larger = worse.
        n_measured: scenes with a value.
    """

    difference: GroupDifference
    lift: Floats
    low: Floats
    high: Floats
    n_measured: Floats


def lift_of(members: Membership, measured: Measured) -> Lift:
    """Compare each cluster's mean of a measure with that of all other scenes, logs as the unit of chance."""
    value, support = _aligned(members, measured.table)
    known = support > 0
    weighted = np.where(known, value * support, 0.0)
    cluster, log, (sums, supports) = members.pairs(weighted, support)
    totals = members.per_log(weighted), members.per_log(support)
    found = difference_by_log(cluster, log, sums, supports, *totals, len(members))
    spread = float(np.std(value[known])) if known.any() else 0.0
    sign = (1.0 if measured.worse == "higher" else -1.0) / (spread or np.inf)
    ends = np.stack([found.low * sign, found.high * sign])
    n = members.sums(known.astype(np.float64))
    return Lift(found, found.difference * sign, ends.min(axis=0), ends.max(axis=0), n)


def _aligned(members: Membership, table: pa.Table) -> tuple[Floats, Floats]:
    """(n,) value and support of each scene; support 0 where there is no value."""
    rows, found = row_of(id_array(table["scene_id"]), members.scene_ids)
    if not table.num_rows:
        return np.zeros(len(found)), np.zeros(len(found))
    value = _floats(table["value"])[rows]
    support = _floats(table["support"])[rows] if "support" in table.column_names else np.ones(len(rows))
    known = found & np.isfinite(value) & np.isfinite(support) & (support > 0)
    return np.where(known, value, 0.0), np.where(known, support, 0.0)


def _floats(column: pa.ChunkedArray) -> Floats:
    values: Floats = pc.fill_null(column.cast(pa.float64(), safe=False), np.nan).to_numpy()
    return values


def is_among(members: Membership, ids: Ids) -> Bools:
    """(n,) whether each scene is one of `ids`."""
    found: Bools = pc.is_in(members.scene_ids, value_set=id_array(ids)).to_numpy(zero_copy_only=False)
    return found


def score_values(members: Membership, measured: Measured | None) -> Floats:
    """(n,) value of each scene, NaN where there is none."""
    if measured is None:
        return np.full(len(members.scene_ids), np.nan)
    value, support = _aligned(members, measured.table)
    return np.where(support > 0, value, np.nan)
