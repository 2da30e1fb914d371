"""What is kept now: a fold over the ledger's events. The scenes of a set lie in a file that is named by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from oddloop.lake.workspace import Workspace
from oddloop.rounds.state import Event

EVENT = "saved"
SEARCH: Literal["search"] = "search"
SET: Literal["set"] = "set"
What = Literal["search", "set"]
FOLDER = "scene_sets"
"""Holds `<digest>.parquet` for good, since the ledger refers to it by that name."""


@dataclass(frozen=True)
class Saved:
    """Something that is kept under a name.

    Attributes:
        what: `search` or `set`.
        name: no other of its kind has it.
        query: of a search what is searched for; of a set how its scenes were found, "" where they were listed.
        digest: of a set, names the file of its scenes; "" of a search.
        n_scenes: scenes of a set; 0 of a search.
        note: what its author wrote of it.
        author: who kept it as it is now.
        at_ns: when.
        seq: number of the event that says so.
    """

    what: What
    name: str
    query: str
    digest: str
    n_scenes: int
    note: str
    author: str
    at_ns: int
    seq: int


def fold_saved(events: Iterable[Event], what: What) -> dict[str, Saved]:
    """What is kept of a kind by its name, in the order of names.

    Args:
        events: those that stand under `saved` in the ledger.
        what: `search` or `set`.
    """
    found: dict[str, Saved] = {}
    for event in events:
        told = event.payload
        if event.kind != EVENT or told["what"] != what:
            continue
        if told["deleted"]:
            found.pop(told["name"], None)
        else:
            found[told["name"]] = saved_of(event)
    return dict(sorted(found.items(), key=lambda item: (item[0].casefold(), item[0])))


def saved_of(event: Event) -> Saved:
    """What an event that keeps something says."""
    told = event.payload
    return Saved(
        told["what"],
        told["name"],
        told.get("query", ""),
        told.get("digest", ""),
        told.get("n_scenes", 0),
        told.get("note", ""),
        event.author,
        event.at_ns,
        event.seq,
    )


def read_set(workspace: Workspace, saved: Saved) -> pa.Array:
    """Ids of the scenes of a set, ascending.

    Raises:
        WorkspaceError: its file is gone.
    """
    return workspace.storage.read_table(set_file(saved.digest))["scene_id"].combine_chunks()


def set_file(digest: str) -> str:
    """Where the scenes of a set are."""
    return f"{FOLDER}/{digest}.parquet"
