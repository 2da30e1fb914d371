"""The pages on sources and derived attributes run as written."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from pathlib import Path

import pytest

from docs.test_docs import DOCS, masked, run_python
from oddloop.cli.app import main

BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_a_source_of_your_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("signal.signal", lambda *_: None)  # `main` would change how this process ends
    for language, note, body in BLOCK.findall((DOCS / "how-to/write-a-source.md").read_text()):
        if "source=" in note:
            (tmp_path / note.split("=")[1]).write_text(body)
            assert len(body.splitlines()) <= 60
        elif language == "python":
            run_python(body, tmp_path, {})
        elif language == "toml":
            with (tmp_path / "ws/oddloop.toml").open("a") as file:
                file.write(f"\n{body}")
        else:
            run_session(body, monkeypatch)


def run_session(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each `$ command` within this process, and what it says."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        words = shlex.split(command)
        if words[0] == "echo":
            with Path(words[3]).open("a") as file:
                file.write(f"{words[1]}\n")
            continue
        monkeypatch.setattr(sys, "argv", words[words.index("oddloop") :])
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said), pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == (1 if expected.startswith("Error") else 0), said.getvalue()
        assert masked(said.getvalue()) == masked(expected), command


def test_derived_attributes(tmp_path: Path) -> None:
    scope: dict[str, object] = {}
    said = io.StringIO()
    for language, _, body in BLOCK.findall((DOCS / "how-to/derive-attributes.md").read_text()):
        if language == "python":
            with contextlib.redirect_stdout(said):
                run_python(body, tmp_path, scope)
        else:
            assert said.getvalue() == body
            said = io.StringIO()
