"""What a scene's labels cost, which model was the first to learn from them, and what changed with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.coverage import ALL_SCENES
from oddloop.errors import OddloopError
from oddloop.rounds.paired import compare_rounds
from oddloop.rounds.state import Event, RoundState
from oddloop.rounds.trace.moment import Moment
from oddloop.rounds.trace.reading import Reader
from oddloop.rounds.train_hook import LABELLED_FILE
from oddloop.tables import LABELS


def labelling(reader: Reader, predicted: Mapping[str, float]) -> Iterator[Moment]:
    """When it was labelled, for which round, and at what cost.

    Args:
        reader: reads the lake.
        predicted: predicted cost of the scene by round that picked it.
    """
    for row in reader.of_lake(LABELS, ["labelled_at_ns", "round_id", "cost"]):
        round_id = row["round_id"] or ""
        cost = "unknown cost" if row["cost"] is None else f"cost {row['cost']:,.3g}"
        expected = f", predicted {predicted[round_id]:,.3g}" if round_id in predicted else ""
        where = f"labelled for {round_id}" if round_id else "labelled for no round"
        detail = {"cost": row["cost"], "predicted_cost": predicted.get(round_id)}
        yield Moment("labelled", f"{where} at {cost}{expected}", row["labelled_at_ns"], "", round_id, detail)


def learning(
    reader: Reader, rounds: Sequence[RoundState], at: Mapping[tuple[str, str], Event], rng: np.random.Generator
) -> Iterator[Moment]:
    """The first model that was trained with the scene, and what its evaluation says against the one before.

    Args:
        reader: reads what trainings were done on.
        rounds: all rounds, oldest first.
        at: the last event of each round and kind.
        rng: draws the resamples of logs for the intervals.
    """
    for number, state in enumerate(rounds):
        event = at.get((state.round_id, "trained"))
        if event is None or reader.row(f"derived/train/{event.payload['digest']}", LABELLED_FILE) is None:
            continue
        detail = {name: event.payload.get(name) for name in ("model_id", "digest", "dataset")}
        yield Moment.of(event, f"first model trained with it: {event.payload['model_id']} ({state.round_id})", detail)
        yield from _changed(reader, rounds[:number], state, at.get((state.round_id, "evaluated")), rng)
        if weighed := at.get((state.round_id, "evidence")):
            detail = {"verdict": weighed.payload.get("verdict")}
            yield Moment.of(weighed, str(weighed.payload.get("sentence", "")), detail)
        return


def _changed(
    reader: Reader, earlier: Sequence[RoundState], state: RoundState, event: Event | None, rng: np.random.Generator
) -> Iterator[Moment]:
    if event is None:
        return
    before = next((s for s in reversed(earlier) if s.evaluation and "digest" in s.training), None)
    if before is None:
        text = "its model was measured, and there is no earlier model of the loop to compare it with"
        yield Moment.of(event, text, kind="changed")
        return
    for metric in sorted({str(row["metric"]) for row in state.evaluation["overall"]}):
        try:
            found = compare_rounds(reader.workspace, state, before, metric, rng, max_way=1)
        except (OddloopError, OSError) as error:
            reader.note(f"{metric} of {state.round_id} against {before.round_id}: {error}")
            continue
        held = _segments_of(reader, state)
        for row in found.filter(pc.is_in(found["segment_id"], held)).to_pylist():
            yield Moment.of(event, _change_text(row, metric, before, state), {"metric": metric, **row}, kind="changed")


def _segments_of(reader: Reader, state: RoundState) -> pa.Array:
    """Ids of the segments of one value that hold the scene, and of all scenes."""
    folder = f"derived/coverage/{state.evaluation['coverage_digest']}"
    values = reader.row(folder, "scene_values.parquet") or {}
    found = [ALL_SCENES]
    for name, value in values.items():
        if name not in ("scene_id", "labelled"):
            found += [f"{name}={one}" for one in (value if isinstance(value, list) else [value])]
    return pa.array(found, pa.string())


def _change_text(row: Mapping[str, Any], metric: str, before: RoundState, after: RoundState) -> str:
    one, two = before.training["model_id"], after.training["model_id"]
    models = f"{one} {row['second_value']:.3g}, {two} {row['first_value']:.3g}"
    interval = "too few logs for an interval"
    if row["ci_low"] is not None:
        interval = f"95 % interval {row['ci_low']:+.3g} to {row['ci_high']:+.3g}"
    where = "all scenes" if row["segment_id"] == ALL_SCENES else row["segment_id"]
    logs = "1 log" if row["n_logs"] == 1 else f"{row['n_logs']:,} logs"
    support = f"{row['n_scenes']:,} scenes in {logs}"
    return f"{metric} in {where}: {models}, a difference of {row['difference']:+.3g} ({interval}; {support})"
