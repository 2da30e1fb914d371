"""Intervals that more than one stage gives: of a rate, and of a ratio of sums by resampling logs. Pure mathematics."""

from oddloop.intervals.bootstrap import IntervalQueue, Weights, bootstrap_interval, difference_interval, draw_weights
from oddloop.intervals.by_log import GroupDifference, difference_by_log, ratio_by_log
from oddloop.intervals.exact import exact_interval
from oddloop.intervals.wilson import wilson_interval

__all__ = [
    "GroupDifference",
    "IntervalQueue",
    "Weights",
    "bootstrap_interval",
    "difference_by_log",
    "difference_interval",
    "draw_weights",
    "exact_interval",
    "ratio_by_log",
    "wilson_interval",
]
