"""How often a cluster's kind of scene comes up: per hour of driving, and in what share of drives.

The rate per hour has the interval of a ratio of sums over logs; the share of logs has Clopper and Pearson's, since logs
are independent. Rarity is -log2 of the share of logs, in bits: each bit is half as many drives.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from oddloop.discover.arrays import Floats, Ints
from oddloop.discover.cards.membership import Membership
from oddloop.intervals import exact_interval

_S_PER_H = 3600.0


class Rarity(NamedTuple):
    """Per cluster; fields as in CLUSTER_CARDS."""

    per_hour: Floats
    per_hour_low: Floats
    per_hour_high: Floats
    log_share: Floats
    log_share_low: Floats
    log_share_high: Floats
    rarity_bits: Floats
    rarity_bits_low: Floats


def rarity_of(members: Membership, duration_s: Floats) -> Rarity:
    """Measure how rare each cluster is.

    Args:
        members: the clusters.
        duration_s: (n,) length of each scene, 0 or more.

    Returns:
        rates with 95 % intervals; `rarity_bits_low` is at the upper end of the share of logs, so it never overstates.
    """
    ones = np.ones(len(duration_s))
    cluster, log, (count,) = members.pairs(ones)
    hours = members.per_log(duration_s) / _S_PER_H
    per_hour, low, high = _rate(cluster, log, count, hours, len(members))
    n_logs = np.bincount(cluster, minlength=len(members))
    log_low, log_high = exact_interval(n_logs, np.full(len(members), members.n_logs))
    share = n_logs / max(members.n_logs, 1)
    return Rarity(per_hour, low, high, share, log_low, log_high, -np.log2(share), -np.log2(log_high))


def _rate(cluster: Ints, log: Ints, count: Floats, hours: Floats, n: int) -> tuple[Floats, Floats, Floats]:
    """Rate per hour of each cluster over all logs, with the interval of a ratio of sums."""
    total, n_logs = hours.sum(), len(hours)
    sums = np.bincount(cluster, count, minlength=n)
    rate = sums / total if total > 0 else np.full(n, np.nan)
    if total <= 0 or n_logs < 2:
        return rate, np.full(n, np.nan), np.full(n, np.nan)
    here = (count - rate[cluster] * hours[log]) ** 2 - (rate[cluster] * hours[log]) ** 2
    squares = np.bincount(cluster, here, minlength=n) + rate**2 * (hours @ hours)
    half = 1.959964 * np.sqrt(np.maximum(squares, 0.0) * n_logs / (n_logs - 1)) / total
    return rate, np.maximum(rate - half, 0.0), rate + half
