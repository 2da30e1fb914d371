"""A real PostgreSQL server in a temporary folder, on loopback, for as long as the tests run."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PASSWORD = "p@ss/word"  # it has to be quoted in a URL
QUOTED = "p%40ss%2Fword"
SETTINGS = {"listen_addresses": "127.0.0.1", "max_connections": "50", "log_min_messages": "fatal"}


def find_programs() -> Path | None:
    """Folder of `initdb` and `postgres`; Debian keeps them off the path."""
    folders = [Path(found).resolve().parent for name in ("initdb", "postgres") if (found := shutil.which(name))]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


class PostgresServer:
    """A server that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        """Make a cluster of databases in an empty folder, and start."""
        programs = find_programs()
        assert programs is not None
        self.programs, self.folder, self.n_users = programs, folder, 0
        password = folder / "password"
        password.write_text(PASSWORD)
        self._give_away(password)
        self._give_away(folder)
        options = ("-U", "oddloop", "-A", "scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--locale=C.UTF-8")
        command = [*self._as_user(), programs / "initdb", "-D", folder / "data", *options, "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = {**SETTINGS, "port": self.port, "unix_socket_directories": self.folder}
        flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [*self._as_user(), self.programs / "postgres", "-D", self.folder / "data", *flags]
        deadline = time.monotonic() + 60
        self.process = self._spawn(command)
        while subprocess.run(self._ask("SELECT 1"), capture_output=True, env=self._environment()).returncode:
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(0.05)
            if self.process.poll() is not None:  # children of a killed server may still be on their way out
                self.process = self._spawn(command)

    def _spawn(self, command: list[object]) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, cwd=self.folder)

    def kill(self) -> None:
        """kill -9 of the server; its children go when they see that it is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it at once."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def new_ledger(self, *, driver: str = "+pg8000") -> str:
        """URL of an empty place for a ledger: a user with a schema of its own, which is quicker than a database."""
        self.n_users += 1
        name = f"user{self.n_users}"
        self.run(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'; CREATE SCHEMA AUTHORIZATION {name}")
        return f"postgresql{driver}://{name}:{QUOTED}@127.0.0.1:{self.port}/postgres"

    def run(self, statement: str) -> str:
        """What the server's own client prints."""
        done = subprocess.run(self._ask(statement), capture_output=True, text=True, env=self._environment())
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _ask(self, statement: str) -> list[str]:
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "oddloop", "-d", "postgres"]
        return [str(self.programs / "psql"), "-XAt", "-v", "ON_ERROR_STOP=1", *where, "-c", statement]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "PGPASSWORD": PASSWORD}

    def _as_user(self) -> list[str]:
        """PostgreSQL refuses to run as root."""
        return ["setpriv", f"--reuid={_user()}", f"--regid={_user()}", "--clear-groups"] if os.getuid() == 0 else []

    def _give_away(self, path: Path) -> None:
        if os.getuid() == 0:
            os.chown(path, _user(), _user())


def _user() -> int:
    return 65534  # nobody, in every Linux


@contextlib.contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A server; all of it is gone afterwards."""
    # Not pytest's own folder, which only its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="oddloop-postgres-"))
    server = PostgresServer(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
