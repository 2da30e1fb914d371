"""What every stage gets: the workspace, the engine, the model; and what they share in writing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.config import AttributeConfig
from oddloop.engine import Engine
from oddloop.errors import WorkspaceError
from oddloop.lake.derived import Derived, Recipe, derive
from oddloop.lake.fingerprint import digest_of, fingerprint
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.model import ModelTables
from oddloop.rounds.shell import Progress, Step, no_step
from oddloop.tables import (
    LABELS,
    METRICS,
    SCENES,
    TableSpec,
    is_held_out,
    refuse_unknown_splits,
)

Done = Mapping[str, Derived]
"""Derived folders of the stages that ran before, by stage name."""


@dataclass
class Reuse:
    """Keys of the partitions that a stage has gone through, and how many of them it found done."""

    keys: list[str] = field(default_factory=list)
    reused: int = 0

    def count(self, keys: Iterable[str], reused: int) -> None:
        """Add some."""
        self.keys.extend(keys)
        self.reused += reused

    def told(self) -> dict[str, int]:
        """What to tell of it."""
        return {"partitions": len(self.keys), "partitions_reused": self.reused} if self.keys else {}


@dataclass
class Context:
    """What every stage needs: the workspace, the engine, the model, and where to tell of progress."""

    workspace: Workspace
    engine: Engine
    model: ModelTables
    progress: Progress
    scenarios: pa.Table | None = None
    """`scene_id` and `scenario`: named scenarios, which count as an attribute; None where nothing is named."""
    note: Callable[[Step], None] = no_step
    """Told of what a stage does beside its folder; no step of the run."""
    set_aside: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Ids of scenes that people have rejected or deferred, by why."""
    refit: bool = False
    """Whether the basis of scene vectors is to be fitted anew even where the old one suits."""
    reuse: Reuse = field(default_factory=Reuse)
    _tables: dict[str, pa.Table] = field(default_factory=dict)

    def table(self, name: str, spec: TableSpec) -> pa.Table:
        """A small lake table, read once."""
        if name not in self._tables:
            self._tables[name] = read_table(self.workspace.table(name), spec)
        return self._tables[name]

    def scenes(self) -> pa.Table:
        """The `scenes` table.

        Raises:
            WorkspaceError: there are no scenes.
            TableError: a scene's split is neither `pool` nor `eval`.
        """
        scenes = self.table("scenes", SCENES)
        if not scenes.num_rows:
            place = self.workspace.table("scenes").storage.url
            raise WorkspaceError(f"{place}: no scenes; run `oddloop ingest`, or point [lake] scenes elsewhere")
        refuse_unknown_splits(scenes)
        return self._with_scenarios(scenes)

    def attributes(self) -> dict[str, AttributeConfig]:
        """The taxonomy, with the named scenarios as one more attribute where there are any."""
        attributes = dict(self.workspace.config.attributes)
        if name := self._scenario_attribute():
            values = sorted(pc.unique(pc.list_flatten(self._named()["scenario"])).to_pylist())
            attributes[name] = AttributeConfig(kind="multilabel", values=tuple(values))
        return attributes

    def scenario_inputs(self) -> dict[str, str]:
        """Digest of the named scenarios, where there are any."""
        return {"scenarios": digest_of(self._named().to_pylist())} if self._scenario_attribute() else {}

    def _scenario_attribute(self) -> str:
        """Name of the attribute; "" where nothing is named, or the team has an attribute of that name itself."""
        name = self.workspace.config.discover.names.attribute
        return "" if self.scenarios is None or name in self.workspace.config.attributes else name

    def _named(self) -> pa.Table:
        assert self.scenarios is not None  # noqa: S101  asked for only where `_scenario_attribute` says so
        return self.scenarios

    def _with_scenarios(self, scenes: pa.Table) -> pa.Table:
        name = self._scenario_attribute()
        if not name or name in scenes.column_names:
            return scenes
        at = pc.index_in(scenes["scene_id"], value_set=self._named()["scene_id"].combine_chunks())
        return scenes.append_column(name, self._named()["scenario"].combine_chunks().take(at.combine_chunks()))

    def labelled_ids(self) -> pa.Array:
        """Ids of all scenes with labels."""
        return self.table("labels", LABELS)["scene_id"].combine_chunks()

    def trained_ids(self) -> pa.Array:
        """Ids of the scenes that the model was trained on, sorted; none that is held out for evaluation.

        Of a model that the loop has not trained, and where `[model] trained_on` does not say: the labelled scenes that
        no round has asked for, since the labels of rounds came after it.
        """
        files = self.model.trained_on
        if files is None:
            return pa.array([], pa.string())
        table = read_table(files, LABELS, ["scene_id", *(["round_id"] if files.name == LABELS.name else [])])
        if "round_id" in table.column_names:
            table = table.filter(pc.is_null(table["round_id"]))
        scenes = self.scenes()
        held_out = scenes["scene_id"].filter(is_held_out(scenes)).combine_chunks()
        ids = table["scene_id"].combine_chunks().unique()
        ids = ids.filter(pc.invert(pc.is_in(ids, value_set=held_out.cast(ids.type))))
        return ids.take(pc.sort_indices(ids))

    def recipe(self, stage: str, inputs: Mapping[str, str], settings: Any, seed: int | None = None) -> Recipe:
        """What a derived folder of this workspace is made of, with the versions of the tables that were read."""
        is_lakes = self.model.metrics == self.workspace.table(METRICS.name)
        names = [name for name in inputs if name != METRICS.name or is_lakes]
        return Recipe(stage, inputs, settings, seed, self.workspace.read_at(names))

    def derive(self, recipe: Recipe, write: Callable[[Storage], Mapping[str, int]]) -> Derived:
        """A derived folder whose manifest names the parts that it is made of, and that tells how many were there."""
        outer, self.reuse = self.reuse, Reuse()
        try:
            derived = derive(self.workspace.storage, recipe, write, self.reuse.keys)
            return replace(derived, told=self.reuse.told())
        finally:
            self.reuse = outer

    def digests(self, *names: str) -> dict[str, str]:
        """Content digest by lake table."""
        return fingerprint([self.workspace.table(name) for name in names], self.workspace.storage)


def write_tables(out: Storage, **tables: pa.Table) -> dict[str, int]:
    """Write each table as `<name>.parquet`; returns their rows."""
    for name, table in tables.items():
        out.write_table(f"{name}.parquet", table)
    return {name: table.num_rows for name, table in tables.items()}


def make_generator(seed: int, stage: str) -> np.random.Generator:
    """An independent stream per stage, so that one stage's draws never shift another's."""
    return np.random.default_rng(np.random.SeedSequence([seed, *stage.encode()]))
