"""The docs tell the truth: their code runs, their output is what comes out, and nothing is left undocumented."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from oddloop.cli.app import COMMANDS
from oddloop.lake.checks.cures import CURES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_getting_started_runs_as_written(tmp_path: Path) -> None:
    scope: dict[str, object] = {}
    text = (DOCS / "getting-started.md").read_text()
    for match in BLOCK.finditer(text):
        language, body = match.groups()
        if language == "python":
            run_python(body, tmp_path, scope)
        elif language == "console":
            run_console(body, tmp_path)
        elif language == "toml":
            with (tmp_path / "ws/oddloop.toml").open("a") as file:
                file.write(f"\n{body}")
        if "set `budget = 6.0`" in text[match.end() : match.end() + 200]:
            path = tmp_path / "ws/oddloop.toml"
            path.write_text(path.read_text().replace("budget = 100.0", "budget = 6.0"))


def run_python(body: str, folder: Path, scope: dict[str, object]) -> None:
    before = Path.cwd()
    os.chdir(folder)
    try:
        exec(compile(body, "getting-started.md", "exec"), scope)
    finally:
        os.chdir(before)


def run_console(body: str, folder: Path) -> None:
    """Run each `$ command` and compare what it prints on stdout with the lines below it, digests aside."""
    for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        shell = command.replace("oddloop ", f"{sys.executable} -m oddloop ", 1)
        result = subprocess.run(shell, shell=True, cwd=folder, capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, f"{command}\n{result.stderr}"
        assert masked(result.stdout) == masked(expected), command


def masked(text: str) -> str:
    lines = [" ".join(line.split()) for line in re.sub(r"\b[0-9a-f]{8}\b", "DIGEST", text).splitlines()]
    return "\n".join(line for line in lines if line)


def test_every_command_has_its_place_in_the_reference() -> None:
    page = (DOCS / "reference/cli.md").read_text()
    assert [name for name in COMMANDS if f"## `oddloop {name}`" not in page] == []


def test_every_fault_has_its_cure_in_the_docs() -> None:
    page = (DOCS / "faults.md").read_text()
    assert [code for code in CURES if f"`{code}`" not in page] == []


def test_every_how_to_page_is_listed() -> None:
    listed = (DOCS / "how-to/README.md").read_text()
    pages = [page.name for page in (DOCS / "how-to").glob("*.md") if page.name != "README.md"]
    assert [name for name in pages if f"]({name})" not in listed] == []


@pytest.mark.parametrize("page", [*sorted(DOCS.rglob("*.md")), ROOT / "README.md"], ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text())
    local = [t for t in targets if "://" not in t]
    assert [t for t in local if not (page.parent / t).exists()] == []
