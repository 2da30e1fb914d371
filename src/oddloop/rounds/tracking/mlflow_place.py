"""Where MLflow is, and how long oddloop waits for it."""

from __future__ import annotations

import contextlib
import io
import logging
import math
import os
import warnings
from collections.abc import Iterator

from oddloop.config.tracker import TrackerConfig
from oddloop.errors import TrackerError
from oddloop.rounds.tracking.base import Loop

_EMBEDDED = "sqlite:///mlflow.db"
_ARTIFACTS = "mlflow-artifacts"


def place_of(config: TrackerConfig, loop: Loop) -> str:
    """The tracking URI; a relative SQLite path begins at the workspace, since cron starts anywhere.

    Raises:
        TrackerError: the path is relative, and the workspace is in an object store.
    """
    uri = config.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", "") or _EMBEDDED
    scheme, _, path = uri.partition(":///")
    if scheme != "sqlite" or path.startswith("/"):
        return uri
    if loop.folder is None:
        raise TrackerError(f"[tracker] tracking_uri = {uri!r}: an object store holds no database; name a server")
    return f"sqlite:///{loop.folder / path}"


def artifact_root(uri: str, loop: Loop) -> str | None:
    """Where a new experiment keeps files: as its server says; without a server, in the workspace."""
    if uri.startswith("http") or loop.folder is None:
        return None
    return (loop.folder / _ARTIFACTS).as_uri()


@contextlib.contextmanager
def patiently(timeout_s: float) -> Iterator[None]:
    """Have MLflow give up soon, say nothing on stdout, and send nothing to its makers.

    Its own settings let one request take minutes: 120 s each, seven times. What the user has set stays.
    """
    wanted = {
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(math.ceil(timeout_s)),
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
    }
    ours = {name: value for name, value in wanted.items() if name not in os.environ}
    log = logging.getLogger("mlflow")
    level = log.level
    os.environ.update(ours)
    log.setLevel(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about its own ways of naming things
            yield
    finally:
        log.setLevel(level)
        for name in ours:
            os.environ.pop(name, None)
