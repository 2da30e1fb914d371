"""What was sent, kept to find it again when answers come: the ledger's `sent` event, and a file of all units.

`rounds/<round_id>/sent-<digest>.parquet` has a row per unit; the event names its digest.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from oddloop.errors import LabellingError
from oddloop.exchange.labelling.batch import Batch, Unit
from oddloop.exchange.labelling.delivery import Sent
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.workspace import Workspace
from oddloop.rounds.state import RoundState

_TEXTS = ("round_id", "scene_id", "frame_id", "file_name")
_SIZES = ("width_px", "height_px")
_SCHEMA = pa.schema([(n, pa.string()) for n in _TEXTS] + [(n, pa.int64()) for n in _SIZES])


def batch_digest(batch: Batch) -> str:
    """Digest of what must be answered: the same picks with the same frames have the same."""
    return digest_of([[*unit.key, unit.file_name, unit.width_px, unit.height_px] for unit in batch.units()])


def write_units(workspace: Workspace, batch: Batch) -> str:
    """Keep the units of a batch; returns the batch's digest."""
    digest = batch_digest(batch)
    rows = [{name: getattr(unit, name) for name in _SCHEMA.names} for unit in batch.units()]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), sink, compression="zstd")
    workspace.storage.write_bytes(_file(batch.round_id, digest), bytes(sink.getvalue()))
    return digest


def read_sent(workspace: Workspace, rounds: Sequence[RoundState]) -> Sent:
    """All units of the rounds that were sent; of a closed round whose file was removed nothing is known any more.

    Raises:
        LabellingError: no round was sent, or the file of an open one is gone.
    """
    sent = [state for state in rounds if state.sending]
    if not sent:
        raise LabellingError("no round was sent to a labelling tool yet; `oddloop labels send` does it")
    kept = [state for state in sent if state.is_open or workspace.storage.exists(_file_of(state))]
    return Sent(unit for state in kept for unit in _units(workspace, state))


def _units(workspace: Workspace, state: RoundState) -> list[Unit]:
    file = _file_of(state)
    if not workspace.storage.exists(file):
        raise LabellingError(
            f"{workspace.storage.url}/{file} is gone, which says what was sent of {state.round_id}; "
            "`oddloop labels send` to the same tool writes it again"
        )
    return [Unit(**row) for row in workspace.storage.read_table(file).to_pylist()]


def _file_of(state: RoundState) -> str:
    return _file(state.round_id, str(state.sending.get("digest", "")))


def _file(round_id: str, digest: str) -> str:
    return f"rounds/{round_id}/sent-{digest[:16]}.parquet"
