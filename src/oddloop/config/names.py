"""Settings of what people say of clusters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from oddloop.config.types import STRICT, NotNegative


@dataclass(frozen=True)
class NamesConfig:
    """What a name, a risk level and an attribute of named clusters may be."""

    __pydantic_config__ = STRICT
    attribute: Annotated[
        str, Field(description="attribute whose values are the named scenarios; empty: names are no attribute")
    ] = "scenario"
    risk_levels: Annotated[
        dict[str, NotNegative],
        Field(description="risk level = its weight in the order of cards; `S3E4C2` is understood besides"),
    ] = field(default_factory=lambda: {"low": 1.0, "medium": 2.0, "high": 4.0, "critical": 8.0})
