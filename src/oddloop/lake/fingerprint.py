"""Content digests of input tables, so that a stage knows whether its inputs changed.

A digest depends on file names and bytes alone, never on where the workspace lies or when it was copied. The digest of a
file is remembered until its size or times change (on a local disk, its inode, too); a file that has just been written
is hashed once more by the next run. Where an object store tells no times, files are hashed at each run.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow.fs as pafs

from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles

CACHE_FILE = "derived/fingerprints.json"
_CHUNK_BYTES = 1 << 22
_AT_ONCE = 8
"""Files that are hashed beside each other, a chunk of each in memory."""
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
    return {name: digest_of(list(map(list, files.items()))) for name, files in _by_table(tables, workspace).items()}


def file_digests(table: TableFiles, workspace: Storage) -> dict[str, str]:
    """Content digest by file of a table; remembered as by `fingerprint`."""
    return _by_table([table], workspace)[table.name]


def _by_table(tables: Iterable[TableFiles], workspace: Storage) -> dict[str, dict[str, str]]:
    cache = _load(workspace)
    before = dict(cache)
    digests = {table.name: _digests(table, cache) for table in tables}
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


def _digests(table: TableFiles, cache: Cache) -> dict[str, str]:
    """Files beside each other: hashing releases the interpreter lock, and object stores answer many at once."""
    stamps = _stamps(table.storage, table.files)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        digests = pool.map(lambda file: _file_digest(table.storage, file, stamps[file], cache), table.files)
        return dict(zip(table.files, digests, strict=True))


def _file_digest(storage: Storage, file: str, stamp: _Stamp, cache: Cache) -> str:
    place = storage.path(file) if storage.is_local else f"{storage.url}/{file}"
    known_stamp, known = cache.get(place, ("", ""))
    if stamp.text and stamp.text == known_stamp:
        return known
    digest = file_digest(storage, file)
    cache.pop(place, None)
    if stamp.is_settled() and _stamps(storage, [file])[file] == stamp:
        cache[place] = (stamp.text, digest)
    return digest


@dataclass(frozen=True)
class _Stamp:
    """What changes when a file is written or replaced, and when that was last; "" and 0 where nobody knows."""

    text: str
    changed_ns: int

    def is_settled(self) -> bool:
        """Whether the last change is so long ago that another one would show in the file's times."""
        return bool(self.text) and time.time_ns() - self.changed_ns > _COARSEST_CLOCK_NS


def _stamps(storage: Storage, files: Sequence[str]) -> dict[str, _Stamp]:
    if storage.is_local:
        return {file: _local_stamp(storage.local_path(file)) for file in files}
    infos = storage.fs.get_file_info([storage.path(file) for file in files])
    return {file: _remote_stamp(info) for file, info in zip(files, infos, strict=True)}


def _local_stamp(path: Path) -> _Stamp:
    """Also tells of a file that was put back with its old modification time."""
    status = path.stat()
    text = f"{status.st_size}|{status.st_mtime_ns}|{status.st_ctime_ns}|{status.st_ino}"
    return _Stamp(text, status.st_ctime_ns)


def _remote_stamp(info: pafs.FileInfo) -> _Stamp:
    changed_ns = info.mtime_ns
    return _Stamp(f"{info.size}|{changed_ns}", changed_ns) if changed_ns else _Stamp("", 0)


def _load(workspace: Storage) -> Cache:
    """Remembered digests; where there is no such cache, or it is damaged, files are hashed again."""
    if not workspace.exists(CACHE_FILE):
        return {}
    try:
        remembered = json.loads(workspace.read_bytes(CACHE_FILE))
        return {str(path): (str(stamp), str(digest)) for path, (stamp, digest) in remembered.items()}
    except (ValueError, AttributeError, TypeError):
        return {}
