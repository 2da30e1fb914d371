"""What the settings and coverage want of a selection: quotas, and what each candidate's segments need."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import SelectConfig
from oddloop.errors import ConfigError
from oddloop.ids import Ids, id_array
from oddloop.select.arrays import rows_of
from oddloop.select.members import members
from oddloop.select.need import scene_needs
from oddloop.select.pool import Ints, Pool
from oddloop.select.quota_rows import build_quotas
from oddloop.select.quotas import Counter, Quota


def with_wishes(
    pool: Pool,
    known: tuple[pa.Table, Ids, Ids],
    config: SelectConfig,
    segments: pa.Table | None,
    gaps: pa.Table | None,
    verdicts: pa.Table | None,
) -> Pool:
    """The pool with quotas as its rows, and the need of each candidate where gaps are known.

    Args:
        pool: the candidates.
        known: a row per scene and a column per attribute; ids of labelled scenes; ids of scenes picked already.
        config: quotas, and whether need counts.
        segments, gaps, verdicts: what coverage says; None where it says nothing.

    Raises:
        ConfigError: a quota names an attribute that is not there.
    """
    attributes, *others = known
    mine = attributes.take(rows_of(attributes, id_array(pool.scene_ids)))
    ids = id_array(attributes["scene_id"])
    labelled, chosen = (attributes.filter(pc.is_in(ids, value_set=id_array(of))) for of in others)
    quotas = build_quotas(config.quotas, mine, labelled, chosen) if config.quotas else ()
    pool = replace(pool, quotas=quotas, gap_driven=config.gap_driven, funnel=config.funnel)
    pool = replace(pool, groups=_groups(mine, config.funnel.balance) if config.funnel.balance else None)
    if not config.gap_driven.need or segments is None or gaps is None or verdicts is None or not gaps.num_rows:
        return pool
    needs = scene_needs(mine, segments, gaps, verdicts)
    return replace(pool, need=needs.value, need_of=list(zip(needs.segment_id, needs.verdict, strict=True)))


def _groups(attributes: pa.Table, name: str) -> Ints:
    """Number of each candidate's value; several values of one scene are a value of their own."""
    try:
        members(attributes, {name: ""})
    except ConfigError as error:
        raise ConfigError(f"[select.funnel] balance: {error}") from error
    texts = [str(value) for value in attributes[name].to_pylist()]
    return np.unique(texts, return_inverse=True)[1].astype(np.int64)


def unmet(pool: Pool, rows: Ints, *, is_bound: bool) -> list[str]:
    """A sentence for each quota that the picks do not keep to; `is_bound` says whether their policy goes by quotas."""
    counter = Counter(pool.quotas, len(pool))
    counter.closed_from_the_start()
    for row in rows.tolist():
        counter.add(row)
    if is_bound:
        return [shortfall.text for shortfall in counter.shortfalls()]
    asked = zip(pool.quotas, counter.taken.tolist(), strict=True)
    said = [(quota.name, n, _missed(quota, n)) for quota, n in asked]
    return [f"quota {name}: {n:,} of {wanted}, only `gap_driven` goes by quotas" for name, n, wanted in said if wanted]


def _missed(quota: Quota, n: int) -> str:
    """The end of a quota that n picks do not keep to; "" where they do."""
    if n < quota.minimum:
        return f"{quota.minimum:,}"
    return f"at most {quota.maximum:,}" if quota.maximum is not None and n > quota.maximum else ""
