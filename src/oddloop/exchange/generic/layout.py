"""Which tables a folder holds, and in which files.

    scenes.parquet | scenes.csv | scenes/…                 and so frames, objects, metrics, labels
    predictions/<task>/<model_id>/…                        files of Parquet or CSV, at any depth
    features/<encoder_id>/…                                and so heads

Files of other kinds, and names that begin with `.` or `_`, are passed over.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from oddloop.errors import Fault, SourceError
from oddloop.lake.storage import is_staging
from oddloop.tables import BY_ENCODER, INPUTS, TASKS, TableSpec

PLAIN = {spec.name: spec for spec in INPUTS if "/" not in spec.name and spec.name not in BY_ENCODER}
"""Tables that have one name."""
SUFFIXES = (".parquet", ".csv")


@dataclass(frozen=True)
class Source:
    """One table of the folder: its name in the lake, its declaration and its files in path order."""

    table: str
    spec: TableSpec
    files: tuple[Path, ...]


@dataclass
class Layout:
    """The tables found, and what is not laid out as it should be."""

    folder: Path
    sources: list[Source] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def fault(self, path: Path, code: str, message: str) -> None:
        """Note one fault of a file or folder."""
        self.faults.append(Fault("layout", path.relative_to(self.folder).as_posix(), -1, code, message))


def find_sources(folder: Path) -> Layout:
    """Look for tables.

    Raises:
        SourceError: there is no such folder, or it holds no Parquet or CSV file at all.
    """
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder; give the folder that holds scenes.parquet, frames.csv and so on")
    if not _files_below(folder):
        by_encoder = [f"{name}/<encoder_id>/" for name in BY_ENCODER]
        wanted = ", ".join([*PLAIN, "predictions/<task>/<model_id>/", *by_encoder])
        raise SourceError(f"{folder}: holds no Parquet or CSV file; it may hold: {wanted}")
    layout = Layout(folder)
    for path in _visible(folder):
        if path.name == "predictions" and path.is_dir():
            _add_predictions(layout, path)
        elif path.name in BY_ENCODER and path.is_dir():
            _add_named(layout, path, path.name, BY_ENCODER[path.name], "encoder_id")
        else:
            _add_plain(layout, path)
    return layout


def _add_plain(layout: Layout, path: Path) -> None:
    name = path.name if path.is_dir() else path.stem
    files = _files_below(path)
    if not files:
        return
    if name not in PLAIN:
        nearest = _nearest(name, [*PLAIN, "predictions", *BY_ENCODER])
        folder = (
            "" if "did you mean" in nearest else "; move files of other names into the folder of a table, as scenes/"
        )
        layout.fault(path, "unknown-table", f"no table has this name{nearest}{folder}")
    elif any(source.table == name for source in layout.sources):
        layout.fault(
            path, "table-twice", f"`{name}` is here twice, as file or folder; keep one, or put both in {name}/"
        )
    else:
        layout.sources.append(Source(name, PLAIN[name], files))


def _add_predictions(layout: Layout, folder: Path) -> None:
    for path in _visible(folder):
        if not path.is_dir() or path.name not in TASKS:
            if _files_below(path):
                layout.fault(path, "unknown-task", f"not the folder of a task{_nearest(path.name, list(TASKS))}")
        else:
            _add_named(layout, path, f"predictions/{path.name}", TASKS[path.name], "model_id")


def _add_named(layout: Layout, folder: Path, table: str, spec: TableSpec, what: str) -> None:
    for path in _visible(folder):
        files = _files_below(path)
        if files and path.is_dir():
            layout.sources.append(Source(f"{table}/{path.name}", spec, files))
        elif files:
            layout.fault(path, "misplaced-file", f"move the file into a folder of its own that is named by its {what}")


def _files_below(path: Path) -> tuple[Path, ...]:
    if path.is_file():
        return (path,) if path.suffix in SUFFIXES else ()
    return tuple(file for child in _visible(path) for file in _files_below(child))


def _visible(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.iterdir()) if not p.name.startswith((".", "_")) and not is_staging(p.name)]


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else f"; known: {', '.join(known)}"
