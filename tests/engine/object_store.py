"""An object store on this machine that fails when it is told to: moto's S3 behind a gate for writes.

`python object_store.py PORT FAULTS` serves it; `ObjectStore` starts one. FAULTS is a file with two numbers: after how
many writes to `/derived/` it fails, and how many it then fails: half by breaking off in the middle of what is sent,
half by an answer. Without the file nothing fails.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs

BUCKET = "fleet"
Environment = dict[str, Any]
App = Callable[[Environment, Any], Iterable[bytes]]


@dataclass
class Gate:
    """Counts writes, and fails those that the file of faults names."""

    app: App
    faults: Path
    n_writes: int = 0
    known: str = ""

    def __call__(self, environ: Environment, start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] in ("PUT", "POST") and "/derived/" in environ["PATH_INFO"] and self._fails():
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0) // 2)
            if self.n_writes % 2:
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                return []
            start_response("500 Internal Server Error", [("Content-Type", "text/plain"), ("Connection", "close")])
            return [b"told to"]
        return self.app(environ, start_response)

    def _fails(self) -> bool:
        said = self.faults.read_text() if self.faults.exists() else ""
        if said != self.known:
            self.known, self.n_writes = said, 0
        self.n_writes += 1
        if not said:
            return False
        after, n_faults = map(int, said.split())
        return after < self.n_writes <= after + n_faults


@dataclass
class ObjectStore:
    """A running store with one empty bucket."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def __enter__(self) -> ObjectStore:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, __file__, str(self.port), str(self.faults)]
        with open(self.folder / "store.log", "wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait()
        self.fs.create_dir(BUCKET)
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    @property
    def faults(self) -> Path:
        return self.folder / "faults.txt"

    def fail(self, after: int, n_faults: int) -> None:
        """Fail so many writes to `/derived/` after the next few."""
        aside = self.faults.with_suffix(".new")
        aside.write_text(f"{after} {n_faults}")
        os.replace(aside, self.faults)

    def heal(self) -> None:
        self.faults.unlink(missing_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        """What tells Arrow where the store is."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def fs(self) -> pafs.S3FileSystem:
        endpoint = f"127.0.0.1:{self.port}"
        return pafs.S3FileSystem(
            endpoint_override=endpoint, scheme="http", access_key="key", secret_key="secret", region="us-east-1",
            allow_bucket_creation=True,
        )  # fmt: skip

    def _wait(self) -> None:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/moto-api/", timeout=5).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise RuntimeError((self.folder / "store.log").read_text())


def serve(port: int, faults: Path) -> None:
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    app = DomainDispatcherApplication(create_backend_app)
    make_server("127.0.0.1", port, Gate(app, faults), threaded=True).serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
