"""A folder on a local disk or an object store, behind one small interface.

Local writes are atomic and durable: written aside, synced, renamed. Object stores put a whole object or nothing, so
there a single file is atomic by nature, and a folder counts as complete only once its `manifest.json`, written last,
exists.
"""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from oddloop.errors import WorkspaceError
from oddloop.lake.encoding import parquet_settings, row_group_rows

STAGING_MARK = ".tmp-"
"""Followed by 32 hex digits, ends the name of a file or folder that is being written."""
_STAGING_NAME = re.compile(rf"{re.escape(STAGING_MARK)}[0-9a-f]{{32}}$")
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
        except (ValueError, ImportError, OSError, pa.ArrowException) as error:
            raise WorkspaceError(f"{text}: cannot open this kind of URL: {_reason(error)}") from error
        return cls(fs, root.rstrip("/"), text.rstrip("/"))

    @property
    def is_local(self) -> bool:
        """Whether the folder is on a local disk."""
        return isinstance(self.fs, pafs.LocalFileSystem)

    @property
    def absolute(self) -> str:
        """Absolute local path, or URL: what `open` takes from any working directory."""
        return self.root if self.is_local else self.url

    def path(self, relative: str = "") -> str:
        """Path in the Arrow filesystem."""
        return f"{self.root.rstrip('/')}/{relative}" if relative else self.root

    def sub(self, relative: str) -> Storage:
        """Storage of a folder below this one, or beside it where the path begins with `..`."""
        return Storage(self.fs, posixpath.normpath(self.path(relative)), f"{self.url.rstrip('/')}/{relative}")

    def exists(self, relative: str = "") -> bool:
        """Whether a file or folder exists."""
        return bool(self.fs.get_file_info(self.path(relative)).type != pafs.FileType.NotFound)

    def list_files(self, relative: str = "", *, suffix: str = "", recursive: bool = True) -> list[pafs.FileInfo]:
        """Files below a folder in path order, hidden and staging ones left out; none where the folder is missing.

        Raises:
            WorkspaceError: the path is no folder, or may not be listed; so also below.
        """
        infos = [i for i in self._list(relative, recursive=recursive) if i.type == pafs.FileType.File]
        kept = [i for i in infos if i.path.endswith(suffix) and not _is_hidden(self.relative(i.path))]
        return sorted(kept, key=lambda info: info.path)

    def list_folders(self, relative: str = "", *, staging: bool = False) -> list[str]:
        """Names of the folders directly below a folder, sorted: the staging ones, or all others."""
        names = [i.base_name for i in self._list(relative) if i.type == pafs.FileType.Directory]
        return sorted(n for n in names if is_staging(n) == staging and (staging or not n.startswith(".")))

    def list_leftovers(self, relative: str = "") -> list[str]:
        """Names of the staging files and folders directly below a folder, sorted."""
        return sorted(info.base_name for info in self._list(relative) if is_staging(info.base_name))

    def _list(self, relative: str, *, recursive: bool = False) -> list[pafs.FileInfo]:
        selector = pafs.FileSelector(self.path(relative), recursive=recursive, allow_not_found=True)
        try:
            return list(self.fs.get_file_info(selector))
        except NotADirectoryError as error:
            raise WorkspaceError(f"{self.url}/{relative}".rstrip("/") + " is a file, not a folder") from error
        except OSError as error:
            raise WorkspaceError(
                f"{self.url}/{relative}".rstrip("/") + f" cannot be listed: {_reason(error)}"
            ) from error

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
        aside = _staging_name(target)
        try:
            Path(aside).write_bytes(content)
            sync(aside)
            os.replace(aside, target)
        finally:
            Path(aside).unlink(missing_ok=True)
        _sync_up(Path(target).parent, Path(self.root))

    def write_table(self, relative: str, table: pa.Table) -> None:
        """Write a Parquet file; call it inside `staged_folder`, which makes the folder atomic."""
        target = self.path(relative)
        self.fs.create_dir(target.rsplit("/", 1)[0], recursive=True)
        settings = {"row_group_size": row_group_rows(table.schema), **parquet_settings(table.schema)}
        pq.write_table(table, target, filesystem=self.fs, **settings)

    def read_table(self, relative: str, columns: list[str] | None = None) -> pa.Table:
        """Read a Parquet file.

        Raises:
            WorkspaceError: the file is gone.
        """
        try:
            return pq.read_table(self.path(relative), filesystem=self.fs, columns=columns, partitioning=None)
        except FileNotFoundError as error:
            raise WorkspaceError(
                f"{self.url}/{relative}: the file is gone, though a record refers to it; restore it from a backup"
            ) from error
        except pa.ArrowInvalid as error:
            raise WorkspaceError(
                f"{self.url}/{relative}: damaged; remove the folder of a stage to have it made again, or restore it"
            ) from error

    def write_aside(self, relative: str) -> str:
        """A name beside a file's own to write it under; `commit_file` makes it the file's."""
        self.fs.create_dir(self.path(relative).rpartition("/")[0], recursive=True)
        return _staging_name(relative)

    def commit_file(self, aside: str, relative: str) -> None:
        """Give a file that was written aside its own name, whole and durably, in place of another where there is one.

        Also in an object store: a writer that fails there closes its object, as if it were whole.
        """
        if not self.is_local:
            self.fs.move(self.path(aside), self.path(relative))
            return
        sync(self.path(aside))
        os.replace(self.path(aside), self.path(relative))
        _sync_up(Path(self.path(relative)).parent, Path(self.root))

    def delete_folder(self, relative: str) -> None:
        """Remove a folder and what is in it; nothing happens where there is none."""
        if self.exists(relative):
            self.fs.delete_dir(self.path(relative))

    def delete_file(self, relative: str) -> None:
        """Remove a file."""
        self.fs.delete_file(self.path(relative))

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
    staging = _staging_name(final)
    storage.fs.create_dir(storage.path(staging), recursive=True)
    try:
        yield storage.sub(staging)
        _commit(storage.local_path(staging), storage.local_path(final))
        _sync_up(storage.local_path(final).parent, storage.local_path())
    finally:
        shutil.rmtree(storage.local_path(staging), ignore_errors=True)


def _commit(staging: Path, final: Path) -> None:
    sync_whole(staging)
    try:
        os.rename(staging, final)
    except OSError as error:
        if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):  # those mean that the folder is there already
            reason = _reason(error)
            raise WorkspaceError(
                f"{final}: could not be moved into place: {reason}; mend that and run again"
            ) from error


def _staging_name(path: str) -> str:
    return f"{path}{STAGING_MARK}{uuid.uuid4().hex}"


def is_staging(name: str) -> bool:
    """Whether a file or folder is being written, or was when its writer died."""
    return _STAGING_NAME.search(name) is not None


def _sync_up(folder: Path, root: Path) -> None:
    """Make a new name in a folder durable, and the names of the folders above it, which may be as new."""
    for parent in (folder, *folder.parents):
        sync(str(parent))
        if parent == root:
            return


def sync(path: str) -> None:
    """Make a file durable, or the names in a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_whole(folder: Path) -> None:
    """Make a folder durable with all that it holds."""
    for inner, _, names in os.walk(folder):
        for name in names:
            sync(os.path.join(inner, name))
        sync(inner)


def _open_url(url: str) -> tuple[pafs.FileSystem, str]:
    if url.split("://", 1)[0] in _ARROW_SCHEMES:
        fs, root = pafs.FileSystem.from_uri(url)
        return fs, root
    import fsspec

    fs, root = fsspec.core.url_to_fs(url)
    return pafs.PyFileSystem(pafs.FSSpecHandler(fs)), root


def _is_hidden(relative: str) -> bool:
    return any(part.startswith((".", "_")) or is_staging(part) for part in relative.split("/"))


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return next(iter(str(error).splitlines()), type(error).__name__)
