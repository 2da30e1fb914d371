"""What the coverage pages say: a grid of two attributes, volume against performance, and one segment."""

from oddloop.web.queries.coverage.grid import Coverage, CoverageAsked, read_coverage
from oddloop.web.queries.coverage.segment import SegmentAsked, SegmentPage, read_segment

__all__ = ["Coverage", "CoverageAsked", "SegmentAsked", "SegmentPage", "read_coverage", "read_segment"]
