"""A real Label Studio on loopback, with its own SQLite, as `make test-all` installs it beside the tests."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_server import answering, free_port

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
    port, token = free_port(), secrets.token_hex(20)
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
    url = f"http://127.0.0.1:{port}"
    command += ["--data-dir", str(folder / "data"), *admin, "--enable-legacy-api-token"]
    with answering(command, environ, folder / "server.log", url, _PATIENCE_S):
        yield Server(url, token)
