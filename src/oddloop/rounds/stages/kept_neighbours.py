"""Neighbour lists of a stage's newest folder, merged with what new scenes add, and kept in the folder that is made.

Lists depend on the vectors alone, whatever was known before (`oddloop.neighbours.exact`), so the folder stays a pure
function of its manifest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from oddloop import __version__
from oddloop.derived_tables import NEIGHBOURS
from oddloop.lake.derived import newest_folders
from oddloop.lake.storage import Storage
from oddloop.neighbours import Lists, keeping

_FILE = f"{NEIGHBOURS.name}.parquet"


@contextlib.contextmanager
def merged_neighbours(workspace: Storage, stage: str, out: Storage) -> Iterator[None]:
    """Let the exact search in here take over lists of the stage's newest folder, and write those that it finds."""
    with keeping(_lists_of(workspace, stage)) as kept:
        yield
    if kept.found is not None:
        out.write_table(_FILE, _to_table(kept.found))


def _lists_of(workspace: Storage, stage: str) -> Lists | None:
    newest = next(newest_folders(workspace, stage), None)
    if newest is None or newest.manifest["version"] != __version__ or _FILE not in newest.manifest["files"]:
        return None
    table = newest.storage.read_table(_FILE)
    near = table["near"].combine_chunks()
    places = near.flatten().to_numpy().astype(np.int64).reshape(len(near), -1) if len(near) else np.zeros((0, 0), int)
    return Lists(table["mark"].to_numpy().view(np.uint64), places)


def _to_table(lists: Lists) -> pa.Table:
    n, k = lists.near.shape
    flat = pa.array(lists.near.ravel().astype(np.int32))
    near = pa.ListArray.from_arrays(pa.array(np.arange(n + 1) * k, pa.int32()), flat)
    return pa.table([lists.marks.view(np.int64), near], schema=NEIGHBOURS.schema())
