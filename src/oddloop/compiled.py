"""Compiled loops: how a stage imports its own, and how they are compiled.

A stage keeps its loops in a module that imports numba; nobody imports that module but `import_loops`, when the first
loop runs, since importing numba takes about half a second. Compiling takes some more once per machine: the machine code
is kept beside the package, or in the user's cache. Where numba is not installed there are no loops, and NumPy does it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, TypeVar, cast

_Loop = TypeVar("_Loop", bound=Callable[..., Any])
_ONE_AT_A_TIME = threading.RLock()
"""What is hidden from numba is hidden from the whole process: threads must not hide and show it beside each other."""


@functools.cache
def import_loops(name: str) -> ModuleType | None:
    """A module of compiled loops, or None where numba cannot be imported.

    >>> import_loops("oddloop.no_such_module") is None
    True
    """
    with _ONE_AT_A_TIME, _without_false_coverage():
        try:
            return importlib.import_module(name)
        except ImportError:
            return None


def compile_loop(loop: _Loop) -> _Loop:
    """Compile a function at its first call; it must not touch Python objects, since it gives up the interpreter's lock.

    NaN and infinity mean what they mean elsewhere (no `fastmath`), and a division by zero gives them.
    """
    from numba import njit

    options = {"nogil": True, "error_model": "numpy"}
    try:
        return cast(_Loop, njit(cache=True, **options)(loop))
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return cast(_Loop, njit(**options)(loop))


@contextlib.contextmanager
def _without_false_coverage() -> Iterator[None]:
    """Hide a mere folder called `coverage` on the path: numba takes it for coverage.py, and fails to import."""
    before = sys.modules.get("coverage")
    spec = importlib.util.find_spec("coverage")
    if spec is None or spec.origin is not None:
        yield
        return
    sys.modules["coverage"] = None  # type: ignore[assignment] # which is how Python is told that there is none
    try:
        yield
    finally:
        del sys.modules["coverage"]
        if before is not None:
            sys.modules["coverage"] = before
