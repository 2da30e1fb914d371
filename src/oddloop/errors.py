"""What can go wrong, as the user meets it: one base class, few subclasses, and faults that are reported together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class OddloopError(Exception):
    """Base of every error that oddloop raises on purpose; its text says what, where and how to mend."""


class ConfigError(OddloopError):
    """`oddloop.toml` is missing or says something that oddloop cannot follow."""


class TableError(OddloopError):
    """A table lacks a column, or holds values that its declaration forbids."""


class WorkspaceError(OddloopError):
    """The workspace, or a file of it, is missing, locked, damaged or of another format."""


class LedgerError(OddloopError):
    """A round was asked to do what its state does not allow, or does not exist."""


class ConflictError(LedgerError):
    """Somebody else has decided otherwise since the reviewer looked; nothing was overwritten."""


class TrainError(OddloopError):
    """A training or evaluation command failed, or what it wrote is not in table form.

    Attributes:
        attempts: number, end, time and log of each attempt.
    """

    attempts: tuple[dict[str, Any], ...] = ()


class LeakageError(OddloopError):
    """Scenes to train on are too close to scenes that are held out for evaluation."""


class TrackerError(OddloopError):
    """The experiment tracker cannot be reached, or refused what was pushed to it."""


class PublishError(OddloopError):
    """Tables for dashboards cannot be brought to where they are read; what is there stays as it was."""


class DeployError(OddloopError):
    """A model cannot go into service, or what should be told of it was not."""


class SourceError(OddloopError):
    """A folder to ingest is not laid out as its format says."""


class LabellingError(OddloopError):
    """What goes to a labelling tool cannot be made, or what it gave back cannot be taken; nothing was written."""


class EngineError(OddloopError):
    """A cluster cannot be reached, or lost its workers more often than it may; what was finished before stays."""


class MissingExtraError(OddloopError):
    """An optional dependency is not installed."""


@dataclass(frozen=True, order=True)
class Fault:
    """One thing that is wrong in the user's data or configuration.

    Attributes:
        table: table name, or the name of the configuration file.
        file: file inside the workspace; "" where the fault is of the table as a whole.
        row: first row concerned, counted from 0 in that file; -1 where no row is to blame.
        code: stable slug, such as `duplicate-key`.
        message: what is wrong and how to mend it.
        n_rows: how many rows are concerned.
    """

    table: str
    file: str
    row: int
    code: str
    message: str
    n_rows: int = 1

    def __str__(self) -> str:
        place = self.file or self.table
        row = f", row {self.row}" if self.row >= 0 else ""
        more = f" ({self.n_rows:,} rows)" if self.n_rows > 1 else ""
        return f"{place}{row}: {self.message}{more} [{self.code}]"


def join_faults(heading: str, faults: Sequence[Fault]) -> str:
    """Text of one error that reports all faults together, one per line, in a stable order.

    >>> print(join_faults("2 faults", [Fault("scenes", "a.parquet", 3, "null-key", "scene_id is null")]))
    2 faults
      a.parquet, row 3: scene_id is null [null-key]
    """
    return "\n".join([heading, *(f"  {fault}" for fault in sorted(faults))])
