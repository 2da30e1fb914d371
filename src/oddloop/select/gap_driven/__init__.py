"""The default policy: what stands for most of what matters and is not labelled yet, per cost."""

from oddloop.select.gap_driven.policy import COVER, GapDriven, gap_driven, pick_gap_driven

__all__ = ["COVER", "GapDriven", "gap_driven", "pick_gap_driven"]
