"""`oddloop.toml` as frozen dataclasses: every setting with its default, unit and meaning.

The file is read once, at the edge, by `load_config`. Unknown keys are refused with the nearest known name, and all
faults are reported together, each with its TOML path.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from oddloop.errors import ConfigError

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Pointer = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]*$")]
AttributeKind = Literal["categorical", "ordered", "binned", "multilabel"]
Reduction = Literal["max", "mean", "sum", "topk"]
MeanMeasure = Literal["entropy", "least_confidence", "margin", "ratio"]
MemberMeasure = Literal["expected_entropy", "bald", "variance", "variation_ratio", "vote_entropy", "consensus"]
Measure = Literal[MeanMeasure, MemberMeasure]
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
FORMAT = 1
"""Format number of the workspace; raised when an older oddloop could not read a newer workspace."""


@dataclass(frozen=True)
class WorkspaceConfig:
    """What this workspace is."""

    __pydantic_config__ = _STRICT
    name: Annotated[str, Field(description="shown in reports")] = "workspace"
    format: Annotated[Literal[1], Field(description="format number of the workspace")] = 1
    seed: Annotated[int, Field(ge=0, description="seed of every random choice")] = 0


@dataclass(frozen=True)
class LakeConfig:
    """Where the tables are: a folder of Parquet files each, inside the workspace, or a path or URL elsewhere."""

    __pydantic_config__ = _STRICT
    scenes: Annotated[Pointer, Field(description="folder or URL of `scenes`")] = "lake/scenes"
    frames: Annotated[Pointer, Field(description="folder or URL of `frames`")] = "lake/frames"
    objects: Annotated[Pointer, Field(description="folder or URL of `objects`")] = "lake/objects"
    predictions: Annotated[Pointer, Field(description="folder or URL with `<task>/<model_id>/`")] = "lake/predictions"
    features: Annotated[Pointer, Field(description="folder or URL with `<encoder_id>/`")] = "lake/features"
    metrics: Annotated[Pointer, Field(description="folder or URL of `metrics`")] = "lake/metrics"
    labels: Annotated[Pointer, Field(description="folder or URL of `labels`")] = "lake/labels"


@dataclass(frozen=True)
class AttributeConfig:
    """One attribute of the taxonomy, read from a column of `scenes`."""

    __pydantic_config__ = _STRICT
    kind: Annotated[AttributeKind, Field(description="categorical, ordered, binned or multilabel")] = "categorical"
    column: Annotated[str, Field(description="column of `scenes`; empty: the attribute's own name")] = ""
    values: Annotated[tuple[str, ...], Field(description="allowed values in order; empty: those found")] = ()
    edges: Annotated[tuple[float, ...], Field(description="binned: inner bin edges, each bin closed on the right")] = ()
    unit: Annotated[str, Field(description="unit of a binned column")] = ""

    def __post_init__(self) -> None:
        if (self.kind == "binned") != bool(self.edges):
            raise ValueError('`edges` belongs to kind = "binned", and only to it; give both or neither')
        if self.edges and list(self.edges) != sorted(set(self.edges)):
            raise ValueError(f"`edges` must rise strictly; got {list(self.edges)}")
        if len(set(self.values)) < len(self.values):
            raise ValueError(f"`values` names a value twice; got {list(self.values)}")
        if self.edges and len(self.values) != len(self.edges) + 1:
            raise ValueError(
                f"{len(self.edges)} edges make {len(self.edges) + 1} bins, but `values` names {len(self.values)}; "
                "name every bin"
            )


@dataclass(frozen=True)
class ModelConfig:
    """Which model's outputs are in the lake; after a training the newest trained model takes its place."""

    __pydantic_config__ = _STRICT
    id: Annotated[str, Field(description="model_id; empty: the only one found")] = ""
    encoder: Annotated[str, Field(description="encoder_id of `features`; empty: the only one found, or none")] = ""


@dataclass(frozen=True)
class ScoreConfig:
    """How predictions become frame and scene scores."""

    __pydantic_config__ = _STRICT
    reductions: Annotated[
        tuple[Reduction, ...], Field(min_length=1, description="how the boxes or agents of a frame become one number")
    ] = ("max", "mean", "sum", "topk")
    top_k: Annotated[Count, Field(description="k of the `topk` reduction: mean of the k largest")] = 5
    labels: Annotated[tuple[str, ...], Field(description="score only boxes of these classes; empty: all")] = ()
    measures: Annotated[
        tuple[Measure, ...],
        Field(min_length=1, description="measures of a classification, each a column; of the mean, or between members"),
    ] = ("entropy", "least_confidence", "margin")


@dataclass(frozen=True)
class CoverageConfig:
    """Which segments are counted and how sure we are of their metrics."""

    __pydantic_config__ = _STRICT
    max_way: Annotated[Literal[1, 2], Field(description="attributes in a segment, at most")] = 2
    metric: Annotated[str, Field(description="metric that reports lead with; empty: the first by name")] = ""
    interval: Annotated[
        Literal["bootstrap_by_log", "wilson"], Field(description="interval; Wilson is for rates in [0, 1] only")
    ] = "bootstrap_by_log"
    confidence: Annotated[float, Field(gt=0, lt=1, description="coverage of the interval")] = 0.95
    n_bootstrap: Annotated[Count, Field(description="bootstrap replicates")] = 1000
    min_logs: Annotated[int, Field(ge=2, description="fewer logs than this: no bootstrap interval")] = 5


@dataclass(frozen=True)
class MetricConfig:
    """What is good for one metric, and what is wanted of it."""

    __pydantic_config__ = _STRICT
    better: Annotated[Literal["lower", "higher"], Field(description="direction in which the metric improves")]
    target: Annotated[float | None, Field(description="level to reach in every segment")] = None


@dataclass(frozen=True)
class DiscoverConfig:
    """How scene vectors are made and grouped."""

    __pydantic_config__ = _STRICT
    n_components: Annotated[Count, Field(description="PCA components kept, at most")] = 16
    min_cluster_size: Annotated[int, Field(ge=2, description="smallest cluster, in scenes")] = 10
    min_samples: Annotated[int, Field(ge=1, description="HDBSCAN: neighbours that make a scene dense")] = 5


@dataclass(frozen=True)
class SelectConfig:
    """Which policy picks, and how much it may spend."""

    __pydantic_config__ = _STRICT
    policy: Annotated[
        str, Field(description="`uncertainty`, `margin`, `kcenter`, `random`, or your own as `package.module:function`")
    ] = "uncertainty"
    score: Annotated[
        str, Field(description="scene score to rank by; empty: the policy's own; `audited`: the audit's")
    ] = ""
    budget: Annotated[Positive, Field(description="budget of one round, in the cost unit")] = 100.0


@dataclass(frozen=True)
class CostConfig:
    """What labelling a scene costs: per_scene + per_frame x frames + per_object x objects that the model reported."""

    __pydantic_config__ = _STRICT
    unit: Annotated[str, Field(description="unit of every cost")] = "cost units"
    per_scene: Annotated[NotNegative, Field(description="fixed cost of a scene")] = 0.0
    per_frame: Annotated[NotNegative, Field(description="cost of a frame (Liang et al. 2022: 0.12)")] = 0.12
    per_object: Annotated[NotNegative, Field(description="cost of an object in a frame (ibid.: 0.04)")] = 0.04

    def __post_init__(self) -> None:
        if self.per_scene + self.per_frame + self.per_object <= 0:
            raise ValueError("`per_scene`, `per_frame` and `per_object` are all 0, so every scene is free; set one")


@dataclass(frozen=True)
class TrainConfig:
    """The team's own training, called with the labelled scenes and an output folder."""

    __pydantic_config__ = _STRICT
    command: Annotated[
        str,
        Field(description="command with {labelled}, {output}, {model_id}, {seed} and {workspace}; empty: no training"),
    ] = ""
    timeout_s: Annotated[Positive, Field(description="a training that takes longer is ended and fails")] = 86400.0


@dataclass(frozen=True)
class EvidenceConfig:
    """What the policy is compared with."""

    __pydantic_config__ = _STRICT
    control: Annotated[
        str,
        Field(description="workspace of a control arm on the same evaluation scenes; a path from this one, or a URL"),
    ] = ""


@dataclass(frozen=True)
class EngineConfig:
    """Where the work runs and how much memory it may take."""

    __pydantic_config__ = _STRICT
    workers: Annotated[int, Field(ge=0, description="threads; 0: one per core")] = 0
    batch_rows: Annotated[Count, Field(description="rows that a thread holds at a time")] = 65536


@dataclass(frozen=True)
class LedgerConfig:
    """Where the rounds are recorded."""

    __pydantic_config__ = _STRICT
    url: Annotated[str, Field(description="SQLAlchemy URL; empty: ledger.db in the workspace")] = ""


@dataclass(frozen=True)
class Config:
    """All of `oddloop.toml`."""

    __pydantic_config__ = _STRICT
    workspace: WorkspaceConfig = field(default_factory=WorkspaceConfig)
    lake: LakeConfig = field(default_factory=LakeConfig)
    attributes: dict[Name, AttributeConfig] = field(default_factory=dict)
    metrics: dict[Name, MetricConfig] = field(default_factory=dict)
    model: ModelConfig = field(default_factory=ModelConfig)
    score: ScoreConfig = field(default_factory=ScoreConfig)
    coverage: CoverageConfig = field(default_factory=CoverageConfig)
    discover: DiscoverConfig = field(default_factory=DiscoverConfig)
    select: SelectConfig = field(default_factory=SelectConfig)
    cost: CostConfig = field(default_factory=CostConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    evidence: EvidenceConfig = field(default_factory=EvidenceConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    ledger: LedgerConfig = field(default_factory=LedgerConfig)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    """`oddloop ingest tables`: per table, our column name = the column name in the user's files."""

    def __post_init__(self) -> None:
        if taken := sorted({"scene_id", "log_id", "labelled"} & set(self.attributes)):
            raise ValueError(f"an attribute cannot be called {', '.join(taken)}; name it otherwise and set `column`")


_ADAPTER = TypeAdapter(Config)


def load_config(text: str, *, source: str = "oddloop.toml") -> Config:
    """Read the text of an `oddloop.toml`.

    Raises:
        ConfigError: the text is not TOML, or has unknown keys or bad values; all of them are named at once.

    >>> load_config('[select]\\nbudget = 20.0').select.budget
    20.0
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: not TOML: {error}") from error
    return config_from_mapping(raw, source=source)


def config_from_mapping(raw: Mapping[str, Any], *, source: str = "oddloop.toml") -> Config:
    """Configuration from nested mappings of plain values, as `tomllib` gives them; see `load_config`."""
    try:
        # By way of JSON: strict, and yet TOML arrays may become tuples.
        return _ADAPTER.validate_json(json.dumps(raw, default=str))
    except ValidationError as error:
        lines = sorted(_describe(dict(fault)) for fault in error.errors(include_url=False))
        noun = "fault" if len(lines) == 1 else "faults"
        raise ConfigError("\n".join([f"{source}: {len(lines)} {noun}", *(f"  {line}" for line in lines)])) from None


_WORDS = {
    "missing": "is missing",
    "dataclass_type": "should be a table",
    "dict_type": "should be a table",
    "string_too_short": "should not be empty",
    "too_short": "should not be empty",
    "string_pattern_mismatch": "a name has letters, digits, `_`, `.` and `-` only, and begins with a letter or digit",
}
"""What pydantic says in words of its own, said in those of TOML, by its type of fault."""


def _describe(fault: dict[str, Any]) -> str:
    loc = [str(part) for part in fault["loc"] if part != "[key]"]
    path = ".".join(loc) or "(file)"
    if fault["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{path}: unknown key{_nearest(loc)}"
    message = _WORDS.get(fault["type"], fault["msg"].removeprefix("Value error, "))
    shown = "" if fault["type"] in ("value_error", "missing") else f"; got {fault['input']!r}"
    return f"{path}: {message[:1].lower()}{message[1:]}{shown}"


def _nearest(loc: list[str]) -> str:
    known = _known_keys(Config, loc[:-1])
    close = difflib.get_close_matches(loc[-1], known, n=1, cutoff=0.6)
    return f"; did you mean `{close[0]}`?" if close else f"; known here: {', '.join(sorted(known))}"


def _known_keys(owner: Any, path: list[str]) -> list[str]:
    """Setting names at a TOML path, following dict-valued settings (`attributes.<name>`) into their values."""
    for part in path:
        hint = get_type_hints(owner).get(part) if is_dataclass(owner) else None
        if hint is not None:
            owner = get_args(hint)[1] if get_origin(hint) is dict else hint
        # else: the name of an attribute or metric; `owner` already is the class of its values
    return [f.name for f in fields(owner)] if is_dataclass(owner) else []
