"""Parts of derived tables, kept by what they are made of, so that new data alone is computed.

`derived/parts/<key>.parquet` is what one task made of one partition; the key is a digest over the partition's bytes and
all else that the task obeys. A derived folder is put together from parts: those that are there are linked into it
(copied in an object store), the others are made and kept first; its manifest names them. So a killed run goes on where
it was, and a run over yesterday's files and today's computes today's. A part is complete or absent, and never changed;
the folder may be deleted at any time, which costs the computing only. Parts that no manifest names are removed once
they are old (`prune_parts`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from oddloop.errors import TableError, WorkspaceError
from oddloop.lake.derived import newest_manifests
from oddloop.lake.scan import open_parquet
from oddloop.lake.storage import Storage, _staging_name

PARTS = "derived/parts"
SPARED_S = 14 * 86_400
"""How much older than the newest a part that no manifest names must be: a run that was killed goes on from such."""


@dataclass(frozen=True)
class PartStore:
    """The parts of a workspace; it pickles, so that a task reads and writes them itself."""

    folder: Storage

    @classmethod
    def of(cls, workspace: Storage) -> PartStore:
        """The store of a workspace."""
        return cls(workspace.sub(PARTS))

    def take(self, key: str, to: Storage, file: str) -> int | None:
        """Put a part into a folder of the same workspace; returns its rows, None where it is not there or damaged."""
        name = f"{key}.parquet"
        try:
            with open_parquet(self.folder, name) as part:
                n_rows = int(part.metadata.num_rows)
        except TableError:
            return None
        _link(self.folder, name, to, file)
        return n_rows

    @contextlib.contextmanager
    def making(self, key: str) -> Iterator[str]:
        """Give a path to write a part to, which appears under its key whole and durable, or not at all.

        Where nothing is written, nothing is kept.
        """
        name = self.folder.write_aside(f"{key}.parquet")
        try:
            yield self.folder.path(name)
            if self.folder.exists(name):
                self.folder.commit_file(name, f"{key}.parquet")
        except BaseException:
            if self.folder.exists(name):
                self.folder.delete_file(name)
            raise

    def drop(self, key: str) -> None:
        """Remove a part, where it is there."""
        if self.folder.exists(f"{key}.parquet"):
            self.folder.delete_file(f"{key}.parquet")


def prune_parts(workspace: Storage) -> list[str]:
    """Remove parts that no manifest of a derived folder names, older by `SPARED_S` than the newest; returns their keys.

    To be called once a run has ended well: whatever it took over from a killed one is named then. Where a folder is of
    a newer oddloop, nobody here knows what it names, and nothing is removed; nor where a store tells no times.
    """
    folder = workspace.sub(PARTS)
    made_ns = {Path(i.path).stem: i.mtime_ns or 0 for i in folder.list_files(suffix=".parquet", recursive=False)}
    newest_ns = max(made_ns.values(), default=0)
    loose = {key for key, at_ns in made_ns.items() if newest_ns - at_ns > SPARED_S * 10**9}
    try:
        for stage in workspace.list_folders("derived"):
            for _, manifest in newest_manifests(workspace, stage):
                if not loose:
                    return []
                loose -= set(manifest.get("parts", ()))
    except WorkspaceError:
        return []
    for key in loose:
        PartStore(folder).drop(key)
    return sorted(loose)


def _link(source: Storage, name: str, to: Storage, file: str) -> None:
    """One more name for a file where the disk allows that, else a copy."""
    if not source.is_local:
        source.fs.copy_file(source.path(name), to.path(file))
        return
    aside = _staging_name(to.path(file))  # a task that is run again finds the name taken
    try:
        os.link(source.path(name), aside)
    except OSError:  # no hard links here, or too many of one file
        shutil.copyfile(source.path(name), aside)
    os.replace(aside, to.path(file))
    Path(aside).unlink(missing_ok=True)  # two names of one file are not replaced by each other
