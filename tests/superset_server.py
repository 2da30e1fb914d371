"""A real Superset on loopback, with its own SQLite, as `make test-all` installs it beside the tests."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_server import answering, free_port

ROOT = Path(__file__).parents[1]
PROGRAM = Path(os.environ.get("SUPERSET", ROOT / ".venv-superset/bin/superset"))
_PATIENCE_S = 300
_SETTINGS = """
SECRET_KEY = "{key}"
SQLALCHEMY_DATABASE_URI = "sqlite:///{folder}/superset.db"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
RATELIMIT_ENABLED = False
"""


@dataclass
class Superset:
    """A running server, and its administrator's name and password."""

    url: str
    user: str
    password: str
    token: str = ""

    def ask(self, path: str, data: bytes | None = None, kind: str = "application/json") -> Any:
        """What its API answers."""
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", data=data)
        if data is not None:
            request.add_header("Content-Type", kind)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.code} {error.read().decode(errors='replace')[:2000]}") from error

    def log_in(self) -> None:
        """Get a token."""
        said = {"username": self.user, "password": self.password, "provider": "db"}
        self.token = self.ask("security/login", json.dumps(said).encode())["access_token"]

    def import_assets(self, bundle: Path) -> None:
        """Import a bundle over what is there, as `POST /api/v1/assets/import/` does."""
        mark = "oddloop-boundary"
        head = f'--{mark}\r\nContent-Disposition: form-data; name="bundle"; filename="superset.zip"\r\n'
        head += "Content-Type: application/zip\r\n\r\n"
        body = head.encode() + bundle.read_bytes() + f"\r\n--{mark}--\r\n".encode()
        assert self.ask("assets/import/", body, f"multipart/form-data; boundary={mark}") == {"message": "OK"}

    def list_all(self, kind: str) -> list[dict[str, Any]]:
        """All charts, datasets or dashboards."""
        found: list[dict[str, Any]] = self.ask(f"{kind}/?q=(page_size:100)")["result"]
        return found

    def chart_data(self, chart_id: int) -> list[dict[str, Any]]:
        """Rows of a chart's first query."""
        answer = self.ask(f"chart/{chart_id}/data/")
        rows: list[dict[str, Any]] = answer["result"][0]["data"]
        return rows

    def query(self, dataset_id: int, query: dict[str, Any]) -> list[dict[str, Any]]:
        """Rows of a query over a dataset, as charts ask them."""
        source = {"id": dataset_id, "type": "table"}
        asked = {
            "datasource": source,
            "queries": [query],
            "result_format": "json",
            "result_type": "full",
            "force": True,
        }
        rows: list[dict[str, Any]] = self.ask("chart/data", json.dumps(asked).encode())["result"][0]["data"]
        return rows


@contextmanager
def superset(folder: Path) -> Iterator[Superset]:
    """Make its database, start it, wait until it answers, and end it with all that it started."""
    port, password = free_port(), secrets.token_hex(8)
    (folder / "superset_config.py").write_text(_SETTINGS.format(key=secrets.token_hex(32), folder=folder))
    environ = {
        "PATH": f"{PROGRAM.parent}:/usr/bin:/bin",
        "HOME": str(folder),
        "SUPERSET_HOME": str(folder),
        "SUPERSET_CONFIG_PATH": str(folder / "superset_config.py"),
        "FLASK_APP": "superset",
    }
    admin = ["--firstname", "A", "--lastname", "B", "--email", "a@example.com", "--password", password]
    log = folder / "server.log"
    with log.open("wb") as output:
        for step in (["db", "upgrade"], ["fab", "create-admin", "--username", "admin", *admin], ["init"]):
            subprocess.run(
                [PROGRAM, *step], env=environ, stdout=output, stderr=subprocess.STDOUT, check=True, timeout=300
            )
    url = f"http://127.0.0.1:{port}"
    command = [PROGRAM, "run", "-h", "127.0.0.1", "-p", str(port), "--with-threads"]
    with answering(command, environ, log, url, _PATIENCE_S):
        server = Superset(url, "admin", password)
        server.log_in()
        yield server
