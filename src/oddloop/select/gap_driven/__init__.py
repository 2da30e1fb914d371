"""The default policy: what stands for most of what matters and is not labelled yet, per cost."""

from oddloop.select.gap_driven.policy import GapDriven, gap_driven, pick_gap_driven
from oddloop.select.gap_driven.turns import CONTROL, EXPLORE, QUOTA

__all__ = ["CONTROL", "EXPLORE", "QUOTA", "GapDriven", "gap_driven", "pick_gap_driven"]
