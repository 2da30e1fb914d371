"""Drift, wired to the workspace: the current model's scores against another model's, or against another week's.

Kept as `derived/drift/<digest>/drift.parquet`, so that a second call does no work. A row whose scores are as they were
when drift was measured last is taken over: with new data, only the weeks that it is of are measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from oddloop import __version__
from oddloop.derived_tables import DRIFT, DRIFT_KEYS
from oddloop.errors import WorkspaceError
from oddloop.lake.derived import Derived, Recipe, derive, newest_folders
from oddloop.lake.fingerprint import digest_of
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.model import other_model
from oddloop.rounds.session import Session, session
from oddloop.rounds.shell import Shell
from oddloop.rounds.stages import make_generator, write_tables
from oddloop.score import drift as measures

DRIFT_CONFIG = measures.DriftConfig()
By = Literal["model", "week"]
Sides = Callable[[], Iterator[measures.DriftSides]]


def drift(workspace: Workspace, shell: Shell, by: By = "model", against: str = "") -> Derived:
    """Measure the drift of all scene scores, where that is stale; scores are made first, where they are.

    Args:
        workspace: the workspace.
        shell: engine, and where to tell of steps.
        by: `model`: the current model against another on the scenes that both scored; `week`: each week of the current
            model's scenes, by the start of the scene in UTC, against one of them.
        against: by model, a model_id or the round that trained it; "" for the model before. By week, such as
            `2024-W05`; "" for the first.

    Returns:
        the derived folder; `drift.parquet` in it is `derived_tables.DRIFT`.

    Raises:
        OddloopError: there is no such model or week, or nothing in common to compare.
    """
    with session(workspace, shell) as held:
        if by == "week":
            return _by_week(held, against)
        return _by_model(held, against)


def _by_model(held: Session, against: str) -> Derived:
    context = held.context
    other = other_model(context.workspace, held.rounds, context.model, against)
    current, reference = held.score(), held.score(other)
    names = other.model_id, context.model.model_id
    inputs = {"score": current.digest, "reference": reference.digest, **context.digests("scenes")}

    def sides() -> Iterator[measures.DriftSides]:
        ours, theirs = (_with_logs(derived, context.scenes()) for derived in (reference, current))
        yield measures.DriftSides(*measures.pair_scenes(ours, theirs), names, is_paired=True)

    return _derive(held, inputs, {"by": "model", "reference": names[0], "current": names[1]}, sides)


def _by_week(held: Session, against: str) -> Derived:
    context = held.context
    current = held.score()

    def sides() -> Iterator[measures.DriftSides]:
        scores = _with_logs(current, context.scenes())
        weeks = pa.array(measures.week_names(scores["start_ns"].to_numpy()))
        known = sorted(pc.unique(weeks).to_pylist())
        reference = _week(known, against)
        for week in (week for week in known if week != reference):
            first, second = (scores.filter(pc.equal(weeks, name)) for name in (reference, week))
            yield measures.DriftSides(first, second, (reference, week), is_paired=False)

    inputs = {"score": current.digest, **context.digests("scenes")}
    settings = {"by": "week", "reference": against, "current": context.model.model_id}
    return _derive(held, inputs, settings, sides)


def _derive(held: Session, inputs: dict[str, str], settings: dict[str, str], sides: Sides) -> Derived:
    workspace = held.context.workspace
    seed = workspace.config.workspace.seed
    told = {}

    def write(out: Storage) -> dict[str, int]:
        kept = _kept_rows(workspace)
        parts = [_measure(pair, seed, kept) for pair in sides()]
        table = pa.concat_tables([DRIFT.empty(), *(part.drift for part in parts)])
        table = table.sort_by([("psi", "descending"), ("score", "ascending"), ("current", "ascending")])
        keys = pa.concat_tables([DRIFT_KEYS.empty(), *(part.keys for part in parts)])
        told["drift_reused"] = sum(part.n_reused for part in parts)
        return write_tables(out, drift=table, drift_keys=keys)

    def measured() -> Derived:
        derived = derive(workspace.storage, recipe, write)
        return replace(derived, told=told)

    recipe = Recipe("drift", inputs, settings | asdict(DRIFT_CONFIG), seed=seed)
    return held.timed("drift", measured)


class _Part(NamedTuple):
    """Rows of one pair of models or weeks, their keys, and how many were taken over."""

    drift: pa.Table
    keys: pa.Table
    n_reused: int


def _measure(pair: measures.DriftSides, seed: int, kept: pa.Table) -> _Part:
    """The drift of each score: of those whose values are as they were, what was measured then."""
    keys = {name: digest_of([__version__, seed, key]) for name, key in measures.score_keys(pair, DRIFT_CONFIG).items()}
    found = kept.filter(pc.is_in(kept["key"], value_set=pa.array(list(keys.values()), pa.string())))
    missing = sorted(keys.keys() - set(found["score"].to_pylist()))
    tables = [found.drop_columns("key")]
    if missing:
        tables.append(measures.measure_drift(pair, make_generator(seed, "drift"), DRIFT_CONFIG, missing))
    names = {"reference": [pair.names[0]] * len(keys), "current": [pair.names[1]] * len(keys)}
    made_of = pa.table({"score": list(keys), **names, "key": list(keys.values())}, schema=DRIFT_KEYS.schema())
    return _Part(pa.concat_tables(tables), made_of, found.num_rows)


def _kept_rows(workspace: Workspace) -> pa.Table:
    """Rows of the drift that was measured last, with their keys."""
    for derived in newest_folders(workspace.storage, "drift"):
        if "drift_keys" in derived.manifest["rows"]:
            rows = derived.storage.read_table("drift.parquet")
            keys = derived.storage.read_table("drift_keys.parquet")
            joined = rows.join(keys, ["score", "reference", "current"], join_type="inner")
            return joined.select([*DRIFT.schema().names, "key"]).cast(_kept_schema())
    return _kept_schema().empty_table()


def _kept_schema() -> pa.Schema:
    return DRIFT.schema().append(DRIFT_KEYS.schema().field("key"))


def _week(known: list[str], wanted: str) -> str:
    if len(known) < 2:
        there = ", ".join(known) or "none"
        raise WorkspaceError(f"drift by week needs scored scenes of two weeks; there are: {there}")
    if wanted and wanted not in known:
        raise WorkspaceError(f"no scored scene began in week {wanted!r}; there are: {', '.join(known)}")
    return wanted or known[0]


def _with_logs(derived: Derived, scenes: pa.Table) -> pa.Table:
    """Scene scores with the log and the start of each scene; scenes that are in the lake no more are left out."""
    scores = derived.storage.read_table("scene_scores.parquet")
    places = pc.index_in(scores["scene_id"].combine_chunks(), value_set=scenes["scene_id"].combine_chunks())
    for name in ("log_id", "start_ns"):
        scores = scores.append_column(name, scenes[name].combine_chunks().take(places))
    return scores.filter(pc.is_valid(scores["log_id"]))
