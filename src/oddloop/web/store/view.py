"""The workspace at one moment, as pages read it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import pyarrow as pa

from oddloop.config import Config
from oddloop.errors import OddloopError
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import TableFiles, Workspace
from oddloop.rounds.ledger import Ledger
from oddloop.rounds.newest import newest_stages
from oddloop.rounds.snapshots import newest_snapshot
from oddloop.rounds.state import Event, RoundState
from oddloop.rounds.trace import Trace, trace_scene
from oddloop.web.store.cache import Cache
from oddloop.web.store.sql import Sql

T = TypeVar("T")


class NothingThereError(OddloopError):
    """What a page was asked for is not there."""


@dataclass(frozen=True)
class View:
    """The workspace when it was last looked at.

    Attributes:
        workspace: opened, with its settings at that moment.
        rounds: states, oldest first.
        seq: number of the ledger's last event.
        digest: changes whenever something that a page may show has changed.
        config_digest: changes with the settings alone.
        history_digest: changes where another coverage result was kept.
        labels_digest: changes with the labels.
    """

    workspace: Workspace
    rounds: tuple[RoundState, ...]
    seq: int
    digest: str
    config_digest: str
    history_digest: str
    labels_digest: str
    _ledger: Ledger
    _cache: Cache
    _answers: Cache
    _sql: Sql
    _workers: ThreadPoolExecutor

    @property
    def config(self) -> Config:
        """The settings."""
        return self.workspace.config

    def round(self, round_id: str) -> RoundState:
        """A round.

        Raises:
            NothingThereError: there is none of that name.
        """
        found = next((state for state in self.rounds if state.round_id == round_id), None)
        if found is None:
            raise NothingThereError(f"there is no round {round_id!r}")
        return found

    @property
    def open_round(self) -> RoundState | None:
        """The newest round, where it is not closed."""
        return self.rounds[-1] if self.rounds and self.rounds[-1].is_open else None

    @property
    def stages(self) -> Mapping[str, str]:
        """Digest of the newest folder by stage: those of the newest proposal, its coverage after a later evaluation.

        Before there is either, the coverage that `oddloop coverage` counted last.
        """
        stages = newest_stages(self.rounds)
        if "coverage" not in stages:
            key = ("newest snapshot", self.history_digest)
            stages["coverage"] = self._cache.get(key, lambda: newest_snapshot(self.workspace))
        return stages

    def events(self, round_id: str) -> list[Event]:
        """Events of a round, or of what stands beside the rounds, oldest first."""
        return self._cache.get(("events", self.seq, round_id), lambda: self._ledger.events(round_id, as_of=self.seq))

    def trace(self, scene_id: str) -> Trace:
        """The whole life of a scene (`rounds.trace.trace_scene`)."""
        return trace_scene(self.workspace, self._ledger, scene_id, self.cached, self.seq)

    def stage(self, stage: str, digest: str = "") -> Storage | None:
        """A stage's folder, by default the newest; None where the stage has not run, or its folder is gone."""
        digest = digest or self.stages.get(stage, "")
        folder = self.workspace.storage.sub(f"derived/{stage}/{digest}")
        return folder if digest and folder.exists("manifest.json") else None

    def table(self, stage: str, file: str, columns: Sequence[str] | None = None, digest: str = "") -> pa.Table | None:
        """A table of a stage's folder, kept in memory; None where there is none. For small tables: see `query`."""
        folder = self.stage(stage, digest)
        if folder is None or not folder.exists(file):
            return None
        key = ("table", folder.root, file, tuple(columns or ()))
        return self._cache.get(key, lambda: folder.read_table(file, list(columns) if columns else None))

    def cached(self, key: Hashable, make: Callable[[], T]) -> T:
        """A value that is made once per key; put into the key what it is made of, such as `digest`."""
        return self._cache.get(key, make)

    def answered(self, key: Hashable, make: Callable[[], T]) -> T:
        """The same of whole answers, of which few are kept, and few are made at once."""
        return self._answers.get(key, lambda: self._workers.submit(make).result())

    def kept(self, key: Hashable) -> Any:
        """The value of a key where it has been made; else None."""
        return self._cache.peek(key)

    def files(self, stage: str, file: str, digest: str = "") -> TableFiles | None:
        """A table of a stage's folder for `query`; None where there is none."""
        folder = self.stage(stage, digest)
        return TableFiles(file, folder, (file,)) if folder and folder.exists(file) else None

    def query(self, sql: str, parameters: Sequence[Any] = (), **tables: TableFiles) -> pa.Table:
        """Ask DuckDB: one SELECT over these tables by their names here, such as those of `files` and `workspace.table`.

        What is asked for goes in as `parameters`, never into the text.
        """
        return self._sql.query(sql, parameters, tables)
