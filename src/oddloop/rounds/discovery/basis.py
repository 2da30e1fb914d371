"""The basis of scene vectors that a workspace uses: kept for good, so that more scenes move no vector that there was.

`discovery/basis/<digest>/` holds a basis (`arrays.npz`, and `basis.json`, written last); `discovery/basis/in_use.json`
says which is in use, for which inputs it was last found to suit, and why it was fitted. The discover stage has the
digest among its inputs, so its folder stays a pure function of its manifest. A run that is killed in between leaves a
basis that nothing points to, and the next run makes the same one again.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np

from oddloop.config import DiscoverConfig
from oddloop.discover.basis import Basis, is_known
from oddloop.discover.blocks import Material
from oddloop.discover.maps import reason_to_fit_map
from oddloop.discover.placing import mute_columns, reason_to_refit
from oddloop.discover.stage import fit_all
from oddloop.errors import WorkspaceError
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.storage import Storage, staged_folder

FOLDER = "discovery/basis"
IN_USE = f"{FOLDER}/in_use.json"
_FACTS, _ARRAYS = "basis.json", "arrays.npz"
FORMAT = 1
"""Format 1: format, digest and `Basis.facts` in `basis.json`, `Basis.arrays` in `arrays.npz`."""
_MUCH_MORE = 2


@dataclass(frozen=True)
class InUse:
    """Which basis is in use.

    Attributes:
        digest: names its folder.
        inputs: digest of the tables and settings that it was last found to suit.
        why: why it was fitted.
        hint: what speaks for fitting anew, though it suits; "" where nothing does.
        is_new: whether it was fitted just now.
    """

    digest: str
    inputs: str
    why: str
    hint: str = ""
    is_new: bool = False


def settle_basis(
    storage: Storage,
    inputs: Mapping[str, object],
    gather: Callable[[], Material],
    config: DiscoverConfig,
    *,
    refit: bool = False,
) -> InUse:
    """Say which basis the scenes are to be placed in: the one in use where it suits them, else one fitted to them now.

    Args:
        storage: the workspace's folder.
        inputs: digests of the tables, and settings; where they are those of last time nothing is read or computed.
        gather: reads what vectors are made of.
        config: blocks, weights, components, and the map.
        refit: fit anew even where the old one suits.

    Raises:
        WorkspaceError: the basis in use is gone or damaged.
    """
    digest, before = digest_of(inputs), read_in_use(storage)
    if before is not None and before.inputs == digest and not refit:
        return before
    material = gather()
    old = None if before is None or refit else load_basis(storage, before.digest)
    why, kept = "first discovery" if before is None else "asked for", None
    if old is not None:
        why = reason_to_refit(old, material, config.vectors)
        kept = None if why else old
        why = why or reason_to_fit_map(old.map, config.map)
    if why or old is None:
        made = save_basis(storage, fit_all(material, config, basis=kept))
        same = "; it is the same again" if before is not None and made == before.digest else ""
        found = InUse(made, digest, why + same, is_new=True)
    else:
        found = InUse(old.digest, digest, before.why if before else "", _hint(old, material))
    storage.write_bytes(IN_USE, json.dumps(asdict(found) | {"is_new": False}, indent=1).encode())
    return found


def _hint(basis: Basis, material: Material) -> str:
    n, mute = int(is_known(material).sum()), mute_columns(basis, material)
    said = [
        f"it was fitted on {basis.n_scenes:,} scenes, there are {n:,} now" if n > _MUCH_MORE * basis.n_scenes else "",
        f"it is deaf to {', '.join(mute[:5])}, which were constant when it was fitted" if mute else "",
    ]
    text = "; ".join(filter(None, said))
    return f"{text}: consider `oddloop discover --refit`" if text else ""


def read_in_use(storage: Storage) -> InUse | None:
    """Which basis is in use; None before the first discovery."""
    if not storage.exists(IN_USE):
        return None
    try:
        return InUse(**json.loads(storage.read_bytes(IN_USE)))
    except (ValueError, TypeError) as error:
        raise WorkspaceError(
            f"{storage.url}/{IN_USE}: damaged; bring it back from a backup, or remove it to have a basis fitted anew"
        ) from error


def save_basis(storage: Storage, basis: Basis) -> str:
    """Keep a basis in the workspace; returns its digest. One that is there already, whole, is left alone."""
    folder = f"{FOLDER}/{basis.digest}"
    try:
        return load_basis(storage, basis.digest).digest
    except WorkspaceError:
        storage.delete_folder(folder)
    content = io.BytesIO()
    np.savez(content, **basis.arrays())
    facts = {"format": FORMAT, "digest": basis.digest, **basis.facts()}
    with staged_folder(storage, folder) as out:
        out.write_bytes(_ARRAYS, content.getvalue())
        out.write_bytes(_FACTS, json.dumps(facts, indent=1, sort_keys=True).encode())
    return basis.digest


def load_basis(storage: Storage, digest: str) -> Basis:
    """Read a basis.

    Raises:
        WorkspaceError: it is gone, damaged, of another format, or its contents are not those that its digest names.
    """
    folder = storage.sub(f"{FOLDER}/{digest}")
    mend = "bring the folder back from a backup, or fit anew with `oddloop discover --refit`"
    if not folder.exists(_FACTS) or not folder.exists(_ARRAYS):
        raise WorkspaceError(f"{folder.url}: this basis of scene vectors is gone; {mend}")
    try:
        facts = json.loads(folder.read_bytes(_FACTS))
        with np.load(io.BytesIO(folder.read_bytes(_ARRAYS)), allow_pickle=False) as arrays:
            basis = Basis.from_parts(facts, dict(arrays))
    except (ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise WorkspaceError(f"{folder.url}: this basis of scene vectors is damaged; {mend}") from error
    if facts.get("format") != FORMAT:
        raise WorkspaceError(
            f"{folder.url}/{_FACTS}: format {facts.get('format')}, this oddloop reads {FORMAT}; upgrade oddloop"
        )
    if basis.digest != digest:
        raise WorkspaceError(f"{folder.url}: damaged: the contents have the digest {basis.digest}; {mend}")
    return basis
