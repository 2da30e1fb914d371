"""The files of a run: only those that it has not got as they are now."""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from oddloop.rounds.tracking.base import Model, RoundRecord

MODEL_FOLDER = "model"
_DIGITS = 8


def upload(client: Any, run: Any, record: RoundRecord) -> str:
    """Upload what is new; returns the short digests of all files, for the tag that the next push compares with."""
    files = {**record.files, **_tables(record.segment_metrics), **_pointer(record.model, record.round_id)}
    digests = {name: hashlib.sha256(content).hexdigest()[:_DIGITS] for name, content in files.items()}
    known = json.loads(run.data.tags.get("al.files", "{}"))
    new = [name for name, digest in digests.items() if known.get(name) != digest]
    if new:
        with tempfile.TemporaryDirectory() as folder:
            for name in new:
                file = Path(folder, name)
                file.parent.mkdir(exist_ok=True)
                file.write_bytes(files[name])
            client.log_artifacts(run.info.run_id, folder)
    return json.dumps({**known, **digests}, sort_keys=True)


def _tables(segments: pa.Table | None) -> dict[str, bytes]:
    """Metrics of all segments, as Parquet and as CSV, which MLflow's page shows."""
    if segments is None:
        return {}
    plain = segments.select([f.name for f in segments.schema if not pa.types.is_nested(f.type)])
    as_csv, as_parquet = pa.BufferOutputStream(), pa.BufferOutputStream()
    pacsv.write_csv(plain, as_csv)
    pq.write_table(segments, as_parquet)
    return {
        "segment_metrics.csv": as_csv.getvalue().to_pybytes(),
        "segment_metrics.parquet": as_parquet.getvalue().to_pybytes(),
    }


def _pointer(model: Model | None, round_id: str) -> dict[str, bytes]:
    """A small file that says where the model and its outputs are; the model itself stays where it was trained."""
    if model is None:
        return {}
    told = {"model_id": model.model_id, "round_id": round_id, "uri": model.uri, "training_folder": model.folder}
    return {f"{MODEL_FOLDER}/oddloop.json": json.dumps({**told, "training": model.digest}, indent=1).encode()}
