"""What a tracker is: two methods over plain records, so that another one is one small file.

Name it in `oddloop.toml` as `[tracker] kind = "our_pkg.tracking:OurTracker"`. oddloop calls `OurTracker(config, loop)`,
with the `[tracker]` section, and then its methods. They may raise anything: the round goes on, and they are called
again later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa


@dataclass(frozen=True)
class Loop:
    """The loop that rounds are of.

    Attributes:
        loop_id: tells it from all others; the same for as long as its ledger is.
        name: name of the workspace.
        folder: the workspace's folder; None where it is in an object store.
    """

    loop_id: str
    name: str
    folder: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """What a model was trained on.

    Attributes:
        name: `al/labelled@r003`.
        digest: of its content; its first 36 characters are what MLflow takes.
        uri: where its list of scenes is.
        n_scenes: scenes in it.
        n_logs: logs that they are of; None unknown.
    """

    name: str
    digest: str
    uri: str
    n_scenes: int
    n_logs: int | None = None


@dataclass(frozen=True)
class Model:
    """A model that a round has trained.

    Attributes:
        model_id: its name.
        uri: where the training command says that it is (`model_uri` in its output); "" where it says nothing.
        folder: the training's folder, with what the model said about all scenes.
        digest: names that folder.
    """

    model_id: str
    uri: str
    folder: str
    digest: str


@dataclass(frozen=True)
class RoundRecord:
    """All of a round that a tracker is told, as it is after the event `seq`.

    Attributes:
        round_id: the round, such as `r003`.
        number: 3 of it.
        status: the round's status.
        seq: place in the ledger of the last event that is in this record.
        begun_at_ns: when the round began, ns since the Unix epoch.
        at_ns: when that last event was.
        parameters: policy, score, budget, seed, digests; none before the round has picks.
        is_fixed: whether the parameters stay as they are, since people have begun to work on the picks.
        metrics: value by name, such as `accuracy`, `segment/weather=rain/accuracy` or `round/cost`.
        dataset: what its model was trained on; None before it is trained.
        model: the model; None before it is trained.
        files: content by name, such as `picks.csv`.
        segment_metrics: SEGMENT_METRICS of the model; None before it is measured.
        summary: the round in a few words of Markdown.
    """

    round_id: str
    number: int
    status: str
    seq: int
    begun_at_ns: int
    at_ns: int
    parameters: Mapping[str, str] = field(default_factory=dict)
    is_fixed: bool = False
    metrics: Mapping[str, float] = field(default_factory=dict)
    dataset: Dataset | None = None
    model: Model | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    segment_metrics: pa.Table | None = None
    summary: str = ""


@dataclass(frozen=True)
class Promotion:
    """A model that is in service from now on; `seq` is the place of that event in the ledger."""

    model_id: str
    round_id: str
    why: str
    seq: int
    at_ns: int


class Tracker(Protocol):
    """Takes rounds to where a team keeps its experiments.

    A run may be killed after a tracker has done its part and before the ledger says so. So each method is called again
    with what it has taken already, and must find it there (by loop and round) instead of adding it twice.
    """

    def push_round(self, record: RoundRecord) -> str:
        """Make what the tracker has of a round as the record says; returns what it calls the round there."""

    def push_promotion(self, promotion: Promotion) -> str:
        """Mark a model as the one in service, and no other; returns what the tracker calls it, "" where it has none."""
