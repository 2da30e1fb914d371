"""Every case of every fault, in the order of the list of cures."""

from __future__ import annotations

from lake.cases_of_files import COLUMNS, FOLDERS, KEYS
from lake.cases_of_motion import MOTION, TRACKED
from lake.cases_of_outputs import BOXES, MODES, PROBS, TENSORS, VECTORS
from lake.cases_of_values import ATTRIBUTES, NUMBERS, TIMES

SHARED = [*FOLDERS, *COLUMNS, *KEYS, *NUMBERS, *ATTRIBUTES, *TIMES, *TRACKED]
"""Faults of tables of which there is one."""
OUTPUTS = [*PROBS, *BOXES, *TENSORS, *MODES, *VECTORS, *MOTION]
"""Each spoils one file of predictions or features, of which there may be one per model or encoder."""
CASES = [*SHARED, *OUTPUTS]
