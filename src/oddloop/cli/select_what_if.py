"""The picks under other settings, beside those of today; neither is recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from oddloop.cli.terminal import out, print_json, print_table
from oddloop.config import Config
from oddloop.errors import ConfigError
from oddloop.lake.derived import Derived

_CHANGEABLE = ("budget", "policy", "score")
_SHOWN = 10


def read_changes(config: Config, changes: list[str]) -> Config:
    """The configuration with `budget=500` and the like put into its section [select].

    Raises:
        ConfigError: it is not SETTING=VALUE, the setting is not one that can be changed, or the budget is no number.

    >>> read_changes(Config(), ["budget=500"]).select.budget
    500.0
    """
    given: dict[str, Any] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or name not in _CHANGEABLE:
            raise ConfigError(f"--what-if {change!r}: give SETTING=VALUE with one of {', '.join(_CHANGEABLE)}")
        given[name] = _budget(value) if name == "budget" else value
    return replace(config, select=replace(config.select, **given))


def _budget(value: str) -> float:
    try:
        budget = float(value)
    except ValueError:
        budget = -1.0
    if not 0 < budget < float("inf"):
        raise ConfigError(f"--what-if budget={value}: a budget is a number above 0")
    return budget


def compare_picks(today: Derived, other: Derived, changes: list[str], *, as_json: bool) -> None:
    """Say which scenes come in and which go."""
    now, then = (derived.storage.read_table("picks.parquet") for derived in (today, other))
    comes, goes = _without(then, now), _without(now, then)
    if as_json:
        print_json({"changes": changes, "comes": comes.to_pylist(), "goes": goes.to_pylist(), **_sums(now, then)})
        return
    sums = _sums(now, then)
    out.print(
        f"With {', '.join(changes)}: {sums['n_then']} picks for {sums['cost_then']:,.2f}, instead of {sums['n_now']} "
        f"for {sums['cost_now']:,.2f}; {comes.num_rows} come in, {goes.num_rows} go."
    )
    for title, table in (("Come in", comes), ("Go", goes)):
        rows = [(p["rank"], p["scene_id"], p["cost"], p["reasons"][0]["text"] if p["reasons"] else "")
                for p in table.slice(0, _SHOWN).to_pylist()]  # fmt: skip
        if rows:
            print_table(f"{title}: {len(rows)} of {table.num_rows}", ("rank", "scene", "cost", "why"), rows)


def _without(table: pa.Table, other: pa.Table) -> pa.Table:
    ids = other["scene_id"].combine_chunks()
    return table.filter(pc.invert(pc.is_in(table["scene_id"], value_set=ids)))


def _sums(now: pa.Table, then: pa.Table) -> dict[str, float]:
    cost_now, cost_then = (float(pc.sum(table["cost"]).as_py() or 0.0) for table in (now, then))
    return {"n_now": now.num_rows, "n_then": then.num_rows, "cost_now": cost_now, "cost_then": cost_then}
