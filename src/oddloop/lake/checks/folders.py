"""What lies in the lake: the tables to check, and what lies where no table will ever be looked for."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Callable
from dataclasses import dataclass, fields

from oddloop.config import LakeConfig
from oddloop.errors import Fault, WorkspaceError
from oddloop.lake.checks.cures import CURES
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles, Workspace
from oddloop.tables import BY_ENCODER, INPUTS, SCENES, TASKS, TableSpec

_ID_OF = {"predictions": "model_id", **dict.fromkeys(BY_ENCODER, "encoder_id")}
"""Tables of which there may be several, each in a folder that is named by an id."""


@dataclass(frozen=True)
class Listed:
    """A table that is in the lake, with its files."""

    spec: TableSpec
    files: TableFiles


def fault(table: str, code: str, what: str, *, file: str = "", row: int = -1, n_rows: int = 1) -> Fault:
    """A fault with its cure."""
    return Fault(table, file, row, code, f"{what}; {CURES[code]}", n_rows)


def place_of(workspace: Workspace, storage: Storage) -> str:
    """A folder as messages call it: its path inside the workspace, or its URL where it lies elsewhere."""
    home = workspace.storage
    is_inside = storage.fs.equals(home.fs) and storage.root.startswith(f"{home.root.rstrip('/')}/")
    return home.relative(storage.root) if is_inside else storage.url


def list_tables(workspace: Workspace) -> tuple[list[Listed], list[Fault]]:
    """Tables in the order in which they are checked, and faults of the folders."""
    listed: list[Listed] = []
    faults = [*_guarded("predictions", lambda: _unknown_tasks(workspace)), *_guarded("lake", lambda: _typos(workspace))]
    for spec in INPUTS:
        find = _find_grouped if spec.name.partition("/")[0] in _ID_OF else _find_single
        faults += _guarded(spec.name, functools.partial(find, workspace, spec, listed))
    return listed, faults + _missing_references(listed)


def _guarded(table: str, find: Callable[[], list[Fault]]) -> list[Fault]:
    try:
        return find()
    except WorkspaceError as error:
        return [fault(table, "unreadable-folder", str(error))]
    except OSError as error:
        return [fault(table, "unreadable-folder", f"the table's folder cannot be listed ({error.strerror or error})")]


def _find_single(workspace: Workspace, spec: TableSpec, listed: list[Listed]) -> list[Fault]:
    files = workspace.table(spec.name)
    if files:
        listed.append(Listed(spec, files))
    elif spec is SCENES:
        return [
            fault(spec.name, "missing-table", f"there are no Parquet files in {place_of(workspace, files.storage)}")
        ]
    return []


def _find_grouped(workspace: Workspace, spec: TableSpec, listed: list[Listed]) -> list[Fault]:
    group = workspace.table(spec.name)
    place = place_of(workspace, group.storage)
    name = _ID_OF[spec.name.partition("/")[0]]
    stray = [file for file in group.files if "/" not in file]
    what = f"Parquet files must lie in {place}/<{name}>, not in {place}"
    faults = [fault(spec.name, "misplaced-file", what, file=f"{place}/{file}") for file in stray]
    for id_ in group.storage.list_folders():
        files = workspace.table(f"{spec.name}/{id_}")
        if files:
            listed.append(Listed(spec, files))
        else:
            faults.append(fault(files.name, "empty-table", f"there are no Parquet files in {place}/{id_}"))
    return faults


def _unknown_tasks(workspace: Workspace) -> list[Fault]:
    storage = workspace.table("predictions").storage
    unknown = [name for name in storage.list_folders() if name not in TASKS]
    tasks = ", ".join(TASKS)
    place = place_of(workspace, storage)
    return [fault("predictions", "unknown-folder", f"{place}/{name} is no task (tasks: {tasks})") for name in unknown]


def _typos(workspace: Workspace) -> list[Fault]:
    """Folders of `lake/` that no setting points to and that are called almost as a table is."""
    tables = [f.name for f in fields(LakeConfig)]
    used = {tuple(str(getattr(workspace.config.lake, name)).split("/")[:2]) for name in tables}
    strangers = [n for n in workspace.storage.list_folders("lake") if n not in tables and ("lake", n) not in used]
    near = {name: difflib.get_close_matches(name, tables, n=1, cutoff=0.8) for name in strangers}
    return [
        fault("lake", "unknown-folder", f"lake/{name} is no table (there is a table `{close[0]}`)")
        for name, close in near.items()
        if close
    ]


def _missing_references(listed: list[Listed]) -> list[Fault]:
    """Tables that a table refers to and that are not there; that `scenes` is not there was told already."""
    present = {table.spec.name for table in listed} | {SCENES.name}
    missing = {
        target: table.spec.name for table in listed for _, target in table.spec.references if target not in present
    }
    return [
        fault(target, "missing-table", f"`{source}` refers to `{target}`, of which there are no Parquet files")
        for target, source in missing.items()
    ]
