"""Scenes from above, as small SVG, for the pages that show clusters."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from oddloop.lake.fingerprint import digest_of
from oddloop.report.cards_drawings import count_rows_of, draw_scenes, read_tracks_of, track_files
from oddloop.web.store import View

MAX_DRAWN_BYTES = 4_000_000
MAX_ROWS = 5_000_000
"""Rows of tracks that are read for one page: about two seconds, once."""


def draw_from_above(view: View, scene_ids: Iterable[str]) -> dict[str, Markup]:
    """SVG by scene id, as far as there are tracks of them, in that order for as long as there is room.

    Where more than `MAX_ROWS` rows would have to be read, only the first scenes are drawn, or none.
    """
    wanted = tuple(dict.fromkeys(scene_ids))
    files = track_files(view.workspace)
    infos = files.storage.fs.get_file_info([files.storage.path(file) for file in files.files]) if files else []
    if not wanted or not infos:
        return {}
    stamp = digest_of([[info.path, info.size, info.mtime_ns] for info in infos])

    def draw() -> dict[str, str]:
        shown = wanted
        while shown and count_rows_of(files, shown) > MAX_ROWS:
            shown = shown[: len(shown) // 2]
        return draw_scenes(read_tracks_of(files, shown), shown, MAX_DRAWN_BYTES) if shown else {}

    drawn = view.cached(("drawings", stamp, wanted), draw)
    return {name: Markup(svg) for name, svg in drawn.items()}  # noqa: S704 - escaped where it is made
