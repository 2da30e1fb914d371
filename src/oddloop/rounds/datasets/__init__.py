"""Versions of the labelled set: which scenes, with which labels, a model was trained on.

A version is named by its content, `datasets/<digest>/`, and kept for good, since trainings refer to it by that name:
the same scenes with the same labels are the same version, whichever round, machine or file layout they come from.
"""

from oddloop.rounds.datasets.content import dataset_digest, read_content
from oddloop.rounds.datasets.diff import DatasetDiff, diff_content, diff_datasets
from oddloop.rounds.datasets.read import DatasetEntry, find_dataset, list_datasets, read_dataset_manifest
from oddloop.rounds.datasets.record import record_dataset, tag_sources

__all__ = [
    "DatasetDiff",
    "DatasetEntry",
    "dataset_digest",
    "diff_content",
    "diff_datasets",
    "find_dataset",
    "list_datasets",
    "read_content",
    "read_dataset_manifest",
    "record_dataset",
    "tag_sources",
]
