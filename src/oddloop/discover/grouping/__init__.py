"""Grouping: rows that are alike, at every scale at once, on bare arrays."""

from oddloop.discover.grouping.find import find_groups
from oddloop.discover.grouping.groups import Groups

__all__ = ["Groups", "find_groups"]
