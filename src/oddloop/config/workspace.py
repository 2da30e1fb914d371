"""Settings of a workspace as a whole: where things are, and which model they are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from oddloop.config.types import STRICT, Pointer

FORMAT = 1
"""Format number of the workspace; raised when an older oddloop could not read a newer workspace."""


@dataclass(frozen=True)
class WorkspaceConfig:
    """What this workspace is."""

    __pydantic_config__ = STRICT
    name: Annotated[str, Field(description="shown in reports")] = "workspace"
    format: Annotated[Literal[1], Field(description="format number of the workspace")] = 1
    seed: Annotated[int, Field(ge=0, description="seed of every random choice")] = 0


@dataclass(frozen=True)
class LakeConfig:
    """Where the tables are: a folder of Parquet files each, inside the workspace, or a path or URL elsewhere.

    A single table may be Delta or Iceberg: `delta:<path or URL>`, `iceberg:<catalog>.<namespace>.<table>`.
    """

    __pydantic_config__ = STRICT
    scenes: Annotated[Pointer, Field(description="folder or URL of `scenes`")] = "lake/scenes"
    frames: Annotated[Pointer, Field(description="folder or URL of `frames`")] = "lake/frames"
    objects: Annotated[Pointer, Field(description="folder or URL of `objects`")] = "lake/objects"
    predictions: Annotated[Pointer, Field(description="folder or URL with `<task>/<model_id>/`")] = "lake/predictions"
    features: Annotated[Pointer, Field(description="folder or URL with `<encoder_id>/`")] = "lake/features"
    heads: Annotated[Pointer, Field(description="folder or URL with `<encoder_id>/`: last layers")] = "lake/heads"
    metrics: Annotated[Pointer, Field(description="folder or URL of `metrics`")] = "lake/metrics"
    labels: Annotated[Pointer, Field(description="folder or URL of `labels`")] = "lake/labels"
    tracks: Annotated[Pointer, Field(description="folder or URL of `tracks`")] = "lake/tracks"
    futures: Annotated[Pointer, Field(description="folder or URL of `futures`")] = "lake/futures"


@dataclass(frozen=True)
class ColumnSource:
    """How a column is made of yours, where it is not simply one of them: `[columns.<table>] name = { ... }`."""

    __pydantic_config__ = STRICT
    columns: Annotated[tuple[str, ...], Field(description="your columns; the texts of several are joined")] = ()
    join: Annotated[str, Field(description="what stands between joined texts")] = "-"
    or_else: Annotated[str, Field(description="your column to take where the text is blank")] = ""
    time: Annotated[str, Field(description="format of a time, such as `%d.%m.%Y %H:%M`; read as UTC, becomes ns")] = ""
    factor: Annotated[float, Field(description="numbers are multiplied by it: 1.609344 for mph to km/h")] = 1.0
    value: Annotated[str | float | None, Field(description="one value for every row, instead of `columns`")] = None

    def __post_init__(self) -> None:
        if (self.value is None) == (not self.columns):
            raise ValueError("give either `columns` of your own or one `value` for every row")
        if self.time and self.factor != 1.0:
            raise ValueError("`time` reads texts and `factor` multiplies numbers; give one of them")


@dataclass(frozen=True)
class RowConfig:
    """What to do with rows that do not fit, in `oddloop ingest tables`."""

    __pydantic_config__ = STRICT
    refuse: Annotated[
        Literal["all", "row"], Field(description="a bad row refuses the whole ingest, or is itself left out and listed")
    ] = "all"
    newest_of: Annotated[
        str,
        Field(description="your column: of rows alike in it, only the newest is kept; a blank one is like no other"),
    ] = ""
    version: Annotated[str, Field(description="your column that says which is newest; the last row wins a tie")] = ""

    def __post_init__(self) -> None:
        if bool(self.newest_of) != bool(self.version):
            raise ValueError("`newest_of` and `version` belong together; give both or neither")
        if self.newest_of and self.refuse != "row":
            raise ValueError('`newest_of` leaves rows out, so it needs refuse = "row" beside it')


@dataclass(frozen=True)
class ModelConfig:
    """Which model's outputs are in the lake; after a training the newest trained model takes its place."""

    __pydantic_config__ = STRICT
    id: Annotated[str, Field(description="model_id; empty: the only one found")] = ""
    encoder: Annotated[str, Field(description="encoder_id of `features`; empty: the only one found, or none")] = ""
    digest: Annotated[str, Field(description="digest of its weights, to tell two models of one id apart")] = ""
    trained_on: Annotated[
        str,
        Field(
            description="folder, file or URL of a Parquet table with the `scene_id` of the scenes it was trained on; "
            "empty: scenes of the pool in `labels` that no round asked for"
        ),
    ] = ""


@dataclass(frozen=True)
class LedgerConfig:
    """Where the rounds are recorded."""

    __pydantic_config__ = STRICT
    url: Annotated[str, Field(description="SQLAlchemy URL; empty: ledger.db in the workspace")] = ""
    url_env: Annotated[
        str, Field(description="environment variable with the URL instead, so that its password stands in no file")
    ] = ""

    def __post_init__(self) -> None:
        if self.url and self.url_env:
            raise ValueError("`url` and `url_env` both say where the ledger is; set one of them")
