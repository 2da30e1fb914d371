"""Slices: segments in which a model does worse than elsewhere, found among all of them, with few false ones."""

from oddloop.coverage.slices.find import find_metric_slices, find_slices

__all__ = ["find_metric_slices", "find_slices"]
