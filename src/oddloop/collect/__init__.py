"""Prediction tables from a PyTorch model, batch by batch: MC-dropout passes, or the members of an ensemble.

    members = collect.mc_dropout(model, passes=20, seed=0)
    collect.write_classification("lake/predictions/classification/m1/part-00000.parquet", batches, members)

Needs the extra `torch`; the rest of oddloop never imports it. Members are made by `mc_dropout` (passes of one model),
`checkpoints` (the weights of several trainings) or `one_pass` (the model as it is), and `batches` are tuples of inputs
and ids. The model is left as it was: its modes, weights, random numbers and gradients are changed only while a pass
runs, and set back also where that fails.
"""

from oddloop.collect.checkpoints import checkpoints
from oddloop.collect.classification import write_classification
from oddloop.collect.detection import write_detection
from oddloop.collect.members import Members
from oddloop.collect.passes import mc_dropout, one_pass
from oddloop.collect.segmentation import write_segmentation
from oddloop.collect.trajectory import write_trajectory

__all__ = [
    "Members",
    "checkpoints",
    "mc_dropout",
    "one_pass",
    "write_classification",
    "write_detection",
    "write_segmentation",
    "write_trajectory",
]
