"""Pages are written once: a page whose last line says that it is made of the same is left alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from oddloop.lake.storage import Storage

_STAMP = "<!-- oddloop report {digest} -->"


@dataclass(frozen=True)
class WrittenPage:
    """Where the report is, and whether it was written just now."""

    url: str
    written: bool


def write_once(folder: Storage, file: str, digest: str, render: Callable[[], str]) -> WrittenPage:
    """Write a page in one go, unless the page there was made of the same.

    Args:
        folder: where the page stands.
        file: its name.
        digest: of all that the page shows.
        render: makes the page.
    """
    stamp, url = _STAMP.format(digest=digest), f"{folder.url}/{file}"
    if folder.exists(file) and folder.read_bytes(file).rstrip().endswith(stamp.encode()):
        return WrittenPage(url, written=False)
    folder.write_bytes(file, f"{render().rstrip()}\n{stamp}\n".encode())
    return WrittenPage(url, written=True)
