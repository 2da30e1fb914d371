"""Bring finished files to where they are read: each file, and each folder as a whole, is the old one or the new one.

On a local disk entries that lie aside take their places by one rename each; a folder changes places with the old one.
In an object store, where nothing can be renamed, the record of the publication is written last.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path

from oddloop.lake.storage import Storage, sync, sync_whole

RECORD = "publication.json"
_AT_FDCWD, _EXCHANGE = -100, 2


def place(built: Path, target: Storage) -> None:
    """Move or copy every entry of a folder to the target, over older ones; the record last.

    Args:
        built: holds files and folders; for a local target on the same disk.
        target: the folder that dashboards read from.
    """
    if target.is_local:
        sync_whole(built)
    entries = sorted(built.iterdir(), key=lambda entry: (entry.name == RECORD, entry.name))
    for entry in entries:
        if target.is_local:
            _move(entry, target.local_path(entry.name))
        else:
            _upload(entry, target)


def remove_leftovers(target: Storage) -> None:
    """Remove what killed publications left aside."""
    for name in target.list_leftovers():
        path = target.local_path(name)
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _move(entry: Path, target: Path) -> None:
    if entry.is_dir() and target.exists():
        _exchange(entry, target)  # the old one goes with the folder that it now lies in
    else:
        os.replace(entry, target)
    sync(str(target.parent))


def _exchange(new: Path, old: Path) -> None:
    """Let two folders change places at once; where the file system cannot, one after the other."""
    libc = ctypes.CDLL(None, use_errno=True)
    rename = getattr(libc, "renameat2", None)
    if rename and rename(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(old), _EXCHANGE) == 0:
        return
    aside = new.with_name(f"{new.name}.old")
    os.rename(old, aside)
    os.rename(new, old)


def _upload(entry: Path, target: Storage) -> None:
    files = [path for path in entry.rglob("*") if path.is_file()] if entry.is_dir() else [entry]
    for path in sorted(files):
        relative = path.relative_to(entry.parent).as_posix()
        target.fs.create_dir(target.path(relative).rsplit("/", 1)[0], recursive=True)
        with path.open("rb") as source, target.fs.open_output_stream(target.path(relative)) as sink:
            while chunk := source.read(1 << 22):
                sink.write(chunk)
