"""How well each model does in each segment, how sure that is, and how two models differ."""

from oddloop.coverage.performance.comparison import Paired, compare_models, compare_segments, pair_metrics
from oddloop.coverage.performance.halves import HalfValues, SegmentHalves, compare_halves
from oddloop.coverage.performance.summary import summarize_performance

__all__ = [
    "HalfValues",
    "Paired",
    "SegmentHalves",
    "compare_halves",
    "compare_models",
    "compare_segments",
    "pair_metrics",
    "summarize_performance",
]
