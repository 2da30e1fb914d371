"""One writer at a time: a lock that the operating system drops when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from oddloop.errors import WorkspaceError
from oddloop.lake.storage import Storage

LOCK_FILE = ".lock"


@contextlib.contextmanager
def locked(storage: Storage) -> Iterator[None]:
    """Hold the workspace for writing.

    In an object store there is no lock: derived folders stay correct, since whoever writes one writes the same, but
    start only one `oddloop run` at a time there.

    Raises:
        WorkspaceError: another process is writing to the workspace, or it is read-only.
    """
    if not storage.is_local:
        yield
        return
    try:
        handle = os.open(storage.local_path(LOCK_FILE), os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise WorkspaceError(f"{storage.url}: cannot be written to: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise WorkspaceError(
                f"{storage.url}: another oddloop process is writing to this workspace; wait for it to end"
            ) from error
        yield
    finally:
        os.close(handle)
