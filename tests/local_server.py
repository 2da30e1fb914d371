"""Other people's servers on loopback, each a process of its own for as long as tests need it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def answering(
    command: Sequence[str | Path], environ: Mapping[str, str], log: Path, url: str, patience_s: float
) -> Iterator[None]:
    """Start a server, wait until its `/health` answers, and end it with all that it started.

    Args:
        command: the program and its arguments.
        environ: its whole environment.
        log: file that its output is appended to.
        url: where it answers.
        patience_s: how long to wait for the first answer.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=environ, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
    try:
        _wait(url, process, log, patience_s)
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path, patience_s: float) -> None:
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        assert process.poll() is None, f"the server ended:\n{log.read_text(errors='replace')[-3000:]}"
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(f"the server did not answer:\n{log.read_text(errors='replace')[-3000:]}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
