"""A real Label Studio on loopback, with its own SQLite, as `make test-all` installs it beside the tests."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROGRAM = Path(os.environ.get("LABEL_STUDIO", ROOT / ".venv-label-studio/bin/label-studio"))
_PATIENCE_S = 420


@dataclass(frozen=True)
class Server:
    """A running server, and its administrator's legacy token."""

    url: str
    token: str


@contextmanager
def label_studio(folder: Path) -> Iterator[Server]:
    """Start it, wait until it answers, and end it with all that it started."""
    port, token = _free_port(), secrets.token_hex(20)
    admin = ["--username", "admin@example.com", "--password", secrets.token_hex(8), "--user-token", token]
    command = [PROGRAM, "start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    environ = {
        "PATH": f"{PROGRAM.parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
        "SSRF_PROTECTION_ENABLED": "false",  # webhooks must reach loopback here
    }
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--data-dir", str(folder / "data"), *admin, "--enable-legacy-api-token"],
            env=environ, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process, folder / "server.log")
            yield Server(url, token)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(f"Label Studio ended:\n{log.read_text(errors='replace')[-3000:]}")
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(f"Label Studio did not answer:\n{log.read_text(errors='replace')[-3000:]}")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
