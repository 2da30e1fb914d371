"""Intervals that more than one part gives: of a rate, of a ratio of sums by log, of a gain. Pure mathematics."""

from oddloop.intervals.bootstrap import IntervalQueue, Weights, bootstrap_interval, difference_interval, draw_weights
from oddloop.intervals.by_log import GroupDifference, difference_by_log, ratio_by_log
from oddloop.intervals.exact import exact_interval
from oddloop.intervals.few_logs import widen_for_few_logs
from oddloop.intervals.halves import HalfSums, HalvesDifference, difference_of_halves
from oddloop.intervals.record import widening
from oddloop.intervals.wilson import wilson_interval

__all__ = [
    "GroupDifference",
    "HalfSums",
    "HalvesDifference",
    "IntervalQueue",
    "Weights",
    "bootstrap_interval",
    "difference_by_log",
    "difference_interval",
    "difference_of_halves",
    "draw_weights",
    "exact_interval",
    "ratio_by_log",
    "widen_for_few_logs",
    "widening",
    "wilson_interval",
]
