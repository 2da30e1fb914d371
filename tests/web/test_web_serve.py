"""`oddloop serve` as it is started: what it prints, who gets in, how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

from oddloop.cli.app import ExitCode, main
from oddloop.cli.serve import listen
from oddloop.lake import Workspace
from oddloop.web.access.people import Person
from oddloop.web.access.tokens import find_holder

SERVE = [sys.executable, "-m", "oddloop", "serve"]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def serve(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`oddloop serve` with arguments with which it serves nothing."""

    def serve(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["oddloop", "serve", *arguments])
        code = int(ExitCode.OK)
        try:
            main()
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return serve


@pytest.fixture
def empty(tmp_path: Path) -> str:
    return Workspace.create(tmp_path / "ws", "[workspace]\nname = 'new'\n").storage.url


def test_the_printed_address_opens_the_overview_and_a_polite_kill_ends_it(toy: Path) -> None:
    command = [*SERVE, "--workspace", str(toy), "--port", "0", "--no-open", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = json.loads("".join(server.stdout.readline() for _ in range(3)))["url"]
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        with browser.open(url, timeout=30) as page:
            assert page.url == url.partition("?")[0]
            assert "Round r002" in page.read().decode()
            assert "server" not in page.headers
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(url, timeout=30)
        server.send_signal(signal.SIGTERM)
        _, told = server.communicate(timeout=30)
    assert "Traceback" not in told
    assert "For one more browser: http://127.0.0.1:" in told


def test_a_new_token_is_printed_once_and_its_line_lets_it_in(serve: Callable[..., Result]) -> None:
    made = serve("--new-token", "ann", "--role", "reviewer")
    assert made.code == ExitCode.OK
    token = made.out.strip()
    line = made.err[made.err.index("[web]") :]
    assert token not in made.err
    assert find_holder(tomllib.loads(line)["web"]["tokens"], token) == Person("ann", "reviewer", "bearer")
    again = json.loads(serve("--new-token", "ann", "--json").out)
    assert again["token"] != token
    assert again["line"].startswith("ann:viewer:sha256:")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--host", "0.0.0.0"], ExitCode.ERROR, "nobody is known who may come in; make a token"),
        (["--host", "192.0.2.1"], ExitCode.ERROR, "--host 192.0.2.1"),
        (["--new-token", "a:b"], ExitCode.USAGE, "letters, digits"),
        (["--new-token", "ann", "--role", "king"], ExitCode.USAGE, "none of collector, viewer, reviewer,"),
        (["--workspace", "/nowhere"], ExitCode.ERROR, "no oddloop.toml here"),
    ],
)
def test_what_cannot_be_served_is_said(
    serve: Callable[..., Result], empty: str, arguments: list[str], code: ExitCode, message: str
) -> None:
    refused = serve("--workspace", empty, "--no-open", "--port", "0", *arguments)
    assert refused.code == code
    assert message in " ".join(refused.err.split())
    assert refused.out == ""


def test_a_taken_port_is_said(serve: Callable[..., Result], empty: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = serve("--workspace", empty, "--no-open", "--port", str(taken.getsockname()[1]))
    assert refused.code == ExitCode.ERROR
    assert "choose another --port, or 0 for any" in refused.err


def test_small_answers_go_out_at_once() -> None:
    """asyncio turns Nagle off only where the socket says that it is TCP; else an answer may take 40 ms."""
    with listen("127.0.0.1", 0) as made:
        assert made.proto == socket.IPPROTO_TCP
