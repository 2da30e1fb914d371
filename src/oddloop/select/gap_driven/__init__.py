"""The default policy: what stands for most of what matters and is not labelled yet, per cost."""

from oddloop.select.gap_driven.policy import CONTROL, EXPLORE, QUOTA, GapDriven, gap_driven, pick_gap_driven

__all__ = ["CONTROL", "EXPLORE", "QUOTA", "GapDriven", "gap_driven", "pick_gap_driven"]
