"""The server's own files, each under an address with its digest, so that browsers may keep it for good.

All of them are read when the server starts; an address is looked up among their names, never in a folder.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from importlib import resources

from oddloop.report.html import own_file

FOREVER = "private, max-age=31536000, immutable"
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_OWN = {
    file.name: _TYPES[file.name.rpartition(".")[2]]
    for file in resources.files("oddloop.web").joinpath("static").iterdir()
}
PLOTLY, STYLE = "plotly.js", "app.css"


@dataclass(frozen=True)
class Asset:
    """A file: its content, its type, and the address that names its digest."""

    name: str
    media_type: str
    content: bytes

    @functools.cached_property
    def digest(self) -> str:
        """First 16 hex digits of its SHA-256."""
        return hashlib.sha256(self.content).hexdigest()[:16]

    @property
    def url(self) -> str:
        """Address on this server."""
        return f"/static/{self.digest}/{self.name}"


@functools.cache
def asset(name: str) -> Asset:
    """The file of a name, `plotly.js` from the installed package.

    Raises:
        KeyError: there is none.

    >>> asset("app.css").url.startswith("/static/")
    True
    """
    if name == PLOTLY:
        from plotly.offline import get_plotlyjs  # loads slowly, and most pages draw without it

        return Asset(name, "text/javascript", get_plotlyjs().encode())
    media_type = _OWN[name]
    content = resources.files("oddloop.web").joinpath("static", name).read_bytes()
    if name == STYLE:  # the pages are of one family with the report: its style sheet comes first
        content = own_file("round.css").encode() + content
    return Asset(name, media_type, content)


def find_asset(digest: str, name: str) -> Asset | None:
    """The file at an address; None where there is none, or another version of it."""
    if name not in (*_OWN, PLOTLY):
        return None
    found = asset(name)
    return found if found.digest == digest else None
