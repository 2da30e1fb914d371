"""The table of a backtest of policies."""

from __future__ import annotations

from oddloop.tables import FLOAT, STRING, Column, TableSpec

BACKTEST = TableSpec(
    "backtest",
    "policy and share of all costs",
    (
        Column("policy", STRING, "policy, or the baseline `object_count`, or the bound `oracle`"),
        Column("cost_share", FLOAT, "what was spent, as a share of what all scenes cost"),
        Column("found", FLOAT, "share of all errors in the scenes picked by then"),
        Column("found_low", FLOAT, "lower end of its 95 % interval (halves of the logs)"),
        Column("found_high", FLOAT, "upper end of it"),
        Column("gain", FLOAT, "the same less what random picks find at that cost"),
        Column("gain_low", FLOAT, "lower end of its 95 % interval, policy and random on the same halves"),
        Column("gain_high", FLOAT, "upper end of it"),
    ),
    key=("policy", "cost_share"),
    derived=True,
)
