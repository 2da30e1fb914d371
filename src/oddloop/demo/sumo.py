"""SUMO as a program: where it is, how it is run, and what to say when it is missing or fails."""

from __future__ import annotations

import importlib.util
import subprocess
from collections.abc import Sequence
from pathlib import Path

from oddloop.errors import MissingExtraError, OddloopError


def find_program(name: str) -> Path:
    """Path of a SUMO program (`sumo`, `netconvert`) from the `eclipse-sumo` wheel.

    Raises:
        MissingExtraError: the wheel is not installed.
    """
    spec = importlib.util.find_spec("sumo")
    folders = list(spec.submodule_search_locations or []) if spec else []
    found = [path for folder in folders for path in (Path(folder, "bin", name), Path(folder, "bin", f"{name}.exe"))]
    path = next((path for path in found if path.is_file()), None)
    if path is None:
        raise MissingExtraError(
            f"the demo simulates its fleet with SUMO, but the program {name!r} is not installed; "
            "install it with: pip install 'oddloop[demo]'"
        )
    return path


def run_program(name: str, arguments: Sequence[str], folder: Path) -> None:
    """Run a SUMO program in `folder` and wait for it; nothing is printed.

    Raises:
        MissingExtraError: SUMO is not installed.
        OddloopError: the program failed; its last messages are in the text.
    """
    command = [str(find_program(name)), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise OddloopError(f"{name} ended with exit code {done.returncode}:\n{last}")
