"""The rules of the intake as they are now: settings, and the threshold that the current model's scores give.

They are read aside, every few seconds, so that nobody who asks waits for that.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa

from oddloop.config import Config
from oddloop.coverage import encode_attributes
from oddloop.errors import ConfigError, OddloopError, WorkspaceError
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.intake.statistics import newest_scores, quantile_of
from oddloop.select.intake import Rules
from oddloop.tables import UNKNOWN

EVERY_S = 5.0


@dataclass(frozen=True)
class Ruling:
    """What holds at a moment: the rules, the settings that they are of, the model whose scores count ("": no score)."""

    rules: Rules
    config: Config = field(default_factory=Config)
    model_id: str = ""

    def segment_of(self, attributes: dict[str, object]) -> str:
        """The segment of a scene, from its values of the columns that `[intake] by` is read from.

        Raises:
            TableError: a value is of a type that its attribute cannot be read from.
        """
        by = {name: self.config.attributes[name] for name in self.config.intake.by}
        columns = {name: attribute.columns_of(name)[0] for name, attribute in by.items()}
        said = {name: by[name] for name, column in columns.items() if attributes.get(column) is not None}
        scene = pa.table({columns[name]: [attributes[columns[name]]] for name in said})
        found = {one.name: one.values[int(one.codes[0])] for one in encode_attributes(scene, said).attributes}
        return self.config.intake.segment({name: found.get(name, UNKNOWN) for name in by})


def read_ruling(workspace: Workspace, model_id: str) -> Ruling:
    """The rules that the settings and the current model's scores give; model_id is "" where there is no model.

    Raises:
        ConfigError: `[intake]` says nothing.
        WorkspaceError: a quantile is asked for, and the model has no scores yet.
    """
    config = workspace.config.intake
    if not config.is_set:
        raise ConfigError(
            f"{workspace.storage.url}: [intake] sets neither a score nor a limit, so all would be kept; set one"
        )
    threshold = config.at_least
    if config.quantile is not None:
        threshold = quantile_of(_scores(workspace, model_id), config.score, config.quantile)
    rules = Rules(
        threshold,
        config.per_hour,
        config.per_segment_hour,
        config.limits_by_segment(),
        config.how,
        config.weighted,
        workspace.config.workspace.seed,
    )
    return Ruling(rules, workspace.config, model_id)


def _scores(workspace: Workspace, model_id: str) -> Storage:
    folder = newest_scores(workspace, model_id) if model_id else None
    if folder is None:
        raise WorkspaceError(
            f"{workspace.storage.url}: [intake] quantile needs scores of the current model; run `oddloop score`"
        )
    return folder


class Rulebook:
    """Reads the ruling again and again in a thread of its own; while that fails, the one before holds. To be closed."""

    def __init__(self, read: Callable[[], Ruling], *, every_s: float = EVERY_S) -> None:
        """Read it for the first time.

        Raises:
            OddloopError: as `read` does.
        """
        self._read, self._every_s = read, every_s
        self._ruling = read()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="rulebook", daemon=True)
        self._thread.start()

    def ruling(self) -> Ruling:
        """What holds now."""
        return self._ruling

    def close(self) -> None:
        """End."""
        self._closed.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._closed.wait(self._every_s):
            try:
                self._ruling = self._read()
            except OddloopError:
                continue  # such as settings that are just being edited
