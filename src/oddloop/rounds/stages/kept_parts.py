"""A kernel over all partitions of a table, of which those that were done before are taken from what is kept.

What is kept is named by the partition's bytes, the settings that the kernel obeys, and the bytes of those files of
other tables that may hold rows of the same frames. So a new file, or one that is delivered again with other content,
brings about its own partitions and those of its frames, and nothing else.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from oddloop import __version__
from oddloop.engine.partitions import PartitionJob, map_partitions
from oddloop.errors import WorkspaceError
from oddloop.lake.fingerprint import digest_of, file_digests
from oddloop.lake.parts import PartStore
from oddloop.lake.ranges import Range, column_names, range_of, ranges_of
from oddloop.lake.scan import Partition, partitions
from oddloop.lake.workspace import TableFiles
from oddloop.rounds.stages.context import Context

_JOINED = "frame_id"
"""Column by which kernels look up rows of other tables."""


@dataclass(frozen=True)
class MadeBy:
    """What a kernel's result depends on, besides the partition and the version of oddloop.

    Attributes:
        kernel: its name, which no other kernel has.
        obeys: settings and digests, as plain values.
        looks_up: tables out of which it reads the rows of a partition's frames.
    """

    kernel: str
    obeys: Mapping[str, Any]
    looks_up: tuple[TableFiles, ...] = field(default=())

    def also(self, **obeyed: Any) -> MadeBy:
        """The same with more that is obeyed."""
        return replace(self, obeys={**self.obeys, **obeyed})


def map_kept(context: Context, what: str, job: PartitionJob, files: TableFiles, made_by: MadeBy) -> int:
    """Run a job over all partitions of a table (`engine.map_partitions`); tells the context how many were kept.

    Raises:
        WorkspaceError: a file was changed while it was read.
    """
    storage = context.workspace.storage
    tables = (files, *made_by.looks_up)
    digests = [file_digests(table, storage) for table in tables]
    parts = _with_keys(partitions(files, job.spec), digests, made_by)
    store, on_done = PartStore.of(storage), functools.partial(context.progress, what)
    done = map_partitions(context.engine, replace(job, parts=store), parts, on_done)
    if digests != [file_digests(table, storage) for table in tables]:
        for part in parts:
            store.drop(part.key)
        raise WorkspaceError(f"{files.name}: a file was changed while it was read; run again once it is written")
    context.reuse.count((part.key for part in parts), done.n_reused)
    return done.n_rows


def _with_keys(parts: Sequence[Partition], digests: Sequence[Mapping[str, str]], made_by: MadeBy) -> list[Partition]:
    common = digest_of([__version__, made_by.kernel, dict(made_by.obeys)])
    others = [_Other.of(table, digest) for table, digest in zip(made_by.looks_up, digests[1:], strict=True)]

    def key(part: Partition) -> str:
        wanted = range_of(part, _JOINED) if others else Range()
        return digest_of([common, digests[0][part.file], part.row_groups, [other.seen_by(wanted) for other in others]])

    return [replace(part, key=key(part)) for part in parts]


@dataclass(frozen=True)
class _Other:
    """Another table out of which rows are read: its columns, and digest and range of frames by file."""

    columns: list[str]
    digests: Mapping[str, str]
    ranges: Mapping[str, Range]

    @classmethod
    def of(cls, files: TableFiles, digests: Mapping[str, str]) -> _Other:
        return cls(column_names(files), digests, ranges_of(files, _JOINED))

    def seen_by(self, wanted: Range) -> list[Any]:
        """What those find here who look for frames in a range: a column of any file is one of all rows, too."""
        return [self.columns, [digest for file, digest in self.digests.items() if self.ranges[file].meets(wanted)]]
