"""Which files the lake consists of, and what has changed about them since: by sizes and times, so no byte is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow.fs as pafs

from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles, Workspace
from oddloop.tables import FRAMES, FUTURES, LABELS, METRICS, OBJECTS, SCENES, TRACKS

Seen = Mapping[str, str]
"""Size and time by `<table>/<file>`."""
_PLAIN = (SCENES, FRAMES, OBJECTS, TRACKS, FUTURES, METRICS, LABELS)


@dataclass(frozen=True)
class Changes:
    """Files that are new, have changed, or are gone, sorted."""

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.gone)

    @classmethod
    def between(cls, before: Seen, now: Seen) -> Changes:
        """What happened from one look to the next.

        >>> Changes.between({"a": "1", "b": "1"}, {"b": "2", "c": "1"})
        Changes(new=('c',), changed=('b',), gone=('a',))
        """
        changed = sorted(file for file in before.keys() & now.keys() if before[file] != now[file])
        return cls(tuple(sorted(now.keys() - before.keys())), tuple(changed), tuple(sorted(before.keys() - now.keys())))

    def to_words(self) -> str:
        """Counts in words.

        >>> Changes(new=("a", "b"), gone=("c",)).to_words()
        '2 new, 1 gone'
        """
        counts = {"new": len(self.new), "changed": len(self.changed), "gone": len(self.gone)}
        return ", ".join(f"{n} {what}" for what, n in counts.items() if n) or "no change"


def look_at_lake(workspace: Workspace) -> dict[str, str]:
    """All files of all tables that the stages read.

    Raises:
        WorkspaceError: a folder cannot be listed.
    """
    seen: dict[str, str] = {}
    for files in _tables(workspace):
        infos = files.storage.fs.get_file_info([files.storage.path(file) for file in files.files])
        seen |= {f"{files.name}/{file}": stamp_of(info) for file, info in zip(files.files, infos, strict=True)}
    return seen


def look_at_file(url: str) -> str:
    """Size and time of one file, by path or URL; "" where it is not there."""
    folder, _, name = url.rpartition("/")
    storage = Storage.open(folder or ".")
    info = storage.fs.get_file_info([storage.path(name)])[0]
    return stamp_of(info) if info.type == pafs.FileType.File else ""


def stamp_of(info: pafs.FileInfo) -> str:
    """What changes when the file is written again."""
    return f"{info.size}|{info.mtime_ns}"


def _tables(workspace: Workspace) -> Iterator[TableFiles]:
    for spec in _PLAIN:
        yield workspace.table(spec.name)
    for model_id, tasks in workspace.models().items():
        for task in tasks:
            yield workspace.table(f"predictions/{task}/{model_id}")
    for encoder in workspace.encoders():
        yield workspace.table(f"features/{encoder}")
        yield workspace.table(f"heads/{encoder}")
