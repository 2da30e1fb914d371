"""A model goes into service: it is recorded, told to whoever deploys it, and scored next."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

import toy
from oddloop.errors import DeployError, WorkspaceError
from oddloop.lake import Workspace
from oddloop.rounds.deploy import deliveries, promote
from oddloop.rounds.deploy.webhook import signature
from oddloop.rounds.ledger import open_ledger
from oddloop.rounds.model import current_model, other_model
from oddloop.rounds.state import MODELS


def promote_at(folder: Path, model_id: str, why: str = "") -> Any:
    workspace = Workspace.open(folder)
    return promote(workspace, open_ledger(workspace), model_id, why, toy.shell().stamp)


def configure(folder: Path, text: str) -> None:
    with (folder / "oddloop.toml").open("a") as file:
        file.write(f"\n[deploy]\n{text}\n")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A workspace with the predictions of one model in the lake, and no training."""
    toy.make_workspace(tmp_path / "ws")
    return tmp_path / "ws"


def model_now(folder: Path) -> str:
    workspace = Workspace.open(folder)
    model = current_model(workspace, open_ledger(workspace))
    assert model is not None
    return model.model_id


def test_the_model_in_service_is_scored_next_and_the_new_one_is_measured_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "ws"
    toy.make_workspace(folder, train="")
    toy.run_at(folder)
    toy.label_all_picks(folder, "r001")
    toy.run_at(folder)
    assert model_now(folder) == "m001"  # nothing was promoted: the newest
    ledger = open_ledger(Workspace.open(folder))

    # Back to the older one: its scores are still there, and the round that nobody has touched is proposed anew.
    done = promote_at(folder, "m000", "m001 brakes late")
    assert (done.round_id, done.is_new) == ("r000", True)
    summary = toy.run_at(folder)
    assert [step.computed for step in summary.steps if step.name == "score"] == [False]
    assert (summary.round_id, ledger.round("r002").proposal["model_id"]) == ("r002", "m000")

    # A newer model is trained: it is measured and its round closed, while the one in service is still scored.
    toy.label_all_picks(folder, "r002")
    toy.run_at(folder)
    closed = ledger.round("r002")
    assert (closed.status, closed.training["model_id"]) == ("closed", "m002")
    assert [row["metric"] for row in closed.evaluation["overall"]] == ["accuracy"]
    assert ledger.round("r003").proposal["model_id"] == "m000"
    workspace = Workspace.open(folder)
    current = current_model(workspace, ledger)
    assert current is not None
    with pytest.raises(WorkspaceError, match=r"which model to compare m000 with\?; there are: m001, m002"):
        other_model(workspace, ledger.rounds(), current)

    promote_at(folder, "m002")
    toy.run_at(folder)
    assert ledger.round("r003").proposal["model_id"] == "m002"
    current = current_model(workspace, ledger)
    assert current is not None
    assert other_model(workspace, ledger.rounds(), current).model_id == "m001"

    promote_at(folder, "m001")
    current = current_model(workspace, ledger)
    assert current is not None
    assert other_model(workspace, ledger.rounds(), current).model_id == "m000"  # the one before it, not m002
    configure(folder, 'follow = "newest"')
    assert model_now(folder) == "m002"


def test_a_model_of_the_lake_can_be_promoted_and_then_needs_no_setting(lake: Path) -> None:
    frames = toy.frames_table(toy.scenes_table())
    toy.write(lake / "lake/predictions/classification/other", toy.predictions_table(frames, seed=9))
    with pytest.raises(WorkspaceError, match=r"say which one in model\.id"):
        model_now(lake)
    promote_at(lake, "other")
    assert model_now(lake) == "other"


def test_an_unknown_model_is_refused_with_the_known_ones(lake: Path) -> None:
    with pytest.raises(DeployError, match=r"no model 'm7' to promote; known: toy_model"):
        promote_at(lake, "m7")
    assert open_ledger(Workspace.open(lake)).events(MODELS) == []


COMMAND = "command = '{python} hook.py {model_id} {key}'\ntimeout_s = 20.0"  # braces stay: oddloop fills them in
HOOK = """\
import json, sys
from pathlib import Path
told = json.load(sys.stdin)
assert (told["model_id"], told["key"]) == tuple(sys.argv[1:])
with open("hook.log", "a") as log:
    log.write(told["key"] + "\\n")
print("deployed", told["model_id"])
sys.exit(3 if Path("broken").exists() else 0)
"""


def test_a_command_that_fails_is_fired_again_with_the_same_key(lake: Path) -> None:
    (lake / "hook.py").write_text(HOOK)
    (lake / "broken").touch()
    configure(lake, COMMAND)
    first = promote_at(lake, "toy_model", "it is the first")
    assert (first.is_new, first.waiting) == (True, ("command",))
    assert first.deliveries[0].detail == "exit code 3; deployed toy_model"
    workspace = Workspace.open(lake)
    assert deliveries(workspace, open_ledger(workspace).events(MODELS))[1] == ["command"]
    assert model_now(lake) == "toy_model"  # the promotion stays

    (lake / "broken").unlink()
    second = promote_at(lake, "toy_model")
    assert (second.is_new, second.waiting, second.why, second.seq) == (False, (), "it is the first", first.seq)
    assert second.deliveries[0].detail == "deployed toy_model"
    assert promote_at(lake, "toy_model").deliveries == ()  # all is told: nothing is fired
    keys = (lake / "hook.log").read_text().split()
    assert len(keys) == 2
    assert len(set(keys)) == 1
    kinds = [event.kind for event in open_ledger(workspace).events(MODELS)]
    assert kinds == ["promoted", "not_delivered", "delivered"]


def test_killed_while_the_hook_runs_it_is_fired_again(lake: Path) -> None:
    script = "import json, os, signal, sys; print(json.load(sys.stdin)['key'], file=open('keys', 'a'))\n"
    (lake / "hook.py").write_text(f"{script}if os.path.exists('die'): os.kill(os.getppid(), signal.SIGKILL)\n")
    (lake / "die").touch()
    configure(lake, "command = '{python} hook.py'")
    command = [sys.executable, "-m", "oddloop", "rounds", "promote", "toy_model", "-w", str(lake), "--json"]
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == -signal.SIGKILL
    (lake / "die").unlink()
    answer = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert json.loads(answer.stdout)["is_new"] is False
    keys = (lake / "keys").read_text().split()
    assert (len(keys), len(set(keys))) == (2, 1)


@pytest.mark.parametrize(
    ("command", "detail"),
    [
        ("no-such-program {model_id}", "cannot start"),
        ("{python} {modle_id}", "it may use {model_id}, {round_id}, {model_uri}, {key}, {workspace}, {python}"),
        ("{python} -c 'import time; time.sleep(60)'", "it took longer than 0.5 s ([deploy] timeout_s) and was ended"),
    ],
)
def test_a_command_that_cannot_run_is_told_of(lake: Path, command: str, detail: str) -> None:
    configure(lake, f'command = "{command}"\ntimeout_s = 0.5')
    begun = time.monotonic()
    told = promote_at(lake, "toy_model").deliveries[0]
    assert not told.is_delivered
    assert detail in told.detail
    assert time.monotonic() - begun < 10


class Receiver(HTTPServer):
    """Keeps what was posted to it, and answers with the next status of a list, then 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses: list[int] = []
        self.posts: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/promoted"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((dict(self.headers), body))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 0:  # says nothing for too long
            time.sleep(1.5)
            return
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.server.url)
        self.end_headers()
        self.wfile.write(b"no room" if status >= 400 else b"")

    def do_GET(self) -> None:
        raise AssertionError("a POST was redirected")

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_is_posted_to_signed_until_it_takes_it(
    lake: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_SECRET", "s3cret")
    configure(lake, f'webhook = "{receiver.url}"\nsecret_env = "DEPLOY_SECRET"\ntimeout_s = 1.0')
    receiver.statuses = [503, 302, 0]
    details = [promote_at(lake, "toy_model").deliveries[0].detail for _ in range(3)]
    assert details[0] == "127.0.0.1: 503 Service Unavailable no room"
    assert details[1].startswith("127.0.0.1: 302 ")
    assert "timed out" in details[2]
    done = promote_at(lake, "toy_model")
    assert (done.waiting, done.deliveries[0].is_delivered) == ((), True)
    assert len(receiver.posts) == 4
    assert len({headers["Idempotency-Key"] for headers, _ in receiver.posts}) == 1
    headers, body = receiver.posts[-1]
    signed = f"{headers['X-Oddloop-Timestamp']}.".encode() + body
    wanted = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert headers["X-Oddloop-Signature"] == f"sha256={wanted}"
    page = (Path(__file__).parents[2] / "docs/how-to/promote.md").read_text()
    scope: dict[str, Any] = {}
    exec(compile(page.split("```python\n")[1].split("```")[0], "promote.md", "exec"), scope)
    fresh = {**headers, "X-Oddloop-Timestamp": str(int(time.time()))}
    resigned = signature(b"s3cret", fresh["X-Oddloop-Timestamp"], body)
    assert scope["is_ours"](b"s3cret", {**fresh, "X-Oddloop-Signature": resigned}, body)
    assert not scope["is_ours"](b"other", {**fresh, "X-Oddloop-Signature": resigned}, body)
    assert not scope["is_ours"](b"s3cret", headers, body)  # signed in 1970, by the clock of these tests
    told = json.loads(body)
    assert (told["event"], told["model_id"], told["workspace"]) == ("promoted", "toy_model", "toy")
    assert told["key"] == headers["Idempotency-Key"]
    recorded = json.dumps([dict(e.payload) for e in open_ledger(Workspace.open(lake)).events(MODELS)])
    assert "s3cret" not in recorded


def test_a_webhook_that_is_not_there_is_told_of_and_no_secret_is_refused_before(
    lake: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEPLOY_SECRET", raising=False)
    configure(lake, f'webhook = "{receiver.url}"\nsecret_env = "DEPLOY_SECRET"')
    with pytest.raises(DeployError, match=r"DEPLOY_SECRET is not set.*Nothing was promoted"):
        promote_at(lake, "toy_model")
    assert open_ledger(Workspace.open(lake)).events(MODELS) == []
    monkeypatch.setenv("DEPLOY_SECRET", "x")
    with socket.socket() as nobody:  # holds a port and takes no calls on it
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/promoted"
        settings = lake / "oddloop.toml"
        settings.write_text(settings.read_text().replace(receiver.url, url))
        told = promote_at(lake, "toy_model").deliveries[0]
    assert (told.is_delivered, "refused" in told.detail.lower()) == (False, True)


def test_the_command_line_lists_promotes_and_says_what_is_not_delivered(
    lake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from typer.testing import CliRunner

    from oddloop.cli.app import app

    configure(lake, "command = 'false'")
    runner = CliRunner()
    listed = runner.invoke(app, ["rounds", "promote", "-w", str(lake), "--json"])
    assert json.loads(listed.stdout) == [
        {"model_id": "toy_model", "round_id": None, "in_service": False, "why": None, "not_delivered": []}
    ]
    failed = runner.invoke(app, ["rounds", "promote", "toy_model", "--why", "first", "-w", str(lake), "--json"])
    assert isinstance(failed.exception, DeployError)
    assert "in service in the ledger, but not yet delivered to: command" in str(failed.exception)
    assert json.loads(failed.stdout)["waiting"] == ["command"]
    after = runner.invoke(app, ["rounds", "promote", "-w", str(lake)])
    assert "Not yet delivered to: command" in after.stdout
    assert os.environ.get("ODDLOOP_WORKSPACE") is None
