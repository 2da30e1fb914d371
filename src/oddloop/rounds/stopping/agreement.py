"""Whether the new model still changes its mind: its classes against the last model's, its scores against the last's.

Both look at scenes without labels, which neither model was trained on. Time and memory grow with their frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.lake.derived import Derived, read_manifest
from oddloop.lake.scan import optional_columns, partitions, read_batches
from oddloop.lake.workspace import TableFiles, Workspace
from oddloop.rounds.propose import score_column_of
from oddloop.rounds.state import RoundState
from oddloop.rounds.train_hook import trained_folder, trained_tables
from oddloop.score import is_distribution, mean_members, softmax
from oddloop.score.members import read_members
from oddloop.select.stopping import Answer, cohen_kappa, rank_agreement, stop_at_agreement
from oddloop.tables import TASKS

_TABLE = "predictions/classification"


def compare_classes(workspace: Workspace, rounds: list[RoundState], selected: Derived) -> Answer:
    """Kappa of the classes that each of the last trained models and the one before it give to frames of candidates."""
    stop = workspace.config.stop
    trained = [state for state in rounds if "digest" in state.training][-stop.kappa_rounds - 1 :]
    if len(trained) <= stop.kappa_rounds:
        needed = f"{stop.kappa_rounds + 1} trained models, and so far there are {len(trained)}"
        return Answer("kappa", None, f"kappa needs {needed}")
    names = _listed([str(state.training["model_id"]) for state in trained])
    tables = [trained_tables(trained_folder(workspace, state)).get(_TABLE) for state in trained]
    if None in tables:
        return Answer("kappa", None, f"{names} did not all give classes; `rank_agreement` takes scores of any task")
    scenes = selected.storage.read_table("candidates.parquet", ["scene_id"])["scene_id"].combine_chunks()
    classes = [read_classes(files, scenes) for files in tables if files is not None]
    kappas, counts = zip(*(_kappa(*pair) for pair in pairwise(classes)), strict=True)
    what = f"classes of {names} on unlabelled frames"
    return stop_at_agreement("kappa", float(np.mean(kappas)), min(counts), stop.kappa or 0.0, what)


def _kappa(before: pa.Table, after: pa.Table) -> tuple[float, int]:
    """Kappa of two models, and of how many frames."""
    places = pc.index_in(after["frame_id"], value_set=before["frame_id"].combine_chunks())
    ours = after["class"].filter(pc.is_valid(places)).to_numpy()
    theirs = before["class"].take(places.drop_null()).to_numpy()
    return cohen_kappa(theirs, ours), len(ours)


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def compare_ranks(workspace: Workspace, done: list[RoundState], stages: Mapping[str, Derived]) -> Answer:
    """Rank agreement of the candidates' scores with the same scenes' scores when the last round was proposed."""
    rule, limit = "rank_agreement", workspace.config.stop.rank_agreement or 0.0
    if not done:
        return Answer(rule, None, "there was no round yet whose scores could be compared")
    last = done[-1]
    place = f"rounds/{last.round_id}/pool.parquet"
    if not workspace.storage.exists(place):
        return Answer(rule, None, f"{place} is gone, so the scores of {last.round_id} are not known")
    now, then = stages["select"].storage.read_table("candidates.parquet"), workspace.storage.read_table(place)
    name = score_column_of(now)
    if not name or name != score_column_of(then):
        return Answer(
            rule, None, f"{last.round_id} ranked by {score_column_of(then) or 'no score'}, now {name or 'none'}"
        )
    if _predictions(stages["score"].manifest) == _predictions(_score_manifest(workspace, last)):
        return Answer(
            rule, None, f"the predictions are those of {last.round_id} still, so the scores agree of themselves"
        )
    places = pc.index_in(then["scene_id"].combine_chunks(), value_set=now["scene_id"].combine_chunks())
    theirs = _floats(then["score"].filter(pc.is_valid(places)))
    ours = _floats(now["score"].take(places.drop_null()))
    n = int(np.count_nonzero(~(np.isnan(ours) | np.isnan(theirs))))
    what = f"{name} of unlabelled scenes now and in {last.round_id}"
    return stop_at_agreement(rule, rank_agreement(theirs, ours), n, limit, what)


def read_classes(files: TableFiles, scenes: pa.Array) -> pa.Table:
    """`frame_id` and `class` (the most probable, by the mean of the members) of frames of these scenes.

    Frames whose row is null, or is no distribution, are left out; of equal probabilities the first counts.
    """
    schema = pa.schema([("frame_id", pa.string()), ("class", pa.int64())])
    return pa.concat_tables([schema.empty_table(), *_classes(files, scenes)])


def _classes(files: TableFiles, scenes: pa.Array) -> Iterator[pa.Table]:
    spec = TASKS["classification"]
    name = "probs" if "probs" in {field.name for field in optional_columns(files, spec)} else "logits"
    for partition in partitions(files, spec):
        for batch in read_batches(partition, spec, batch_rows=65_536, columns=["frame_id", "scene_id", name]):
            mine = batch.filter(pc.is_in(batch["scene_id"], value_set=scenes))
            classes = _most_probable(mine, name)
            ids = mine["frame_id"].cast(pa.string())
            known = pa.array(classes >= 0)
            yield pa.table({"frame_id": ids.filter(known), "class": pa.array(classes).filter(known)})


def _most_probable(batch: pa.Table, name: str) -> np.typing.NDArray[np.int64]:
    """(R,) class of each row, -1 where it has none."""
    members = read_members(batch, name)
    found = np.full(batch.num_rows, -1, np.int64)
    for rows, values in members.dense(members.given):
        mean = mean_members(values if name == "probs" else softmax(values))
        found[rows] = np.where(is_distribution(mean), mean.argmax(axis=1), -1)
    return found


def _score_manifest(workspace: Workspace, state: RoundState) -> Mapping[str, Any]:
    return read_manifest(workspace.storage.sub(f"derived/score/{state.proposal['stages']['score']}")) or {}


def _predictions(manifest: Mapping[str, Any]) -> set[object]:
    """Digests of the predictions that scores were made of."""
    inputs: Mapping[str, object] = manifest.get("inputs", {})
    return {digest for name, digest in inputs.items() if name.startswith("predictions/")}


def _floats(values: pa.ChunkedArray) -> np.typing.NDArray[np.float64]:
    """Scores as float64, NaN where there is none."""
    return np.asarray(values.cast(pa.float64()).to_numpy(), dtype=np.float64)
