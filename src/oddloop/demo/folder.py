"""Folders that are there completely or not at all: written aside, synced, renamed."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LEFTOVER_AFTER_S = 3600.0
"""Age from which a folder written aside belongs to no living run, in seconds."""


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """Give a fresh folder beside `target` to write into; it takes the place of `target`, or goes where writing failed.

    Where another process has put a folder there in the meantime, ours replaces it: both hold the same content.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.parent / f".{target.name}.partial-{uuid.uuid4().hex[:12]}"
    partial.mkdir()
    try:
        yield partial
        sync_tree(partial)
        replace_folder(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def remove_leftovers(target: Path) -> None:
    """Remove what killed runs have left beside `target`: folders written aside that nobody has touched for an hour."""
    for left in target.parent.glob(f".{target.name}.partial-*"):
        if time.time() - left.stat().st_mtime > LEFTOVER_AFTER_S:
            shutil.rmtree(left, ignore_errors=True)


def replace_folder(partial: Path, target: Path) -> None:
    """Rename `partial` to `target`; an older `target` is moved aside first: a rename cannot replace a full folder."""
    old = target.parent / f".{target.name}.partial-{uuid.uuid4().hex[:12]}"
    if target.exists():
        target.rename(old)
    partial.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def sync_tree(folder: Path) -> None:
    """Push every file of `folder` to the disk, so that a rename never outlives its content."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
