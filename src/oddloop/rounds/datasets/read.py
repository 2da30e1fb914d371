"""Versions of the labelled set that were recorded: list them, find one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from oddloop.errors import WorkspaceError
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.ledger import Ledger, open_ledger
from oddloop.rounds.state import Event

FOLDER = "datasets"
CONTENT_FILE, CHANGES_FILE, SEGMENTS_FILE = "scenes.parquet", "changes.parquet", "segments.parquet"
MANIFEST = "manifest.json"
DATASET_FORMAT = 1
"""Format 1: digest, parent, round_id, counts (n_scenes, n_logs, n_objects, duration_s, n_added, n_corrected,
n_removed), cost, cost_unit, segments, sources (format, table and version of those that are Delta or Iceberg)."""


@dataclass(frozen=True)
class DatasetEntry:
    """One use of a version, as the ledger has it: a version that two rounds trained on has two entries.

    Attributes:
        digest: names the version.
        parent: digest of the version before it in this loop; None: it is the first.
        round_id: the round whose labels it has.
        model_id: the model trained on it; "" where nothing is trained here.
        at_ns: when it was recorded.
        payload: the record in the event: counts and path.
    """

    digest: str
    parent: str | None
    round_id: str
    model_id: str
    at_ns: int
    payload: Mapping[str, Any]

    def folder(self, workspace: Workspace) -> Storage:
        """Where its tables are."""
        return workspace.storage.sub(f"{FOLDER}/{self.digest}")

    def to_json(self) -> dict[str, Any]:
        """Plain content for `--json`."""
        return {**self.payload, "round_id": self.round_id, "model_id": self.model_id or None, "at_ns": self.at_ns}


def list_datasets(workspace: Workspace) -> list[DatasetEntry]:
    """Every recorded use of a version, oldest first."""
    ledger = open_ledger(workspace)
    try:
        return entries_of(ledger)
    finally:
        ledger.close()


def entries_of(ledger: Ledger) -> list[DatasetEntry]:
    """Every recorded use of a version in a ledger, oldest first."""
    return list(_entries(ledger.events()))


def _entries(events: list[Event]) -> Iterator[DatasetEntry]:
    for event in events:
        record = event.payload.get("dataset")
        if record and event.kind in ("labelled", "trained"):
            model = str(event.payload.get("model_id", ""))
            yield DatasetEntry(record["digest"], record["parent"], event.round_id, model, event.at_ns, record)


def find_dataset(workspace: Workspace, wanted: str) -> DatasetEntry:
    """The newest entry of a version.

    Args:
        workspace: the workspace.
        wanted: its digest, the beginning of it, or the round or model that it belongs to.

    Raises:
        WorkspaceError: there is no such version, or several begin so; those that there are are named.
    """
    entries = list_datasets(workspace)
    found = [e for e in entries if wanted in (e.round_id, e.model_id)]
    found = found or [e for e in entries if wanted and e.digest.startswith(wanted)]
    if not found:
        known = ", ".join(f"{e.digest[:8]} ({e.round_id})" for e in entries)
        raise WorkspaceError(f"no dataset {wanted!r}; there are: {known or 'none; `oddloop run` records one'}")
    if len({e.digest for e in found}) > 1 and wanted not in {found[-1].round_id, found[-1].model_id}:
        several = ", ".join(sorted({e.digest for e in found}))
        raise WorkspaceError(f"several datasets begin with {wanted!r}: {several}; give more of the digest")
    return found[-1]


def read_dataset_manifest(folder: Storage) -> dict[str, Any] | None:
    """A version's manifest; None where the folder is not there, or not complete.

    Raises:
        WorkspaceError: it is of another format than this oddloop reads.
    """
    if not folder.exists(MANIFEST):
        return None
    manifest: dict[str, Any] = json.loads(folder.read_bytes(MANIFEST))
    if manifest.get("format") != DATASET_FORMAT:
        raise WorkspaceError(
            f"{folder.url}/{MANIFEST}: format {manifest.get('format')}, this oddloop reads {DATASET_FORMAT}; "
            "upgrade oddloop"
        )
    return manifest
