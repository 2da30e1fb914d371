"""What every stage gets: the workspace, the engine, the model; and what they share in writing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddloop.engine import Engine
from oddloop.errors import WorkspaceError
from oddloop.lake.derived import Derived
from oddloop.lake.fingerprint import fingerprint
from oddloop.lake.scan import read_table
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.model import ModelTables
from oddloop.rounds.shell import Progress
from oddloop.tables import (
    LABELS,
    SCENES,
    TableSpec,
    is_held_out,
    refuse_unknown_splits,
)

Done = Mapping[str, Derived]
"""Derived folders of the stages that ran before, by stage name."""


@dataclass
class Context:
    """What every stage needs: the workspace, the engine, the model, and where to tell of progress."""

    workspace: Workspace
    engine: Engine
    model: ModelTables
    progress: Progress
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
        return scenes

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
