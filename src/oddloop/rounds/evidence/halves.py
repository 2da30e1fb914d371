"""The models behind the evidence: trained on halves of an arm's picks, drawn at random, and what is labelled before.

`derived/halves/<digest>/half_metrics.parquet` holds what they were measured at (HALF_METRICS). A scene is in the same
half of a split in each later round, so that two rounds of an arm share their luck. The trainings themselves are those
of learning curves: only metrics stay, and what was trained once is not trained again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.derived_tables import HALF_METRICS
from oddloop.lake.derived import Derived, Recipe, derive
from oddloop.lake.fingerprint import digest_of, fingerprint
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.curves import held_out_metrics, train_for_metrics
from oddloop.rounds.shell import Shell
from oddloop.rounds.stages.context import make_generator
from oddloop.rounds.train_hook import TrainRequest
from oddloop.tables import SCENES

HALVES_FILE = "half_metrics.parquet"
Split = tuple[frozenset[str], frozenset[str]]


@dataclass(frozen=True)
class PickedScenes:
    """What an arm had labelled: scenes from before, and picks by the round that asked for them."""

    base: frozenset[str]
    groups: Mapping[str, tuple[str, ...]]

    @property
    def picks(self) -> frozenset[str]:
        """All picks."""
        return frozenset(scene for group in self.groups.values() for scene in group)


def split_picks(groups: Mapping[str, Sequence[str]], n_splits: int, seed: int) -> list[Split]:
    """Draw halves of each group's scenes, so that every group is split evenly; the order of scenes does not matter.

    >>> splits = split_picks({"r001": ["a", "b"], "r002": ["c"]}, 2, 0)
    >>> [sorted(first | second) for first, second in splits]
    [['a', 'b', 'c'], ['a', 'b', 'c']]
    >>> split_picks({"r001": ["b", "a"]}, 1, 0) == split_picks({"r001": ["a", "b"]}, 1, 0)
    True
    """
    return [_split(groups, number, seed) for number in range(n_splits)]


def _split(groups: Mapping[str, Sequence[str]], number: int, seed: int) -> Split:
    halves: tuple[list[str], list[str]] = ([], [])
    for name, scenes in sorted(groups.items()):
        # A stream of its own for each group: later rounds leave the halves of earlier ones as they are.
        rng = make_generator(seed, f"halves {number} {name}")
        order = np.array(sorted(scenes), dtype=object)[rng.permutation(len(scenes))].tolist()
        # Of an odd number, which half gets one more is drawn too.
        middle = (len(order) + int(rng.integers(2))) // 2
        halves[0].extend(order[:middle])
        halves[1].extend(order[middle:])
    return frozenset(halves[0]), frozenset(halves[1])


def run_halves(workspace: Workspace, shell: Shell, labelled: pa.Table, picked: PickedScenes) -> Derived | None:
    """Train on halves of the picks where that was not done yet; None where there are fewer than two picks.

    Args:
        workspace: with a training command, and `[evidence] splits`.
        shell: where to tell of progress.
        labelled: scene_id, log_id, round_id and cost of labelled scenes, the base and the picks among them.
        picked: the arm.

    Returns:
        the derived folder, with `HALF_METRICS`.

    Raises:
        TrainError: a training failed, or wrote no metrics of held-out scenes; those that ended before stay.
    """
    n_splits, seed = workspace.config.evidence.splits, workspace.config.workspace.seed
    if len(picked.picks) < 2:
        return None
    halves = [half for split in split_picks(picked.groups, n_splits, seed) for half in split]
    requests = [_request(workspace, labelled, picked.base | half, number) for number, half in enumerate(halves)]
    trained = train_for_metrics(workspace, shell, requests, workspace.config.evidence.parallel, "evidence")
    inputs = {name: derived.digest for name, derived in trained.items()}

    def write(out: Storage) -> dict[str, int]:
        scenes = read_table(workspace.table("scenes"), SCENES)
        parts = [_numbered(held_out_metrics(trained[r.model_id].storage, scenes), n) for n, r in enumerate(requests)]
        table = pa.concat_tables([HALF_METRICS.empty(), *parts])
        out.write_table(HALVES_FILE, table)
        return {"half_metrics": table.num_rows, "trainings": len(requests), "picks": len(picked.picks)}

    return derive(workspace.storage, Recipe("halves", inputs, {"n_splits": n_splits}), write)


def _request(workspace: Workspace, labelled: pa.Table, scenes: frozenset[str], number: int) -> TrainRequest:
    config = workspace.config
    mine = labelled.filter(pc.is_in(labelled["scene_id"], value_set=pa.array(sorted(scenes), pa.string())))
    inputs = fingerprint([workspace.table("scenes")], workspace.storage)
    return TrainRequest(
        hook=config.train,
        labelled=mine,
        model_id=f"half_{number // 2}_{number % 2}",
        seed=config.workspace.seed + 1 + number,
        inputs={**inputs, "labelled": digest_of(mine["scene_id"].to_pylist())},
        purpose="curve",
        logs=f"logs/evidence/half_{number // 2}_{number % 2}",
    )


def _numbered(metrics: pa.Table, number: int) -> pa.Table:
    """Rows of HALF_METRICS of one model."""
    n, schema = metrics.num_rows, HALF_METRICS.schema()
    place = {"split": pa.array([number // 2] * n, pa.int64()), "half": pa.array([number % 2] * n, pa.int64())}
    own = {name: metrics[name] for name in ("scene_id", "metric", "value", "support")}
    columns = place | own
    return pa.table({name: columns[name] for name in schema.names}).cast(schema)


def picked_scenes(labelled: pa.Table) -> PickedScenes:
    """The labelled scenes by the round that asked for them; where no round has asked for any, all count as one's picks.

    >>> labelled = pa.table({"scene_id": ["a", "b", "c"], "round_id": [None, "r001", "r001"]})
    >>> picked = picked_scenes(labelled)
    >>> sorted(picked.base), picked.groups
    (['a'], {'r001': ('b', 'c')})
    """
    rounds = pc.fill_null(labelled["round_id"], "")
    groups = {
        str(name): tuple(labelled["scene_id"].filter(pc.equal(rounds, name)).to_pylist())
        for name in pc.unique(rounds).to_pylist()
    }
    base = frozenset(groups.pop("", ()))
    return PickedScenes(base, groups) if groups else PickedScenes(frozenset(), {"": tuple(sorted(base))})


def only(picked: PickedScenes, scenes: frozenset[str]) -> PickedScenes:
    """The same with no other picks than these."""
    groups = {name: tuple(s for s in group if s in scenes) for name, group in picked.groups.items()}
    return replace(picked, groups=groups)
