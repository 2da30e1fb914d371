"""Imports point one way, and stage code touches no file, clock, environment, network or database."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "oddloop"

PAGE = SOURCE.parents[1] / "docs" / "architecture.md"
STAGES = ("score", "coverage", "discover", "select")


def read_page(page: str) -> dict[str, set[str]]:
    """Each package of the page's map, and what it may import of oddloop besides itself."""
    rows = re.findall(r"^\| `(\w+)(?:/|\.py)` \|.*\| ([\w, ]+) \|$", page, re.MULTILINE)
    named = {package: set(said.split(", ")) - {"nothing"} for package, said in rows}
    foundation = {"oddloop", *list(named)[: list(named).index("lake")]}
    groups = {"foundation": foundation, "stages": set(STAGES)}
    return {package: set().union(*(groups.get(one, {one}) for one in said)) for package, said in named.items()}


MAY_IMPORT = read_page(PAGE.read_text()) | {"__main__": {"cli"}}
# Roads to a file, a clock, the environment, the network, a database, a process, or unseeded randomness.
IMPURE = {
    *("os", "pathlib", "io", "shutil", "tempfile", "glob", "fileinput", "fsspec", "mmap"),
    *("time", "datetime", "random", "secrets", "uuid"),
    *("socket", "urllib", "http", "requests", "subprocess", "multiprocessing", "threading"),
    *("sqlite3", "sqlalchemy", "duckdb", "logging"),
    *("pyarrow.parquet", "pyarrow.dataset", "pyarrow.fs", "pyarrow.csv", "pyarrow.feather"),
}
IMPURE_CALLS = {"open", "print", "input"}


def find_breaches(root: Path) -> list[str]:
    """Every import (or call) below `root` that the picture forbids, as `file: what`."""
    return [breach for path in sorted(root.rglob("*.py")) for breach in _breaches(root, path)]


def _breaches(root: Path, path: Path) -> list[str]:
    package = path.relative_to(root).parts[0].removesuffix(".py")
    place = path.relative_to(root).as_posix()
    tree = ast.parse(path.read_text())
    imported = _imported(tree)
    found = []
    if package in MAY_IMPORT:
        ours = {
            name.split(".")[1] if "." in name else "oddloop" for name in imported if name.split(".")[0] == "oddloop"
        }
        found += [f"{place}: imports {name}" for name in sorted(ours - MAY_IMPORT[package] - {package})]
    if package in STAGES:
        roads = sorted(name for name in imported if any(name == i or name.startswith(f"{i}.") for i in IMPURE))
        calls = sorted({n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)})
        found += [f"{place}: imports {name}" for name in roads]
        found += [f"{place}: calls {name}()" for name in calls if name in IMPURE_CALLS]
    return found


def _imported(tree: ast.AST) -> set[str]:
    """Dotted names of all modules that are imported, `from a import b` counted as both `a` and `a.b`."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names - {"oddloop"} - {f"oddloop.{name}" for name in ("__version__",)}


def test_the_code_keeps_to_the_picture() -> None:
    assert find_breaches(SOURCE) == []


def test_every_package_is_in_the_picture() -> None:
    packages = {
        p.name.removesuffix(".py") for p in SOURCE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
    }
    assert packages - {"__init__"} == set(MAY_IMPORT)
    assert set().union(*MAY_IMPORT.values()) <= packages | {"oddloop"}, "the page names a package that is not there"


@pytest.mark.parametrize(
    ("line", "breach"),
    [
        # another stage
        ("from oddloop.coverage import compute", "imports coverage"),
        ("from oddloop import coverage", "imports coverage"),
        ("import oddloop.discover", "imports discover"),
        # what stands above
        ("from oddloop.rounds.ledger import Ledger", "imports rounds"),
        ("from oddloop.lake import Workspace", "imports lake"),
        # a file
        ("from pathlib import Path", "imports pathlib"),
        ("import pyarrow.parquet as pq", "imports pyarrow.parquet"),
        ("from pyarrow import dataset", "imports pyarrow.dataset"),
        ("text = open('x').read()", "calls open()"),
        # a clock, the environment
        ("import time", "imports time"),
        ("from datetime import datetime", "imports datetime"),
        ("import os", "imports os"),
        # a database
        ("import duckdb", "imports duckdb"),
        ("from sqlalchemy.orm import Session", "imports sqlalchemy"),
        # also inside a function
        ("def f():\n    import socket", "imports socket"),
    ],
)
def test_a_breach_is_found(tmp_path: Path, line: str, breach: str) -> None:
    module = tmp_path / "score" / "measures.py"
    module.parent.mkdir()
    module.write_text(line + "\n")
    found = find_breaches(tmp_path)
    assert any(f.startswith(f"score/measures.py: {breach}") for f in found), found


def test_what_a_stage_may_import_is_no_breach(tmp_path: Path) -> None:
    module = tmp_path / "score" / "measures.py"
    module.parent.mkdir()
    module.write_text("import numpy as np\nimport pyarrow as pa\nfrom oddloop.tables import SCENES\n")
    assert find_breaches(tmp_path) == []


def test_a_light_import_stays_light() -> None:
    import subprocess
    import sys

    heavy = "{'sklearn', 'hdbscan', 'sqlalchemy', 'plotly', 'duckdb', 'typer', 'torch'}"
    modules = "oddloop, oddloop.tables, oddloop.score, oddloop.collect"
    code = f"import sys, {modules}; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
