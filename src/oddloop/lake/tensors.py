"""Open a tensor at a URI: `.npy` and `.npz` with NumPy, `.zarr` with zarr (extra `zarr`).

A local `.npy` is mapped, not read: what is looked at comes from the disk, and nothing of it stays. Files may hold
numbers only: pickled objects are refused, since reading them would run their code.
"""

from __future__ import annotations

import importlib
import io
import posixpath
from typing import Any

import numpy as np
import numpy.typing as npt

from oddloop.errors import OddloopError, TableError
from oddloop.lake.storage import Storage

SUFFIXES = (".npy", ".npz", ".zarr")


def open_tensor(base: Storage, uri: str) -> npt.NDArray[Any]:
    """Open the tensor at a URI.

    Args:
        base: the workspace; a URI without a scheme is a path from there, or an absolute one.
        uri: ends in `.npy`, `.npz` (which holds one array) or `.zarr` (an array, not a group).

    Raises:
        TableError: there is no such file, it is of another kind or damaged, or its reader is not installed.
    """
    suffix = posixpath.splitext(uri.rstrip("/"))[1].lower()
    if suffix not in SUFFIXES:
        raise TableError(f"`tensor_uri` {uri!r} must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}")
    try:
        place, path = _place(base, uri)
        if suffix == ".zarr":
            return _open_zarr(place, path, uri)
        if place.is_local and suffix == ".npy":
            return np.load(place.local_path(path), mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
        opened = np.load(io.BytesIO(place.read_bytes(path)), allow_pickle=False)
        return _only_one(opened, uri) if suffix == ".npz" else opened
    except (OSError, ValueError, EOFError, OddloopError) as error:
        if isinstance(error, TableError):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TableError(f"`tensor_uri` {uri!r} cannot be read: {reason}; write the file again, or null") from error


def _place(base: Storage, uri: str) -> tuple[Storage, str]:
    """The folder of the file, and its name."""
    if "://" not in uri and not uri.startswith("/"):
        return base, uri
    folder, _, name = uri.rstrip("/").rpartition("/")
    return Storage.open(folder or "/"), name


def _only_one(opened: Any, uri: str) -> npt.NDArray[Any]:
    with opened:
        names = opened.files
        if len(names) != 1:
            raise TableError(f"`tensor_uri` {uri!r} holds {len(names)} arrays; it must hold one: {', '.join(names)}")
        found: npt.NDArray[Any] = opened[names[0]]
        return found


def _open_zarr(place: Storage, path: str, uri: str) -> npt.NDArray[Any]:
    try:
        zarr = importlib.import_module("zarr")
    except ImportError:
        raise TableError(f"`tensor_uri` {uri!r} needs the extra `zarr`: pip install 'oddloop[zarr]'") from None
    try:
        opened = zarr.open_array(str(place.local_path(path)) if place.is_local else f"{place.url}/{path}", mode="r")
        found: npt.NDArray[Any] = opened[...]
    except Exception as error:  # what zarr raises depends on its version and on the store
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TableError(f"`tensor_uri` {uri!r} cannot be read as a zarr array: {reason}") from error
    return found
