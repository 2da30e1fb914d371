"""Settings of the page of cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from oddloop.config.types import STRICT, Count


@dataclass(frozen=True)
class PageConfig:
    """What the page of cards shows; nothing of it changes what discovery finds."""

    __pydantic_config__ = STRICT
    tracks: Annotated[
        str,
        Field(
            description="folder, file or URL of Parquet files with the columns of `tracks`, to draw scenes from; "
            "empty: the lake's `tracks`"
        ),
    ] = ""
    max_cards: Annotated[Count, Field(description="cards on the page, at most; `oddloop discover` lists all")] = 100
    max_mb: Annotated[
        Count, Field(description="room for drawings, in MB; the most typical scenes of all cards come first")
    ] = 2
