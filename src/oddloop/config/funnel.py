"""Settings of the policy `funnel`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from oddloop.config.types import STRICT


@dataclass(frozen=True)
class FunnelConfig:
    """How the policy `funnel` narrows the candidates down."""

    __pydantic_config__ = STRICT
    keep: Annotated[
        float, Field(gt=0, le=1, description="first, the highest scores are kept: this share of all candidates by cost")
    ] = 0.2
    balance: Annotated[
        str, Field(description="last, the values of this attribute take turns at equal cost; empty: they do not")
    ] = ""
