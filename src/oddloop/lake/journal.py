"""Decide in one moment which lake tables take their places, so that whoever comes after a kill ends what was begun.

Tables change places one after the other, and a kill may come between any two. So, when all new ones lie aside and are
synced, `.replacing.json` is written whole: which file goes where, and which ones go away. Before that moment the old
tables count, after it the new ones. Every writer ends it before anything else, and so does every reader that may
(`lake.lock`). Each step may be done again: a file that is no longer aside has been moved, since in an object store,
where a move is a copy, the file aside goes last.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from oddloop.errors import WorkspaceError
from oddloop.lake.storage import STAGING_MARK, Storage, sync

JOURNAL_FILE = ".replacing.json"
"""In the workspace, from the moment the new tables count until all of them are in their places."""
_FORMAT = 1
_MARKED_BYTES = 1 << 16


def is_pending(storage: Storage) -> bool:
    """Whether tables are changing places, or were when their writer died."""
    return storage.exists(JOURNAL_FILE)


def decide(storage: Storage, moves: Mapping[str, str], dropped: Iterable[str]) -> None:
    """Write down what shall be where; from here on the new tables count, and `finish` does the rest.

    Args:
        storage: the workspace, held by `lake.lock.locked`.
        moves: files written aside and synced, by the file in whose place each goes.
        dropped: files that go away; those that are not there are left out.
    """
    if storage.is_local:
        _sync_names(storage, moves.values())
        for leftover in storage.list_leftovers():
            if leftover.startswith(f"{JOURNAL_FILE}{STAGING_MARK}"):
                storage.delete_file(leftover)
    entries = [{"aside": aside, "file": file, "mark": _mark(storage, aside)} for file, aside in moves.items()]
    content = {"format": _FORMAT, "moves": entries, "dropped": [file for file in dropped if storage.exists(file)]}
    storage.write_bytes(JOURNAL_FILE, json.dumps(content).encode())


def finish(storage: Storage) -> None:
    """Put the tables of the journal into their places and remove it; nothing happens where there is none.

    Raises:
        WorkspaceError: a table can no longer be put there; the message says why, and what to do.
    """
    if not is_pending(storage):
        return
    try:
        _redo(storage, _read(storage))
        storage.delete_file(JOURNAL_FILE)
        _sync_names(storage, [JOURNAL_FILE])
    except OSError as error:
        raise WorkspaceError(
            f"{storage.url}: tables that were ingested cannot take their places: {error}; mend that and run again"
        ) from error


def _redo(storage: Storage, journal: dict[str, Any]) -> None:
    for move in journal["moves"]:
        _put(storage, move["aside"], move["file"], move["mark"])
    for file in journal["dropped"]:
        folder = file.rpartition("/")[0]
        if storage.exists(file):
            storage.delete_file(file)
        if storage.exists(folder) and not storage.list_files(folder):
            storage.delete_folder(folder)  # an empty one looks like a table that failed
    _sync_names(storage, [*(move["file"] for move in journal["moves"]), *journal["dropped"]])


def _put(storage: Storage, aside: str, file: str, mark: str) -> None:
    try:
        if storage.exists(aside):
            _move(storage, aside, file)
            return
    except FileNotFoundError:  # in an object store, where nobody is locked out, somebody else has just moved it
        pass
    if _mark(storage, file) != mark:
        raise WorkspaceError(
            f"{storage.url}/{file}: a killed run was about to put a table here, and what it had written is gone; "
            f"remove {storage.url}/{JOURNAL_FILE} and ingest again"
        )


def _move(storage: Storage, aside: str, file: str) -> None:
    storage.fs.create_dir(storage.path(file.rpartition("/")[0]), recursive=True)
    if storage.is_local:
        os.replace(storage.path(aside), storage.path(file))
    else:
        storage.fs.move(storage.path(aside), storage.path(file))


def _read(storage: Storage) -> dict[str, Any]:
    try:
        journal = dict(json.loads(storage.read_bytes(JOURNAL_FILE)))
    except ValueError:  # cut short, which only an object store can do: nothing was decided, and nothing has moved
        return {"moves": [], "dropped": []}
    if journal.get("format") != _FORMAT:
        raise WorkspaceError(
            f"{storage.url}/{JOURNAL_FILE}: format {journal.get('format')}, and this oddloop reads {_FORMAT}; "
            "run the oddloop that ingested last"
        )
    return journal


def _mark(storage: Storage, file: str) -> str:
    """Digest of how a file ends, where a Parquet file says what is in it; "" where there is none."""
    if not storage.exists(file):
        return ""
    with storage.fs.open_input_file(storage.path(file)) as stream:
        size = stream.size()
        stream.seek(max(0, size - _MARKED_BYTES))
        return f"{size}-{hashlib.blake2b(stream.read(), digest_size=16).hexdigest()}"


def _sync_names(storage: Storage, files: Iterable[str]) -> None:
    """Make durable which names there are in the folders of files, and in those above; each is synced once."""
    if not storage.is_local:
        return
    for folder in sorted({above for file in files for above in (storage.local_path() / file).parents}):
        if folder.is_relative_to(storage.root) and folder.exists():
            sync(str(folder))
