"""Quotas of the settings as rows of a pool."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from oddloop.config import QuotaConfig
from oddloop.select.members import members
from oddloop.select.pool import Bools
from oddloop.select.quotas import Quota


def build_quotas(
    settings: Sequence[QuotaConfig], candidates: pa.Table, labelled: pa.Table, chosen: pa.Table | None = None
) -> tuple[Quota, ...]:
    """Find the rows of each quota.

    Args:
        settings: what to pick of which segments.
        candidates: a row per candidate, a column per attribute.
        labelled: the same of the labelled scenes, for targets.
        chosen: the same of scenes that are picked already, which count for minimum and maximum.

    Returns:
        the quotas; with `back_off`, one that the pool cannot fill is followed by one for the rest of its minimum among
        the scenes that meet all conditions but one, that one whose loss leaves the fewest scenes.

    Raises:
        ConfigError: a quota names an attribute that is not there, or its numbers contradict each other.

    >>> table = pa.table({"rain": ["heavy", "none", "heavy"], "light": ["night", "night", "day"]})
    >>> asked = QuotaConfig({"rain": "heavy", "light": "night"}, minimum=2, back_off=True)
    >>> [(quota.name, quota.rows.tolist(), quota.minimum) for quota in build_quotas([asked], table, table.slice(0, 0))]
    [('rain=heavy, light=night', [0], 1), ('light=night (for rain=heavy)', [1], 1)]
    """
    quotas: list[Quota] = []
    for setting in settings:
        mask = members(candidates, setting.where)
        n_labelled = int(members(labelled, setting.where).sum()) if setting.target else 0
        minimum = max(setting.minimum, setting.target - n_labelled)
        n_chosen = int(members(chosen, setting.where).sum()) if chosen is not None and chosen.num_rows else 0
        maximum = None if setting.maximum is None else max(setting.maximum - n_chosen, 0)
        minimum = max(minimum - n_chosen, 0)
        minimum = minimum if maximum is None else min(minimum, maximum)
        name = ", ".join(f"{attribute}={value}" for attribute, value in setting.where.items())
        rest = minimum - int(mask.sum()) if setting.back_off and len(setting.where) > 1 else 0
        quotas.append(Quota(name, np.flatnonzero(mask), minimum - max(rest, 0), maximum))
        if rest > 0:
            quotas.append(_wider(setting, candidates, mask, rest))
    return tuple(quotas)


def _wider(setting: QuotaConfig, candidates: pa.Table, inside: Bools, n: int) -> Quota:
    """The nearest wider segment, without the scenes that the narrow one has taken already."""
    options = []
    for attribute, value in setting.where.items():
        where = {name: wanted for name, wanted in setting.where.items() if name != attribute}
        rows = np.flatnonzero(members(candidates, where) & ~inside)
        said = ", ".join(f"{name}={wanted}" for name, wanted in where.items())
        options.append((len(rows) < n, len(rows), f"{said} (for {attribute}={value})", rows))
    _, _, name, rows = min(options, key=lambda option: option[:3])
    return Quota(name, rows, n)
