"""Read `oddloop.toml` once, at the edge: unknown keys are refused with the nearest known name, all faults together."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from oddloop.config.coverage import AttributeConfig, CoverageConfig, MetricConfig
from oddloop.config.datasets import DatasetsConfig
from oddloop.config.engine import EngineConfig
from oddloop.config.evidence import EvidenceConfig
from oddloop.config.intake import IntakeConfig
from oddloop.config.labelling import LabellingConfig
from oddloop.config.leakage import LeakageConfig
from oddloop.config.publish import PublishConfig
from oddloop.config.review import ReviewConfig
from oddloop.config.score import ScoreConfig
from oddloop.config.select import CostConfig, DiscoverConfig, SelectConfig
from oddloop.config.stop import StopConfig
from oddloop.config.tracker import DeployConfig, TrackerConfig
from oddloop.config.train import EvaluateConfig, TrainConfig
from oddloop.config.types import STRICT, Name
from oddloop.config.web import WebConfig
from oddloop.config.workspace import (
    ColumnSource,
    LakeConfig,
    LedgerConfig,
    ModelConfig,
    RowConfig,
    WorkspaceConfig,
)
from oddloop.errors import ConfigError


@dataclass(frozen=True)
class Config:
    """All of `oddloop.toml`."""

    __pydantic_config__ = STRICT
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
    stop: StopConfig = field(default_factory=StopConfig)
    labelling: LabellingConfig = field(default_factory=LabellingConfig)
    review: ReviewConfig = field(default_factory=ReviewConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    evaluate: EvaluateConfig = field(default_factory=EvaluateConfig)
    datasets: DatasetsConfig = field(default_factory=DatasetsConfig)
    leakage: LeakageConfig = field(default_factory=LeakageConfig)
    evidence: EvidenceConfig = field(default_factory=EvidenceConfig)
    tracker: TrackerConfig = field(default_factory=TrackerConfig)
    deploy: DeployConfig = field(default_factory=DeployConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    ledger: LedgerConfig = field(default_factory=LedgerConfig)
    intake: IntakeConfig = field(default_factory=IntakeConfig)
    web: WebConfig = field(default_factory=WebConfig)
    publish: PublishConfig = field(default_factory=PublishConfig)
    columns: dict[str, dict[str, str | ColumnSource]] = field(default_factory=dict)
    """`oddloop ingest tables`: per table, our column = one of the user's files, or how it is made of them."""
    rows: dict[str, RowConfig] = field(default_factory=dict)
    """`oddloop ingest tables`: per table, what becomes of rows that do not fit."""

    def __post_init__(self) -> None:
        if taken := sorted({"scene_id", "log_id", "labelled"} & set(self.attributes)):
            raise ValueError(f"an attribute cannot be called {', '.join(taken)}; name it otherwise and set `column`")
        self.intake.check(self.attributes)


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
