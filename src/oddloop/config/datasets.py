"""Settings of dataset versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from oddloop.config.types import STRICT


@dataclass(frozen=True)
class DatasetsConfig:
    """Versions of the labelled set."""

    __pydantic_config__ = STRICT
    tag: Annotated[
        bool,
        Field(description="write a tag (Iceberg) or a commit (Delta) to a `labels` or `objects` table of that format"),
    ] = False
