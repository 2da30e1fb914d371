"""Content digests of input tables, so that a stage knows whether its inputs changed.

A digest depends on file names and bytes alone, never on where the workspace lies or when it was copied. Local files are
hashed once: digests are remembered by (path, size, modification time). In object stores they are hashed at each run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles

CACHE_FILE = "derived/fingerprints.json"
_CHUNK_BYTES = 1 << 22


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


def _table_digest(table: TableFiles, cache: dict[str, str]) -> str:
    return digest_of([[file, _file_digest(table.storage, file, cache)] for file in table.files])


def _file_digest(storage: Storage, file: str, cache: dict[str, str]) -> str:
    if not storage.is_local:
        return file_digest(storage, file)
    path = storage.local_path(file)
    status = path.stat()
    key = f"{path}|{status.st_size}|{status.st_mtime_ns}"
    if key not in cache:
        for stale in [k for k in cache if k.startswith(f"{path}|")]:
            del cache[stale]
        cache[key] = file_digest(storage, file)
    return cache[key]


def _load(workspace: Storage) -> dict[str, str]:
    if not workspace.exists(CACHE_FILE):
        return {}
    try:
        return {str(k): str(v) for k, v in json.loads(workspace.read_bytes(CACHE_FILE)).items()}
    except ValueError:
        return {}  # only a cache: without it, files are hashed again
