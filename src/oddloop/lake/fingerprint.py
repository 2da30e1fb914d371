"""Content digests of input tables, so that a stage knows whether its inputs changed.

A digest depends on file names and bytes alone, never on where the workspace lies or when it was copied. The digest of a
local file is remembered until the file's size, times or inode change; a file that has just been written is hashed once
more by the next run. In object stores files are hashed at each run.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from pathlib import Path

from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles

CACHE_FILE = "derived/fingerprints.json"
_CHUNK_BYTES = 1 << 22
_COARSEST_CLOCK_NS = 2_000_000_000
"""File times on FAT; other file systems are finer."""
Cache = dict[str, tuple[str, str]]
"""(Stamp, digest) by path."""


def digest_of(value: object) -> str:
    """Digest of a plain nested value: 16 bytes of BLAKE2b over its canonical JSON, as 32 hex digits.

    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def fingerprint(tables: Iterable[TableFiles], workspace: Storage) -> dict[str, str]:
    """Content digest by table name; a table without files has the digest of nothing.

    Args:
        tables: the tables to look at.
        workspace: where the digests of unchanged local files are remembered.
    """
    cache = _load(workspace)
    before = dict(cache)
    digests = {table.name: _table_digest(table, cache) for table in tables}
    if cache != before:
        workspace.write_bytes(CACHE_FILE, json.dumps(cache, indent=0, sort_keys=True).encode())
    return digests


def file_digest(storage: Storage, file: str) -> str:
    """BLAKE2b of a file's bytes, 32 hex digits; memory stays at one chunk."""
    state = hashlib.blake2b(digest_size=16)
    with storage.fs.open_input_stream(storage.path(file)) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            state.update(chunk)
    return state.hexdigest()


def _table_digest(table: TableFiles, cache: Cache) -> str:
    return digest_of([[file, _file_digest(table.storage, file, cache)] for file in table.files])


def _file_digest(storage: Storage, file: str, cache: Cache) -> str:
    if not storage.is_local:
        return file_digest(storage, file)
    path = storage.local_path(file)
    stamp = _stamp(path)
    known_stamp, known = cache.get(str(path), ("", ""))
    if stamp == known_stamp:
        return known
    digest = file_digest(storage, file)
    cache.pop(str(path), None)
    if _is_settled(path) and _stamp(path) == stamp:
        cache[str(path)] = (stamp, digest)
    return digest


def _stamp(path: Path) -> str:
    """What changes when a file is written, replaced, or put back with its old modification time."""
    status = path.stat()
    return f"{status.st_size}|{status.st_mtime_ns}|{status.st_ctime_ns}|{status.st_ino}"


def _is_settled(path: Path) -> bool:
    """Whether the last change is so long ago that another one would show in the file's times."""
    return time.time_ns() - path.stat().st_ctime_ns > _COARSEST_CLOCK_NS


def _load(workspace: Storage) -> Cache:
    """Remembered digests; where there is no such cache, or it is damaged, files are hashed again."""
    if not workspace.exists(CACHE_FILE):
        return {}
    try:
        remembered = json.loads(workspace.read_bytes(CACHE_FILE))
        return {str(path): (str(stamp), str(digest)) for path, (stamp, digest) in remembered.items()}
    except (ValueError, AttributeError, TypeError):
        return {}
