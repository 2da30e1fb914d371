"""A folder on a local disk or an object store, behind one small interface.

Local writes are atomic and durable: written aside, synced, renamed. Object stores put a whole object or nothing, so
there a single file is atomic by nature, and a folder counts as complete only once its `manifest.json`, written last,
exists.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from oddloop.errors import WorkspaceError

STAGING_MARK = ".tmp-"
_ARROW_SCHEMES = ("file", "s3", "gs", "gcs", "abfs", "abfss", "hdfs")


@dataclass(frozen=True)
class Storage:
    """A folder; every path that its methods take is relative to it and uses `/`.

    Attributes:
        fs: the Arrow filesystem.
        root: the folder's path in that filesystem.
        url: what the user wrote, for messages.
    """

    fs: pafs.FileSystem
    root: str
    url: str

    @classmethod
    def open(cls, url: str | os.PathLike[str]) -> Storage:
        """Storage at a local path or a URL (`s3://`, `gs://`, `abfs://`, or any scheme that fsspec knows).

        Raises:
            WorkspaceError: the URL's scheme is unknown here, or its driver is not installed.
        """
        text = os.fspath(url)
        if "://" not in text:
            root = str(Path(text).expanduser().resolve())
            return cls(pafs.LocalFileSystem(), root, text)
        try:
            fs, root = _open_url(text)
        except (ValueError, ImportError, pa.ArrowInvalid) as error:
            raise WorkspaceError(f"{text}: cannot open this kind of URL: {error}") from error
        return cls(fs, root.rstrip("/"), text.rstrip("/"))

    @property
    def is_local(self) -> bool:
        """Whether the folder is on a local disk."""
        return isinstance(self.fs, pafs.LocalFileSystem)

    def path(self, relative: str = "") -> str:
        """Path in the Arrow filesystem."""
        return f"{self.root}/{relative}" if relative else self.root

    def sub(self, relative: str) -> Storage:
        """Storage of a folder below this one."""
        return Storage(self.fs, self.path(relative), f"{self.url}/{relative}")

    def exists(self, relative: str = "") -> bool:
        """Whether a file or folder exists."""
        return bool(self.fs.get_file_info(self.path(relative)).type != pafs.FileType.NotFound)

    def list_files(self, relative: str = "", *, suffix: str = "", recursive: bool = True) -> list[pafs.FileInfo]:
        """Files below a folder in path order, hidden and staging ones left out; none where the folder is missing."""
        selector = pafs.FileSelector(self.path(relative), recursive=recursive, allow_not_found=True)
        infos = [i for i in self.fs.get_file_info(selector) if i.type == pafs.FileType.File]
        kept = [i for i in infos if i.path.endswith(suffix) and not _is_hidden(self.relative(i.path))]
        return sorted(kept, key=lambda info: info.path)

    def list_folders(self, relative: str = "", *, staging: bool = False) -> list[str]:
        """Names of the folders directly below a folder, sorted: the staging ones, or all others."""
        selector = pafs.FileSelector(self.path(relative), recursive=False, allow_not_found=True)
        names = [i.base_name for i in self.fs.get_file_info(selector) if i.type == pafs.FileType.Directory]
        return sorted(n for n in names if (STAGING_MARK in n) == staging and (staging or not n.startswith(".")))

    def relative(self, path: str) -> str:
        """Path below this folder, of a path in the Arrow filesystem."""
        return path.removeprefix(self.root).lstrip("/")

    def read_bytes(self, relative: str) -> bytes:
        """Whole content of a file."""
        with self.fs.open_input_stream(self.path(relative)) as stream:
            return bytes(stream.read())

    def write_bytes(self, relative: str, content: bytes) -> None:
        """Write a file whole or not at all, and durably; folders above it are made."""
        target = self.path(relative)
        self.fs.create_dir(target.rsplit("/", 1)[0], recursive=True)
        if not self.is_local:
            with self.fs.open_output_stream(target) as stream:
                stream.write(content)
            return
        aside = f"{target}{STAGING_MARK}{uuid.uuid4().hex}"
        Path(aside).write_bytes(content)
        _sync(aside)
        os.replace(aside, target)
        _sync(os.path.dirname(target))

    def write_table(self, relative: str, table: pa.Table, *, row_group_rows: int = 65536) -> None:
        """Write a Parquet file; call it inside `staged_folder`, which makes the folder atomic."""
        target = self.path(relative)
        self.fs.create_dir(target.rsplit("/", 1)[0], recursive=True)
        pq.write_table(table, target, filesystem=self.fs, row_group_size=row_group_rows, compression="zstd")

    def read_table(self, relative: str, columns: list[str] | None = None) -> pa.Table:
        """Read a Parquet file."""
        return pq.read_table(self.path(relative), filesystem=self.fs, columns=columns, partitioning=None)

    def delete_folder(self, relative: str) -> None:
        """Remove a folder and what is in it; nothing happens where there is none."""
        if self.exists(relative):
            self.fs.delete_dir(self.path(relative))

    def local_path(self, relative: str = "") -> Path:
        """Path on the local disk.

        Raises:
            WorkspaceError: the folder is in an object store.
        """
        if not self.is_local:
            raise WorkspaceError(f"{self.url}: this needs a workspace on a local disk")
        return Path(self.path(relative))


@contextlib.contextmanager
def staged_folder(storage: Storage, final: str) -> Iterator[Storage]:
    """Give a folder to write to that appears under its final name whole, or not at all.

    On a local disk it is written aside, synced and renamed; whoever renames first wins, and the other's identical work
    is dropped. In an object store it is written in place, and the caller writes `manifest.json` last.
    """
    if not storage.is_local:
        storage.delete_folder(final)
        yield storage.sub(final)
        return
    staging = f"{final}{STAGING_MARK}{uuid.uuid4().hex}"
    storage.fs.create_dir(storage.path(staging), recursive=True)
    try:
        yield storage.sub(staging)
        _commit(storage.local_path(staging), storage.local_path(final))
    finally:
        shutil.rmtree(storage.local_path(staging), ignore_errors=True)


def _commit(staging: Path, final: Path) -> None:
    for folder, _, names in os.walk(staging):
        for name in names:
            _sync(os.path.join(folder, name))
        _sync(folder)
    with contextlib.suppress(FileExistsError, OSError):
        os.rename(staging, final)
    if not final.exists():
        raise WorkspaceError(f"{final}: could not be moved into place; is the disk full or read-only?")
    _sync(str(final.parent))


def _sync(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _open_url(url: str) -> tuple[pafs.FileSystem, str]:
    if url.split("://", 1)[0] in _ARROW_SCHEMES:
        fs, root = pafs.FileSystem.from_uri(url)
        return fs, root
    import fsspec

    fs, root = fsspec.core.url_to_fs(url)
    return pafs.PyFileSystem(pafs.FSSpecHandler(fs)), root


def _is_hidden(relative: str) -> bool:
    return any(part.startswith((".", "_")) or STAGING_MARK in part for part in relative.split("/"))
