"""One writer at a time: a lock that the operating system drops when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import warnings
from collections.abc import Iterator

from oddloop.errors import WorkspaceError
from oddloop.lake.journal import finish, is_pending
from oddloop.lake.storage import Storage

LOCK_FILE = ".lock"
PATIENCE_S = 5.0
"""How long readers wait for tables that are changing places, which takes a moment on a local disk."""


class _BusyError(WorkspaceError):
    """Another process holds the workspace."""


class _UnwritableError(WorkspaceError):
    """The workspace is read-only for this process."""


@contextlib.contextmanager
def locked(storage: Storage) -> Iterator[None]:
    """Hold the workspace for writing, with the tables in place that a killed run was putting there.

    In an object store there is no lock: derived folders stay correct, since whoever writes one writes the same, but
    start only one `oddloop run` at a time there.

    Raises:
        WorkspaceError: another process is writing to the workspace, or it is read-only.
    """
    if not storage.is_local:
        finish(storage)
        yield
        return
    try:
        handle = os.open(storage.local_path(LOCK_FILE), os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _UnwritableError(f"{storage.url}: cannot be written to: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _BusyError(
                f"{storage.url}: another oddloop process is writing to this workspace; wait for it to end"
            ) from error
        finish(storage)
        yield
    finally:
        os.close(handle)


def settle(storage: Storage) -> None:
    """See to it that a reader finds all lake tables old or all new; costs one look where none is changing places.

    What a killed run began is ended here. A live one is waited for; in an object store, where the two look the same,
    it is helped after a while, which does no harm. Read-only places are read as they are, with a warning.

    Raises:
        WorkspaceError: another process is still at it after `PATIENCE_S`, or a table is gone.
    """
    late_s = time.monotonic() + PATIENCE_S
    while is_pending(storage):
        is_late = time.monotonic() > late_s
        try:
            if storage.is_local or is_late:
                with locked(storage):
                    return
        except _UnwritableError as error:
            if is_late:
                warnings.warn(f"{error}; {_MIXED}", stacklevel=2)
                return
        except _BusyError:
            if is_late:
                raise
        time.sleep(0.02)


_MIXED = (
    "a run was killed while lake tables changed places, so some are of the last ingest and some of the one before; "
    "run any oddloop command where it can be written to, which ends that"
)
