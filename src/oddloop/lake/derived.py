"""Derived folders: each a pure function of its manifest, complete or absent, computed once.

`derived/<stage>/<digest>/` holds a stage's tables and a `manifest.json` with input digests, settings, seed, version and
row counts; the digest is taken over all of those but the counts. A folder without a readable manifest, or with files
of another size than it says, was interrupted and is made anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from typing import Any

from oddloop import __version__
from oddloop.errors import WorkspaceError
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.storage import Storage, staged_folder

MANIFEST_FILE = "manifest.json"
MANIFEST_FORMAT = 1
"""Format 1: stage, digest, version, inputs, settings, seed, rows (by output table), files (size by file); read_at (by
input: format, table, version and number of files) where an input is a Delta or Iceberg table; parts (keys of
`lake.parts`, sorted) where it was put together from such."""


@dataclass(frozen=True)
class Recipe:
    """What a derived folder is made of; two equal recipes have one digest and so one folder.

    Attributes:
        stage: stage name.
        inputs: digest by input name.
        settings: the part of the configuration that the stage obeys, as a frozen dataclass or plain mapping.
        seed: the seed, where the stage is random; else None, so that a new seed does not run it again.
        read_at: by input, the version of the Delta or Iceberg table that it was read at. It stands in the manifest and
            has no say in the digest, as two versions may hold the same rows.
    """

    stage: str
    inputs: Mapping[str, str]
    settings: Any
    seed: int | None = None
    read_at: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def body(self) -> dict[str, Any]:
        """Plain content that the digest is taken over."""
        settings = asdict(self.settings) if is_dataclass(self.settings) else dict(self.settings)  # type: ignore[arg-type]
        plain = json.loads(json.dumps(settings))
        return {
            "stage": self.stage,
            "version": __version__,
            "inputs": dict(sorted(self.inputs.items())),
            "settings": plain,
            "seed": self.seed,
        }

    def digest(self) -> str:
        """Digest of the recipe, 32 hex digits."""
        return digest_of(self.body())


@dataclass(frozen=True)
class Derived:
    """A complete derived folder; `computed` says whether it was made just now, `told` what there is to say of that."""

    storage: Storage
    manifest: Mapping[str, Any]
    computed: bool
    told: Mapping[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Row counts by table, and what is told of the making."""
        return {**self.manifest["rows"], **self.told}

    @property
    def digest(self) -> str:
        """Digest of the recipe."""
        return str(self.manifest["digest"])


def derive(
    workspace: Storage, recipe: Recipe, write: Callable[[Storage], Mapping[str, int]], parts: Iterable[str] = ()
) -> Derived:
    """Return the recipe's folder, made by `write` only where it is not complete yet.

    Args:
        workspace: the workspace's folder.
        recipe: what the folder is made of.
        write: writes the tables to the folder it is given and returns row counts by table.
        parts: keys of the parts that `write` uses; looked at once it has ended.
    """
    found = find(workspace, recipe)
    if found is not None:
        return found
    digest, folder = recipe.digest(), folder_of(recipe)
    workspace.delete_folder(folder)  # an interrupted or damaged one
    with staged_folder(workspace, folder) as staging:
        rows = dict(write(staging))
        files = {staging.relative(i.path): i.size for i in staging.list_files()}
        manifest = {"format": MANIFEST_FORMAT, "digest": digest, **recipe.body(), "rows": rows, "files": files}
        manifest |= {"read_at": dict(recipe.read_at)} if recipe.read_at else {}
        manifest |= {"parts": used} if (used := sorted(set(parts))) else {}
        staging.write_bytes(MANIFEST_FILE, json.dumps(manifest, indent=1, sort_keys=True).encode())
    return Derived(workspace.sub(folder), manifest, computed=True)


def find(workspace: Storage, recipe: Recipe) -> Derived | None:
    """The recipe's folder, or None where it is not there or not complete."""
    folder = workspace.sub(folder_of(recipe))
    manifest = read_manifest(folder)
    if manifest is None or not _is_complete(folder, manifest):
        return None
    return Derived(folder, manifest, computed=False)


def complete_folders(workspace: Storage, stage: str) -> list[Derived]:
    """All complete folders of a stage that this version of oddloop made, in the order of their digests."""
    found = []
    for name in sorted(workspace.list_folders(f"derived/{stage}")):
        folder = workspace.sub(f"derived/{stage}/{name}")
        manifest = read_manifest(folder)
        if manifest and manifest.get("version") == __version__ and _is_complete(folder, manifest):
            found.append(Derived(folder, manifest, computed=False))
    return found


def newest_folders(workspace: Storage, stage: str) -> Iterator[Derived]:
    """Complete folders of a stage, whatever version made them, the one that was made last first.

    Those of one moment come in the order of their digests.
    """
    for folder, manifest in newest_manifests(workspace, stage):
        if _is_complete(folder, manifest):
            yield Derived(folder, manifest, computed=False)


def newest_manifests(workspace: Storage, stage: str) -> Iterator[tuple[Storage, dict[str, Any]]]:
    """Folders of a stage that have a manifest, in the order of `newest_folders`, whole or not."""
    root = workspace.sub(f"derived/{stage}")
    names = root.list_folders()
    infos = root.fs.get_file_info([root.path(f"{name}/{MANIFEST_FILE}") for name in names])
    made = {name: info.mtime_ns or 0 for name, info in zip(names, infos, strict=True)}
    for name in sorted(names, key=lambda name: (-made[name], name)):
        manifest = read_manifest(root.sub(name))
        if manifest is not None:
            yield root.sub(name), manifest


def folder_of(recipe: Recipe) -> str:
    """Path of the recipe's folder below the workspace."""
    return f"derived/{recipe.stage}/{recipe.digest()}"


def read_manifest(folder: Storage) -> dict[str, Any] | None:
    """A folder's manifest; None where it is missing or cut short.

    Raises:
        WorkspaceError: the manifest is of a newer format than this oddloop reads.
    """
    if not folder.exists(MANIFEST_FILE):
        return None
    try:
        manifest = json.loads(folder.read_bytes(MANIFEST_FILE))
    except ValueError:
        return None
    if not isinstance(manifest, dict):
        return None
    if manifest.get("format") != MANIFEST_FORMAT:
        raise WorkspaceError(
            f"{folder.url}/{MANIFEST_FILE}: format {manifest.get('format')}, this oddloop reads format "
            f"{MANIFEST_FORMAT}; upgrade oddloop, or remove the folder to have it made again"
        )
    return manifest


def sweep(workspace: Storage) -> list[str]:
    """Remove what killed runs left half-written, and return it; to be called while holding the workspace's lock."""
    if not workspace.is_local:
        return []  # nothing is written aside there
    places = [
        "",
        "datasets",
        *_folders(workspace, "derived", 1),
        *_folders(workspace, "history", 1),
        *_folders(workspace, "discovery", 1),
        *_folders(workspace, "rounds", 1),
        *_folders(workspace, "lake", 3),
    ]
    leftovers = [f"{place}/{name}".lstrip("/") for place in places for name in workspace.list_leftovers(place)]
    for leftover in leftovers:
        if workspace.local_path(leftover).is_dir():
            workspace.delete_folder(leftover)
        else:
            workspace.delete_file(leftover)
    return leftovers


def _folders(storage: Storage, folder: str, depth: int) -> list[str]:
    """A folder and those below it, down to a depth."""
    below = [f"{folder}/{name}" for name in storage.list_folders(folder)] if depth else []
    return [folder, *(found for name in below for found in _folders(storage, name, depth - 1))]


def _is_complete(folder: Storage, manifest: Mapping[str, Any]) -> bool:
    sizes = {folder.relative(i.path): i.size for i in folder.list_files()}
    return all(sizes.get(file) == size for file, size in manifest.get("files", {"": -1}).items())
