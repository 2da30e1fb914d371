"""The rules of the intake as they are now: settings, and the threshold that the current model's scores give.

They are read aside, every few seconds, so that nobody who asks waits for that.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa

from oddloop.config import AttributeConfig, Config
from oddloop.coverage import encode_attributes
from oddloop.errors import ConfigError, OddloopError, WorkspaceError
from oddloop.lake.storage import Storage
from oddloop.lake.workspace import Workspace
from oddloop.rounds.intake.statistics import newest_scores, quantile_of
from oddloop.select.intake import Rules
from oddloop.tables import UNKNOWN

EVERY_S = 5.0
_REMEMBERED = 10_000
"""Texts whose value is remembered: reading one by way of a table takes as long as all the rest of an answer."""


@dataclass(frozen=True)
class Ruling:
    """What holds at a moment: the rules, the settings that they are of, the model whose scores count ("": no score)."""

    rules: Rules
    config: Config = field(default_factory=Config)
    model_id: str = ""
    _found: dict[tuple[str, object], str] = field(default_factory=dict, repr=False, compare=False)

    def segment_of(self, attributes: dict[str, object]) -> str:
        """The segment of a scene, from its values of the columns that `[intake] by` is read from.

        Raises:
            TableError: a value is of a type that its attribute cannot be read from.
        """
        values = {}
        for name in self.config.intake.by:
            column = self.config.attributes[name].columns_of(name)[0]
            values[name] = self._value_of(name, attributes.get(column))
        return self.config.intake.segment(values)

    def _value_of(self, name: str, value: object) -> str:
        attribute = self.config.attributes[name]
        if value is None or value != value:
            return UNKNOWN
        if attribute.kind == "binned" and isinstance(value, int | float) and not isinstance(value, bool):
            return attribute.values[bisect.bisect_left(attribute.edges, value)]  # a bin is closed on its right
        if (name, value) not in self._found:
            if len(self._found) >= _REMEMBERED:
                self._found.clear()
            self._found[name, value] = first_value(name, attribute, value)
        return self._found[name, value]


def first_value(name: str, attribute: AttributeConfig, value: object) -> str:
    """The attribute's value of a scene in whose column this stands.

    Raises:
        TableError: it is of a type that the attribute cannot be read from.

    >>> first_value("sky", AttributeConfig(values=("clear", "rain")), "Rain ")
    'unknown'
    """
    column = attribute.columns_of(name)[0]
    (found,) = encode_attributes(pa.table({column: [value]}), {name: attribute}).attributes
    return found.values[int(found.codes[0])]


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
                ruling = self._read()
                if ruling != self._ruling:
                    self._ruling = ruling
            except OddloopError:
                continue  # such as settings that are just being edited
